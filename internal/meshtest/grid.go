package meshtest

import (
	"fmt"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
)

// GridBackends is how many services each node of a Grid calls.
const GridBackends = 5

// Grid is a mesh of n nodes, each with a virtual service s<i>.mesh.local, a router r<i> and a route to it, and
// GridBackends backends: the services that follow it, around the ring. Every third node has Cloud Map discovery.
func Grid(n int) compile.State {
	state := compile.State{
		Mesh:       New(resource.Key{Kind: resource.KindMesh, Name: "grid"}, `{}`),
		Generation: int64(4*n + 1),
		Resources:  make(map[resource.Key]resource.Resource, 4*n),
	}
	for i := range n {
		for _, r := range []resource.Resource{
			New(NodeKey(i), NodeSpec(i, n, 10)),
			New(resource.Key{Kind: resource.KindVirtualRouter, Name: fmt.Sprintf("r%d", i)},
				`{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}]}`),
			New(RouteKey(i), RouteSpec(i, 100)),
			New(resource.Key{Kind: resource.KindVirtualService, Name: ServiceName(i)},
				fmt.Sprintf(`{"provider":{"virtualRouter":{"virtualRouterName":"r%d"}}}`, i)),
		} {
			state.Resources[r.Key] = r
		}
	}
	return state
}

// NodeKey is the i-th node of a Grid.
func NodeKey(i int) resource.Key {
	return resource.Key{Kind: resource.KindVirtualNode, Name: fmt.Sprintf("n%d", i)}
}

// RouteKey is the route of the i-th router of a Grid.
func RouteKey(i int) resource.Key {
	return resource.Key{Kind: resource.KindRoute, Parent: fmt.Sprintf("r%d", i), Name: "all"}
}

// ServiceName is the i-th service of a Grid.
func ServiceName(i int) string { return fmt.Sprintf("s%d.mesh.local", i) }

// NodeSpec is the spec of the i-th of n nodes, with an outlier detection that only its callers care about.
func NodeSpec(i, n, maxServerErrors int) string {
	backends := ""
	for b := 1; b <= GridBackends; b++ {
		if b > 1 {
			backends += ","
		}
		backends += fmt.Sprintf(`{"virtualService":{"virtualServiceName":%q}}`, ServiceName((i+b)%n))
	}
	discovery := fmt.Sprintf(`{"dns":{"hostname":"n%d.internal","responseType":"ENDPOINTS"}}`, i)
	if i%3 == 0 {
		discovery = fmt.Sprintf(`{"awsCloudMap":{"namespaceName":"internal","serviceName":"n%d"}}`, i)
	}
	return fmt.Sprintf(`{"listeners":[{"portMapping":{"port":8080,"protocol":"http"},
 "outlierDetection":{"maxServerErrors":%d,"maxEjectionPercent":50,"interval":{"unit":"s","value":10},"baseEjectionDuration":{"unit":"s","value":30}}}],
 "serviceDiscovery":%s,"backends":[%s],"logging":{"accessLog":{"file":{"path":"/dev/stdout"}}}}`, maxServerErrors, discovery, backends)
}

// RouteSpec is the spec of the i-th route, with a weight.
func RouteSpec(i, weight int) string {
	return fmt.Sprintf(`{"httpRoute":{"match":{"prefix":"/"},"action":{"weightedTargets":[{"virtualNode":"n%d","weight":%d}]}}}`, i, weight)
}
