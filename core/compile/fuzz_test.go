package compile_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/meshtest"
)

// FuzzCompile: whatever specs pass the API's own checks, compiling never panics, what it makes is sound, and a whole
// deletion leaves nothing. Fuzz it with -fuzzminimizetime 0: shortening whole meshes takes longer than finding them.
func FuzzCompile(f *testing.F) {
	files, err := filepath.Glob("testdata/*/mesh.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(lines(meshtest.Read(f, file)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		state, ok := fromLines(text)
		if !ok {
			return
		}
		c := compile.Compile(compile.Options{Interception: resource.Explicit}, state)
		sound(t, c.Config())
		for key := range c.Config().Proxies {
			if _, err := c.Static(key, compile.StaticOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		var changes []compile.Change
		for key := range state.Resources {
			changes = append(changes, compile.Change{Generation: state.Generation + int64(len(changes)) + 1, Key: key})
		}
		out := c.Apply(changes)
		if left := c.Config(); len(left.Resources)+len(left.Proxies) > 0 || len(out.Resources) > 0 {
			t.Fatalf("left behind: %v, %v; changed: %v", left.Resources, left.Proxies, out.Resources)
		}
		if len(state.Resources) > 0 && len(artifact.Diff(nil, c.Config()).Proxies) > 0 {
			t.Fatal("proxies are left")
		}
	})
}

// lines writes a mesh so that a fuzzer can change it: a resource a line, its kind, parent, name and spec.
func lines(s compile.State) string {
	text := "Mesh\t\t" + s.Mesh.Name + "\t" + string(s.Mesh.Spec)
	for _, r := range s.Resources {
		info, _ := resource.InfoOf(r.Kind)
		text += "\n" + strings.Join([]string{info.Title, r.Parent, r.Name, string(r.Spec)}, "\t")
	}
	return text
}

// fromLines reads lines back; false if the API would not have taken one of them.
func fromLines(text string) (compile.State, bool) {
	state := compile.State{Resources: map[resource.Key]resource.Resource{}}
	for line := range strings.SplitSeq(text, "\n") {
		f := strings.SplitN(line, "\t", 4)
		info, ok := resource.ParseKind(f[0])
		if len(f) != 4 || !ok {
			return state, false
		}
		body := fmt.Sprintf(`{%q:%s,"spec":%s}`, info.NameMember, quote(f[2]), f[3])
		request, violations := resource.ParseRequest("Create"+info.Title, []byte(body))
		if len(violations) > 0 {
			return state, false
		}
		r := meshtest.New(resource.Key{Kind: info.Kind, Parent: f[1], Name: request.Name}, string(request.Spec))
		state.Generation++
		if info.Kind == resource.KindMesh {
			state.Mesh = r
		} else {
			state.Resources[r.Key] = r
		}
	}
	return state, state.Mesh.Name != ""
}

func quote(s string) []byte {
	q, _ := json.Marshal(s) // text always marshals
	return q
}
