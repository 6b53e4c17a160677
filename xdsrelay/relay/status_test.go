package relay_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

// written gives the status object, if there is one.
func (w *world) written() (s events.RelayStatus) {
	w.t.Helper()
	if data := w.objects.Bytes(events.StatusPath(meshUID, "relay-1")); data != nil {
		if err := json.Unmarshal(data, &s); err != nil {
			w.t.Fatal(err)
		}
	}
	return s
}

func TestStatusIsWritten(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	a := xdstest.Connect(t, w.address, xdstest.Node{ID: cartID, Metadata: events.NodeMetadata{Instance: "b"}})
	settle(a)
	b := xdstest.Connect(t, w.address, xdstest.Node{ID: cartID, Metadata: events.NodeMetadata{Instance: "a"}})
	settle(b)
	eventually(t, "both are in it, and current", func() bool {
		s := w.written()
		return len(s.Proxies) == 2 && s.Proxies[0].Instance == "a" && s.Proxies[1].Instance == "b" &&
			s.Proxies[0].State == events.Current && s.Proxies[1].State == events.Current
	})
	s := w.written()
	if s.Relay != "relay-1" || s.MeshUID != meshUID || s.Generation != 1 || s.At.IsZero() {
		t.Errorf("%+v", s)
	}
	if text := string(w.objects.Bytes(events.StatusPath(meshUID, "relay-1"))); strings.Contains(text, "null") {
		t.Errorf("a list is null: %s", text)
	}
	w.Put(route("r1", "c1", 1))
	w.Publish()
	a.Nack(a.Expect(xdstest.Route, "r1"), "bad")
	b.Accept(xdstest.Route, "r1")
	eventually(t, "the refusal is in it", func() bool {
		s := w.written()
		return s.Generation == 2 && len(s.Proxies) == 2 && s.Proxies[0].Generation == 2 && s.Proxies[0].State == events.Current &&
			s.Proxies[1].Generation == 1 && s.Proxies[1].State == events.Rejected && s.Proxies[1].Rejected[0].Message == "bad"
	})
	a.Close()
	eventually(t, "who goes is out of it", func() bool { return len(w.written().Proxies) == 1 })
}

func TestStatusSurvivesTroubleWithTheStore(t *testing.T) {
	w := newWorld(t)
	w.objects.Put(events.StatusPath(meshUID, "relay-1"), []byte("of an earlier life"))
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	eventually(t, "it is replaced", func() bool {
		return strings.HasPrefix(string(w.objects.Bytes(events.StatusPath(meshUID, "relay-1"))), "{")
	})
	w.objects.Inject(func(call artifacttest.Call) artifacttest.Fault {
		if call.Op == artifacttest.OpReplace {
			return artifacttest.Fault{Err: errors.New("lost"), Lost: true}
		}
		return artifacttest.Fault{}
	})
	w.Put(route("r1", "c1", 1))
	w.Publish()
	c.Accept(xdstest.Route, "r1") // nobody waits for status
	eventually(t, "what was lost is written", func() bool { return w.written().Generation == 2 })
	w.objects.Inject(nil)
	w.objects.Lose(events.StatusPrefix(meshUID))
	w.Publish()
	eventually(t, "what was deleted comes back", func() bool { return w.written().Generation == 3 })
}

// writes counts writes of objects in a while.
func writes(w *world, while time.Duration) int {
	w.objects.Counts()
	time.Sleep(while)
	calls := w.objects.Counts().Calls
	return calls[artifacttest.OpReplace] + calls[artifacttest.OpCreate]
}

func TestUnchangedStatusIsNotWritten(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	c.Sync()
	eventually(t, "it is written", func() bool { p := w.written().Proxies; return len(p) == 1 && p[0].State == events.Current })
	eventually(t, "nothing is left to write", func() bool { return writes(w, 3*quiet) == 0 })
	for n := range 5 { // endpoints are no news
		w.Register(instance("1", "10.0.0."+string(rune('1'+n))))
		c.Accept(xdstest.Endpoint, "c1")
	}
	if n := writes(w, quiet); n > 0 {
		t.Errorf("%d writes for nothing", n)
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	w := newWorld(t, func(o *relay.Options) { o.Metrics = registry })
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	w.Put(route("r1", "c1", 1))
	w.Publish()
	c.Nack(c.Expect(xdstest.Route, "r1"), "bad")
	c.Sync()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.Metric {
			name := family.GetName()
			for _, label := range metric.Label {
				if label.GetName() != "mesh_uid" {
					name += " " + label.GetValue()
				}
			}
			got[name] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"ownmesh_relay_streams": 1, "ownmesh_relay_pushes_total route": 2, "ownmesh_relay_nacks_total route": 1,
		"ownmesh_relay_nacks_total cluster": 0, "ownmesh_relay_generation": 2, "ownmesh_relay_log_sequence config": 1,
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %v, want %v; there are %v", name, value, want, got)
		}
	}
	if got["ownmesh_relay_pushed_bytes_total cluster"] < float64(len(cluster("c1").Body)) {
		t.Errorf("bytes: %v", got)
	}
}
