package meshtest

import (
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
)

func TestParse(t *testing.T) {
	state, err := Parse([]byte("kind: Mesh\nmeshName: m\n---\n---\nkind: route\nmeshName: m\nvirtualRouterName: r\nrouteName: x\nspec: {tcpRoute: {action: {weightedTargets: [{virtualNode: n, weight: 1}]}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	key := resource.Key{Kind: resource.KindRoute, Parent: "r", Name: "x"}
	if r, ok := state.Resources[key]; !ok || state.Mesh.Name != "m" || state.Generation != 2 || r.UID == "" {
		t.Errorf("%+v", state)
	}
	for text, want := range map[string]string{
		"kind: Pod":                             `unknown kind "Pod"`,
		"meshName: m":                           `unknown kind ""`,
		"kind: Mesh\nmeshName: m\nspec: {x: 1}": "spec.x",
		"":                                      "no document of kind Mesh",
		"kind: [":                               "document 1",
		"kind: VirtualRouter\nvirtualRouterName: r\nspec: {}\n---\nkind: VirtualRouter\nvirtualRouterName: r\nspec: {}": "is there before",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that says %q", text, err, want)
		}
	}
}

// A grid is a mesh without mistakes, whose specs the API takes.
func TestGrid(t *testing.T) {
	state := Grid(10)
	for _, r := range state.Resources {
		info, _ := resource.InfoOf(r.Kind)
		body := `{"` + info.NameMember + `":"x","spec":` + string(r.Spec) + `}`
		if _, violations := resource.ParseRequest("Create"+info.Title, []byte(body)); len(violations) > 0 {
			t.Errorf("%s: %v", r.Key, violations)
		}
	}
	c := compile.Compile(compile.Options{}, state)
	if found := c.Findings(); len(found) > 0 {
		t.Errorf("findings: %v", found)
	}
	if n := len(c.Config().Proxies); n != 10 {
		t.Errorf("%d proxies", n)
	}
}
