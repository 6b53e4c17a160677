package graph

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

// View is a mesh as people look at it: who may call whom, by which routes, and what happens then. Defaults are spelt
// out. Everything in it is sorted.
type View struct {
	Mesh     string        `json:"mesh"`
	Nodes    []NodeView    `json:"virtualNodes"`
	Gateways []GatewayView `json:"virtualGateways"`
	Services []ServiceView `json:"virtualServices"`
}

// NodeView is a virtual node.
type NodeView struct {
	Name      string         `json:"name"`
	Listeners []ListenerView `json:"listeners"`
	Discovery string         `json:"discovery"` // "" for none
	Calls     []CallView     `json:"calls"`
	CalledBy  []CallerView   `json:"calledBy"`
}

// GatewayView is a virtual gateway.
type GatewayView struct {
	Name      string             `json:"name"`
	Listeners []ListenerView     `json:"listeners"`
	Routes    []GatewayRouteView `json:"routes"` // in the order in which they are tried
	Calls     []CallView         `json:"calls"`
}

// ServiceView is a virtual service.
type ServiceView struct {
	Name     string       `json:"name"`
	Provider string       `json:"provider"` // virtualRouter/cart, virtualNode/cart; "" for none
	Ports    []CallView   `json:"ports"`
	CalledBy []CallerView `json:"calledBy"`
}

// ListenerView is a port and how it is served.
type ListenerView struct {
	Port
	TLS         string `json:"tls"`         // STRICT, PERMISSIVE or DISABLED, and who may call
	Timeout     string `json:"timeout"`     // of a request; of connections of tcp, when they are idle
	HealthCheck string `json:"healthCheck"` // "" for none
	Outlier     string `json:"outlierDetection"`
	Pool        string `json:"connectionPool"`
}

// CallView is a service on a port, and what becomes of requests to it.
type CallView struct {
	Service string `json:"service"`
	Port
	Provider string      `json:"provider"`
	Routes   []RouteView `json:"routes"`  // in the order in which they are tried
	Missing  string      `json:"missing"` // why there is nothing to call; "" otherwise
}

// RouteView is one route.
type RouteView struct {
	Name     string       `json:"name"`     // "" where a node provides the service
	Priority *int         `json:"priority"` // nil for none
	Match    string       `json:"match"`
	Targets  []TargetView `json:"targets"`
	Timeout  string       `json:"timeout"`
	Retries  string       `json:"retries"`
}

// TargetView is a listener that a route leads to.
type TargetView struct {
	Node string `json:"virtualNode"`
	Port
	Weight int    `json:"weight"`
	Share  string `json:"share"` // of the route's requests: 33 %
	TLS    string `json:"tls"`   // as the caller speaks it; "" in a service's own view
}

// GatewayRouteView is one gateway route.
type GatewayRouteView struct {
	Name     string `json:"name"`
	Priority *int   `json:"priority"`
	Match    string `json:"match"`
	Service  string `json:"service"`
	Rewrite  string `json:"rewrite"`
}

// CallerView is somebody who may call.
type CallerView struct {
	Caller  string `json:"caller"` // virtualNode/web, virtualGateway/edge
	Service string `json:"service"`
	Route   string `json:"route"` // "" where a node provides the service
}

// NewView makes the view of a mesh. Certificates that specs name by ARN are taken as known.
func NewView(mesh resource.Resource, resources []resource.Resource) View {
	w := newViewWorld(mesh, resources)
	v := View{Mesh: mesh.Name, Nodes: []NodeView{}, Gateways: []GatewayView{}, Services: []ServiceView{}}
	for _, name := range sortedKeys(w.nodes) {
		v.Nodes = append(v.Nodes, w.nodeView(w.nodes[name]))
	}
	for _, name := range sortedKeys(w.gateways) {
		v.Gateways = append(v.Gateways, w.gatewayView(w.gateways[name]))
	}
	for _, name := range sortedKeys(w.services) {
		v.Services = append(v.Services, w.serviceView(w.services[name]))
	}
	v.addCallers()
	return v
}

// Of keeps what a view says of one resource; false if that is none that it knows.
func (v View) Of(k resource.Key) (View, bool) {
	nodes, gateways, services := v.Nodes, v.Gateways, v.Services
	v.Nodes, v.Gateways, v.Services = []NodeView{}, []GatewayView{}, []ServiceView{}
	switch k.Kind {
	case resource.KindVirtualNode:
		if i := slices.IndexFunc(nodes, func(n NodeView) bool { return n.Name == k.Name }); i >= 0 {
			v.Nodes = nodes[i : i+1]
			return v, true
		}
	case resource.KindVirtualGateway:
		if i := slices.IndexFunc(gateways, func(g GatewayView) bool { return g.Name == k.Name }); i >= 0 {
			v.Gateways = gateways[i : i+1]
			return v, true
		}
	case resource.KindVirtualService:
		if i := slices.IndexFunc(services, func(s ServiceView) bool { return s.Name == k.Name }); i >= 0 {
			v.Services = services[i : i+1]
			return v, true
		}
	}
	return v, false
}

// addCallers notes calls at those who are called.
func (v *View) addCallers() {
	nodes, services := map[string][]CallerView{}, map[string][]CallerView{}
	note := func(caller string, calls []CallView) {
		for _, c := range calls {
			services[c.Service] = append(services[c.Service], CallerView{Caller: caller, Service: c.Service})
			for _, r := range c.Routes {
				for _, t := range r.Targets {
					nodes[t.Node] = append(nodes[t.Node], CallerView{Caller: caller, Service: c.Service, Route: r.Name})
				}
			}
		}
	}
	for _, n := range v.Nodes {
		note("virtualNode/"+n.Name, n.Calls)
	}
	for _, g := range v.Gateways {
		note("virtualGateway/"+g.Name, g.Calls)
	}
	for i := range v.Nodes {
		v.Nodes[i].CalledBy = sortedCallers(nodes[v.Nodes[i].Name])
	}
	for i := range v.Services {
		v.Services[i].CalledBy = sortedCallers(services[v.Services[i].Name])
	}
}

func sortedCallers(all []CallerView) []CallerView {
	slices.SortFunc(all, func(a, b CallerView) int {
		return cmp.Or(strings.Compare(a.Caller, b.Caller), strings.Compare(a.Service, b.Service), strings.Compare(a.Route, b.Route))
	})
	return append([]CallerView{}, slices.Compact(all)...)
}
