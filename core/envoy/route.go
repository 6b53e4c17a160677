package envoy

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/ownmesh/ownmesh/core/graph"
)

// VirtualHost is a service's virtual host on a port: its routes in order.
func VirtualHost(mesh, service string, domains []string, t graph.Table) []byte {
	return Marshal(&routev3.VirtualHost{Name: service, Domains: domains, Routes: routes(mesh, service, t)})
}

// NamedHost is a virtual host of the HTTP proxy.
func NamedHost(mesh string, n graph.NamedHost, t graph.Table) []byte {
	return Marshal(&routev3.VirtualHost{Name: n.Host, Domains: n.Domains, Routes: routes(mesh, n.Service, t)})
}

// AnyHost is a service's virtual host where whatever Host comes in means that service.
func AnyHost(mesh, service string, t graph.Table) []byte {
	return VirtualHost(mesh, service, []string{"*"}, t)
}

// ApplicationHost is the virtual host of an inbound listener: everything goes to the local application.
func ApplicationHost(mesh, node string, l graph.Listener) []byte {
	action := &routev3.RouteAction{
		ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: ApplicationCluster(mesh, node, l.Port)},
		Timeout:          spanOf(l.Timeout.Request()),
		IdleTimeout:      spanOf(l.Timeout.Idle),
	}
	return Marshal(&routev3.VirtualHost{Name: "ingress", Domains: []string{"*"}, Routes: []*routev3.Route{{
		Match:  &routev3.RouteMatch{PathSpecifier: prefix("/")},
		Action: &routev3.Route_Route{Route: action},
	}}})
}

// AllowAllHost takes requests to hosts that no backend has, to where the application aimed. Those to services of the
// mesh are counted by service: somebody forgot a backend.
func AllowAllHost(mesh string, services []string) []byte {
	host := &routev3.VirtualHost{Name: "*", Domains: []string{"*"}, Routes: []*routev3.Route{{
		Match: &routev3.RouteMatch{PathSpecifier: prefix("/")},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: AllowAllCluster(mesh)},
			Timeout:          span(0), // not ours to bound
		}},
	}}}
	for _, s := range services {
		host.VirtualClusters = append(host.VirtualClusters, &routev3.VirtualCluster{Name: s, Headers: []*routev3.HeaderMatcher{
			headerMatch(graph.HostHeader(s))}})
	}
	return Marshal(host)
}

// routes are a service's routes on a port.
func routes(mesh, service string, t graph.Table) []*routev3.Route {
	out := make([]*routev3.Route, 0, len(t.Routes))
	for _, r := range t.Routes {
		route := &routev3.Route{Match: routeMatch(r.Match), Metadata: aggregateStats("TargetVirtualService", service)}
		setAction(route, mesh, r)
		out = append(out, route)
	}
	return out
}

// setAction sends a route's requests to its destinations; without a weight, they are answered with 503.
func setAction(route *routev3.Route, mesh string, r graph.BoundRoute) {
	clusters := &routev3.WeightedCluster{}
	for _, d := range r.Uses(graph.HTTP) {
		clusters.Clusters = append(clusters.Clusters, &routev3.WeightedCluster_ClusterWeight{
			Name: EgressCluster(mesh, d.Node, d.Port), Weight: number(uint32(d.Weight)),
		})
	}
	if len(clusters.Clusters) == 0 {
		route.Action = &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 503}}
		return
	}
	route.Action = &routev3.Route_Route{Route: &routev3.RouteAction{
		ClusterSpecifier: &routev3.RouteAction_WeightedClusters{WeightedClusters: clusters},
		Timeout:          spanOf(r.Timeout.Request()),
		IdleTimeout:      spanOf(r.Timeout.Idle),
		RetryPolicy:      retryPolicy(r.Retry),
	}}
}
