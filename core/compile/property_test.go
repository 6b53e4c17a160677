package compile_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/meshtest"
)

// TestApplyEqualsCompile changes random meshes at random: names go and come again with new uids, specs change, the
// mesh's own too. After each batch, what Apply made is what Compile makes of the new state, and the change that it
// gave leads from the old configuration to the new one.
func TestApplyEqualsCompile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		options := compile.Options{Interception: rapid.SampledFrom([]resource.InterceptionMode{"", resource.Explicit}).Draw(t, "default")}
		state := compile.State{Mesh: meshtest.New(resource.Key{Kind: resource.KindMesh, Name: "m"}, "{}"), Generation: 1, Resources: map[resource.Key]resource.Resource{}}
		for range rapid.IntRange(0, 15).Draw(t, "first") {
			change(t, &state)
		}
		c := compile.Compile(options, state)
		for range rapid.IntRange(1, 8).Draw(t, "batches") {
			old := snapshot(c.Config())
			var changes []compile.Change
			for range rapid.IntRange(1, 3).Draw(t, "batch") {
				changes = append(changes, change(t, &state))
			}
			if rapid.Bool().Draw(t, "certificates change") {
				state.Certificates = randomCertificates(t)
				c.SetCertificates(state.Certificates)
			}
			out := c.Apply(changes)
			whole := compile.Compile(options, state)
			if diff := cmp.Diff(whole.Config(), c.Config()); diff != "" {
				t.Fatalf("Apply differs from Compile (-Compile +Apply):\n%s", diff)
			}
			if diff := cmp.Diff(whole.Findings(), c.Findings()); diff != "" {
				t.Fatalf("findings differ (-Compile +Apply):\n%s", diff)
			}
			want := artifact.Diff(old, c.Config())
			want.Causes = out.Causes
			if diff := cmp.Diff(want, out); diff != "" {
				t.Fatalf("the change is not the difference (-difference +change):\n%s", diff)
			}
			if len(out.Causes) != len(changes) {
				t.Fatalf("%d causes for %d changes", len(out.Causes), len(changes))
			}
			sound(t, c.Config())
		}
	})
}

// change makes one random commit.
func change(t *rapid.T, s *compile.State) compile.Change {
	s.Generation++
	if rapid.IntRange(0, 9).Draw(t, "mesh") == 0 {
		s.Mesh.Spec = json.RawMessage(randomSpec(t, resource.KindMesh))
		mesh := s.Mesh
		return compile.Change{Generation: s.Generation, Key: mesh.Key, Resource: &mesh, Caller: "test"}
	}
	key := randomKey(t)
	_, there := s.Resources[key]
	if there && rapid.IntRange(0, 2).Draw(t, "delete") == 0 {
		delete(s.Resources, key)
		return compile.Change{Generation: s.Generation, Key: key}
	}
	r := meshtest.New(key, randomSpec(t, key.Kind))
	if !there {
		r.UID = rapid.StringMatching(`[0-9a-f]{8}`).Draw(t, "uid")
	} else {
		r.UID = s.Resources[key].UID
	}
	s.Resources[key] = r
	return compile.Change{Generation: s.Generation, Key: key, Resource: &r}
}

// snapshot copies a configuration as far as Apply changes it in place.
func snapshot(c *artifact.Config) *artifact.Config {
	copied := *c
	copied.Resources, copied.Proxies = maps.Clone(c.Resources), maps.Clone(c.Proxies)
	return &copied
}

// sound checks what holds for every configuration: each set's resources are there, what they need is in the set, each
// name occurs once in a set, no resource is useless, and Envoy's own rules for messages hold.
func sound(t interface{ Fatalf(string, ...any) }, c *artifact.Config) {
	used := map[artifact.ID]bool{}
	for key, p := range c.Proxies {
		for _, ids := range [][]artifact.ID{p.Transparent, p.Explicit} {
			type name struct {
				artifact.Type
				name string
			}
			names := map[name]bool{}
			for _, id := range ids {
				used[id] = true
				if names[name{id.Type, id.Name}] {
					t.Fatalf("%s gets two of %s", key, id)
				}
				names[name{id.Type, id.Name}] = true
			}
			for _, id := range ids {
				r, ok := c.Resources[id]
				if !ok {
					t.Fatalf("%s gets %s, which is not there", key, id)
				}
				for _, need := range r.Needs {
					if !names[name{artifact.Cluster, need}] {
						t.Fatalf("%s gets %s, which needs cluster %s, which is not in the set", key, id, need)
					}
				}
			}
		}
	}
	for id, r := range c.Resources {
		if !used[id] {
			t.Fatalf("nobody gets %s", id)
		}
		m, err := read(r)
		if err == nil {
			err = m.(interface{ ValidateAll() error }).ValidateAll()
		}
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
}
