package compile_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// TestViewsOfRandomMeshes looks at meshes full of mistakes: what is seen of one resource is what the whole view shows of
// it, whatever order resources come in.
func TestViewsOfRandomMeshes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := randomMesh.Draw(t, "mesh")
		resources := slices.SortedFunc(maps.Values(state.Resources), func(a, b resource.Resource) int { return a.Key.Compare(b.Key) })
		viewer := graph.NewViewer(state.Mesh, resources)
		whole := viewer.All()
		parts := graph.View{Mesh: whole.Mesh, Nodes: []graph.NodeView{}, Gateways: []graph.GatewayView{}, Routers: []graph.RouterView{}, Services: []graph.ServiceView{}}
		for _, r := range resources {
			of, ok := viewer.Of(r.Key)
			kinds := []resource.Kind{resource.KindVirtualNode, resource.KindVirtualGateway, resource.KindVirtualRouter, resource.KindVirtualService}
			seen := slices.Contains(kinds, r.Kind)
			if ok != seen {
				t.Fatalf("%s: view %v, want %v", r.Key, ok, seen)
			}
			parts.Nodes, parts.Gateways = append(parts.Nodes, of.Nodes...), append(parts.Gateways, of.Gateways...)
			parts.Routers, parts.Services = append(parts.Routers, of.Routers...), append(parts.Services, of.Services...)
		}
		if diff := cmp.Diff(whole, parts); diff != "" {
			t.Fatalf("the parts differ from the whole (-whole +parts):\n%s", diff)
		}
		slices.Reverse(resources)
		if diff := cmp.Diff(whole, graph.NewViewer(state.Mesh, resources).All()); diff != "" {
			t.Fatalf("the view depends on the order of resources:\n%s", diff)
		}
	})
}
