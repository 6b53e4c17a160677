package load_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/test/bench/load"
)

const proxies = 4

// TestSize: the load is what the design's numbers were measured with.
func TestSize(t *testing.T) {
	shape := load.Shape{Proxies: proxies}
	messages := shape.Messages()
	count, size := 0, 0
	for _, kind := range load.Types() {
		for _, m := range append(messages.Shared[kind], messages.Own[1][kind]...) {
			count++
			size += proto.Size(m)
		}
	}
	if count != 61 || size < 35<<10 || size > 37<<10 {
		t.Errorf("a proxy gets %d resources of %d bytes, want 61 of 36 KB", count, size)
	}
}

// TestConfigIsTheMessages: the relay is given what the others are.
func TestConfigIsTheMessages(t *testing.T) {
	shape := load.Shape{Proxies: proxies}
	cfg, messages := shape.Config(), shape.Messages()
	if err := (&artifact.Config{}).Apply(artifact.Diff(nil, cfg)); err != nil {
		t.Fatal(err)
	}
	for key, p := range cfg.Proxies {
		if len(p.Transparent) != 41 {
			t.Errorf("%s has %d resources, want 41 and 20 assignments", key, len(p.Transparent))
		}
	}
	bodies := map[string]bool{}
	for _, r := range cfg.Resources {
		bodies[string(r.Body)] = true
	}
	for _, kind := range load.Types() {
		all := messages.Shared[kind]
		for i := range messages.Own {
			all = append(all, messages.Own[i][kind]...)
		}
		for _, m := range all {
			if kind != load.EndpointType && !bodies[string(spell(t, m))] {
				t.Errorf("the config log lacks %v", m)
			}
		}
	}
}

// TestChanges: each changes one assignment, in messages as in logs, and can be told from all others.
func TestChanges(t *testing.T) {
	shape := load.Shape{Proxies: proxies}
	messages, state := shape.Messages(), shape.Endpoints()
	objects := artifacttest.NewMemory()
	publisher, err := shape.Publish(t.Context(), objects)
	if err != nil {
		t.Fatal(err)
	}
	changes := []load.Change{{Round: 1, Proxy: load.Everyone}, {Round: 1, Proxy: 2}, {Round: 101, Proxy: 2}, {Round: 1001, Proxy: load.Everyone}, {Round: 10_001, Proxy: 3}}
	for _, c := range changes {
		before := total(t, messages, c.Marker())
		messages.Apply(c)
		if after := total(t, messages, c.Marker()); before != 0 || after != 1 {
			t.Errorf("%+v: its marker was in %d messages and is in %d, want none and 1", c, before, after)
		}
		if !bytes.Contains(spell(t, c.Message()), c.Marker()) {
			t.Errorf("%+v: its message lacks its marker", c)
		}
		state.Apply(c.EndpointsChange())
		if err := publisher.Append(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	reader := artifact.NewReader(objects, load.MeshUID, artifact.EndpointsLog, artifact.ReaderOptions{})
	if _, err := reader.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := endpoint.Diff(*reader.State(), *state); len(diff.Put)+len(diff.Remove) > 0 {
		t.Errorf("the log leads elsewhere: %+v", diff)
	}
}

// total is how many messages contain a marker.
func total(t *testing.T, m *load.Messages, marker []byte) (n int) {
	for _, kind := range load.Types() {
		all := m.Shared[kind]
		for i := range m.Own {
			all = append(all, m.Own[i][kind]...)
		}
		for _, message := range all {
			if bytes.Contains(spell(t, message), marker) {
				n++
			}
		}
	}
	return n
}

func spell(t *testing.T, m proto.Message) []byte {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
