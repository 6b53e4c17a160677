package compile_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/golden"
	"github.com/ownmesh/ownmesh/internal/meshtest"
)

// TestFindings makes every mistake that App Mesh accepted, one at a time, in a mesh without any: exactly the named
// findings come out. What they tell people is in testdata/findings/findings.txt, to be read as such.
func TestFindings(t *testing.T) {
	base := meshtest.Read(t, "testdata/findings/base.yaml")
	if found := compile.Compile(compile.Options{}, base).Findings(); len(found) > 0 {
		t.Fatalf("the mesh without mistakes has findings: %v", found)
	}
	var text strings.Builder
	for _, c := range findingCases {
		state := base
		state.Resources = maps.Clone(base.Resources)
		changed, err := meshtest.Parse([]byte("{kind: Mesh, meshName: shop, spec: {}}\n---\n" + c.given))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		maps.Copy(state.Resources, changed.Resources)
		for _, key := range c.without {
			delete(state.Resources, key)
		}
		found := compile.Compile(compile.Options{}, state).Findings()
		var got []string
		fmt.Fprintf(&text, "# %s\n", c.name)
		for _, f := range found {
			got = append(got, strings.Join([]string{f.Resource.String(), f.Path, f.Code}, " "))
			fmt.Fprintf(&text, "%s: %s (%s)\n    %s\n    -> %s\n", f.Resource, f.Path, f.Code, f.Message, f.Hint)
		}
		text.WriteString("\n")
		if !slices.IsSortedFunc(found, resource.Finding.Compare) {
			t.Errorf("%s: findings are in no order: %v", c.name, got)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	golden.Dir(t, "testdata/findings", map[string][]byte{"findings.txt": []byte(text.String())}, []string{"base.yaml"},
		"go test ./core/compile -run TestFindings -update")
}

// findingCase is a mistake: resources that replace those of the mesh, or are added to it.
type findingCase struct {
	name    string // with the section of App Mesh's rules that it is about
	given   string
	without []resource.Key
	want    []string // resource, path, code; sorted
}

func node(name, spec string) string {
	return fmt.Sprintf("{kind: VirtualNode, virtualNodeName: %s, spec: {%s}}\n---\n", name, spec)
}

// cart is a node that listens; spec is further members, listener further members of its listener.
func cart(listener, spec string) string {
	return node("cart", `listeners: [{portMapping: {port: 8080, protocol: http}, `+listener+`}], serviceDiscovery: {dns: {hostname: cart.internal, responseType: ENDPOINTS}}, `+spec)
}

func web(backends string) string { return node("web", "backends: ["+backends+"]") }

func backend(service string) string {
	return fmt.Sprintf("{virtualService: {virtualServiceName: %s}}", service)
}

func router(name, listeners string) string {
	return fmt.Sprintf("{kind: VirtualRouter, virtualRouterName: %s, spec: {listeners: [%s]}}\n---\n", name, listeners)
}

func listener(port int, protocol string) string {
	return fmt.Sprintf("{portMapping: {port: %d, protocol: %s}}", port, protocol)
}

func route(name, spec string) string {
	return fmt.Sprintf("{kind: Route, virtualRouterName: shop, routeName: %s, spec: {%s}}\n---\n", name, spec)
}

// httpRoute is a route to cart; more is further members of it.
func httpRoute(match, more string) string {
	return route("all", "httpRoute: {match: {"+match+"}, action: {weightedTargets: [{virtualNode: cart, weight: 1}]}, "+more+"}")
}

func service(name, spec string) string {
	return fmt.Sprintf("{kind: VirtualService, virtualServiceName: %s, spec: {%s}}\n---\n", name, spec)
}

func gateway(listeners string) string {
	return "{kind: VirtualGateway, virtualGatewayName: edge, spec: {listeners: [" + listeners + "]}}\n---\n"
}

// gatewayRoute is a route of edge to shop.local; action is further members of its action.
func gatewayRoute(match, action string) string {
	return "{kind: GatewayRoute, virtualGatewayName: edge, gatewayRouteName: all, spec: {httpRoute: {match: {" + match +
		"}, action: {target: {virtualService: {virtualServiceName: shop.local}}, " + action + "}}}}\n---\n"
}
