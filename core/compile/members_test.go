package compile_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/meshtest"
	"github.com/ownmesh/ownmesh/internal/shapetest"
)

// withoutEffect are the members of App Mesh's specs that change nobody's configuration, and why that is right.
var withoutEffect = map[string]string{
	"virtualGateway.listeners[].healthCheck":                    "nobody in the mesh calls a gateway, so nobody probes it: the load balancer in front of it does. A finding says so",
	"virtualGateway.listeners[].healthCheck.healthyThreshold":   "see healthCheck",
	"virtualGateway.listeners[].healthCheck.intervalMillis":     "see healthCheck",
	"virtualGateway.listeners[].healthCheck.path":               "see healthCheck",
	"virtualGateway.listeners[].healthCheck.port":               "see healthCheck",
	"virtualGateway.listeners[].healthCheck.protocol":           "see healthCheck",
	"virtualGateway.listeners[].healthCheck.timeoutMillis":      "see healthCheck",
	"virtualGateway.listeners[].healthCheck.unhealthyThreshold": "see healthCheck",
	"virtualNode.listeners[].healthCheck.port":                  "the listener's own port is probed, as its callers use it. A finding says so if it is another",
}

// TestEveryMemberCounts is the promise that no member of App Mesh's specs is accepted and then forgotten. In the meshes
// of testdata it takes each member away, or changes it, and looks whether any proxy's configuration is another one. A
// member that never changes anything must be in withoutEffect, and what is there must change nothing. Members are those
// of the API's description.
func TestEveryMemberCounts(t *testing.T) {
	counts := map[string]bool{}
	members, enums := specMembers(t)
	files, err := filepath.Glob("testdata/*/mesh.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		state := meshtest.Read(t, file)
		state.Certificates = certificates(t, filepath.Dir(file))
		before := digest(state)
		for _, r := range everything(state) {
			variants(t, r, enums, func(path string, changed resource.Resource) {
				if !counts[path] && digest(replaced(state, changed)) != before {
					counts[path] = true
				}
			})
		}
	}
	for _, path := range members {
		member, _, _ := strings.Cut(path, "=")
		switch why := withoutEffect[member]; {
		case !counts[path] && why == "":
			t.Errorf("%s changes nobody's configuration: compile it, or say in withoutEffect why not", path)
		case counts[path] && why != "":
			t.Errorf("%s is said to have no effect (%s), and has one", path, why)
		}
	}
	for path := range withoutEffect {
		if !slices.Contains(members, path) {
			t.Errorf("withoutEffect names %s, which no spec has", path)
		}
	}
	if len(members) < 300 {
		t.Errorf("only %d members were found", len(members))
	}
}

// specMembers lists the members of all specs: virtualNode.listeners[].portMapping.port. A value of an enumeration is a
// member too: virtualNode.listeners[].tls.mode=STRICT; enums has these by the member.
func specMembers(t *testing.T) (members []string, enums map[string][]string) {
	model := shapetest.Load(t, nil)
	enums = map[string][]string{}
	var walk func(shape, path string)
	walk = func(shape, path string) {
		switch s := model.Shapes[shape]; s.Type {
		case "structure":
			for name, m := range s.Members {
				members = append(members, path+"."+name)
				walk(m.Shape, path+"."+name)
			}
		case "list":
			walk(s.Member.Shape, path+"[]")
		case "string":
			enums[path] = s.Enum
			for _, value := range s.Enum {
				if len(s.Enum) == 1 {
					continue // the member itself says as much
				}
				members = append(members, path+"="+value)
			}
		}
	}
	for _, info := range resource.Kinds {
		if !info.Own {
			input := model.Shapes[model.Operations["Create"+info.Title].Input.Shape]
			walk(input.Members["spec"].Shape, string(info.Kind))
		}
	}
	slices.Sort(members)
	return members, enums
}

// everything is a mesh's resources, the mesh among them, in order.
func everything(s compile.State) []resource.Resource {
	all := append(slices.Collect(maps.Values(s.Resources)), s.Mesh)
	slices.SortFunc(all, func(a, b resource.Resource) int { return a.Key.Compare(b.Key) })
	return all
}

func replaced(s compile.State, r resource.Resource) compile.State {
	if r.Kind == resource.KindMesh {
		s.Mesh = r
		return s
	}
	s.Resources = maps.Clone(s.Resources)
	s.Resources[r.Key] = r
	return s
}

// digest is a configuration as text, bytes and sets.
func digest(s compile.State) string {
	c := compile.Compile(compile.Options{}, s).Config()
	var lines []string
	for id, r := range c.Resources {
		lines = append(lines, fmt.Sprint(id, r.Hash))
	}
	for key, p := range c.Proxies {
		lines = append(lines, fmt.Sprint(key, p))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// variants changes a resource's spec at each of its members in turn: takes the member away, or gives it another value.
func variants(t *testing.T, r resource.Resource, enums map[string][]string, visit func(path string, changed resource.Resource)) {
	var spec any
	if err := json.Unmarshal(r.Spec, &spec); err != nil {
		t.Fatal(err)
	}
	try := func(path string) {
		text, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		changed := r
		changed.Spec = text
		visit(path, changed)
	}
	// put tries other values at a place. Of two values of an enumeration that give different configurations, both count.
	put := func(path string, value any, set func(any)) {
		for _, other := range others(value) {
			set(other)
			try(path)
		}
		for _, other := range enums[path] {
			if other != value {
				set(other)
				try(path + "=" + other)
				try(path + "=" + value.(string))
			}
		}
		set(value)
	}
	var walk func(v any, path string)
	walk = func(v any, path string) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				at := path + "." + name
				delete(v, name)
				try(at)
				put(at, value, func(other any) { v[name] = other })
				walk(value, at)
			}
		case []any:
			for i, item := range v {
				put(path+"[]", item, func(other any) { v[i] = other })
				walk(item, path+"[]")
			}
		}
	}
	walk(spec, string(r.Kind))
}

// others are values beside a scalar.
func others(v any) []any {
	switch v := v.(type) {
	case float64:
		return []any{v + 1}
	case bool:
		return []any{!v}
	case string:
		return []any{v + "x", "/x"}
	}
	return nil
}
