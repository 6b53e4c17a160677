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
	Routers  []RouterView  `json:"virtualRouters"`
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

// RouterView is a virtual router.
type RouterView struct {
	Name     string     `json:"name"`
	Services []string   `json:"provides"` // the virtual services that it provides
	Ports    []CallView `json:"ports"`    // of no service
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

// Viewer makes views of a mesh.
type Viewer struct{ w *viewWorld }

// NewViewer reads a mesh. Certificates that specs name by ARN are taken as known.
func NewViewer(mesh resource.Resource, resources []resource.Resource) Viewer {
	return Viewer{newViewWorld(mesh, resources)}
}

// LargerThan reports whether the whole view has more than n lines: services, routes and targets, for each caller again.
// It stops counting there.
func (v Viewer) LargerThan(n int) bool {
	for e := range v.w.edges() {
		if n -= e.lines(); n < 0 {
			return true
		}
	}
	for name := range v.w.services {
		for _, e := range v.w.serviceEdges(name) {
			if n -= e.lines(); n < 0 {
				return true
			}
		}
	}
	for name := range v.w.routers {
		for _, e := range v.w.routerEdges(name) {
			if n -= e.lines(); n < 0 {
				return true
			}
		}
	}
	return false
}

// All is the view of the whole mesh.
func (v Viewer) All() View {
	out := v.empty()
	nodes, services := map[string][]CallerView{}, map[string][]CallerView{}
	for e := range v.w.edges() {
		services[e.service] = append(services[e.service], e.serviceCaller())
		for _, r := range e.routes {
			for _, d := range r.Destinations {
				nodes[d.Node] = append(nodes[d.Node], e.nodeCaller(r))
			}
		}
	}
	for _, name := range sortedKeys(v.w.nodes) {
		out.Nodes = append(out.Nodes, v.w.nodeView(v.w.nodes[name], nodes[name]))
	}
	for _, name := range sortedKeys(v.w.gateways) {
		out.Gateways = append(out.Gateways, v.w.gatewayView(v.w.gateways[name]))
	}
	for _, name := range sortedKeys(v.w.routers) {
		out.Routers = append(out.Routers, v.w.routerView(name))
	}
	for _, name := range sortedKeys(v.w.services) {
		out.Services = append(out.Services, v.w.serviceView(v.w.services[name], services[name]))
	}
	return out
}

// Of is the view of one resource, and makes no more than that; false if there is no such node, gateway, router or service.
func (v Viewer) Of(k resource.Key) (View, bool) {
	out := v.empty()
	var callers []CallerView
	switch k.Kind {
	case resource.KindVirtualNode:
		n := v.w.nodes[k.Name]
		if n == nil {
			return out, false
		}
		for e := range v.w.edges() {
			for _, r := range e.routes {
				if slices.ContainsFunc(r.Destinations, func(d Destination) bool { return d.Node == k.Name }) {
					callers = append(callers, e.nodeCaller(r))
				}
			}
		}
		out.Nodes = append(out.Nodes, v.w.nodeView(n, callers))
	case resource.KindVirtualGateway:
		g := v.w.gateways[k.Name]
		if g == nil {
			return out, false
		}
		out.Gateways = append(out.Gateways, v.w.gatewayView(g))
	case resource.KindVirtualRouter:
		if _, ok := v.w.routers[k.Name]; !ok {
			return out, false
		}
		out.Routers = append(out.Routers, v.w.routerView(k.Name))
	case resource.KindVirtualService:
		s := v.w.services[k.Name]
		if s == nil {
			return out, false
		}
		for e := range v.w.edges() {
			if e.service == k.Name {
				callers = append(callers, e.serviceCaller())
			}
		}
		out.Services = append(out.Services, v.w.serviceView(s, callers))
	default:
		return out, false
	}
	return out, true
}

func (v Viewer) empty() View {
	return View{Mesh: v.w.name, Nodes: []NodeView{}, Gateways: []GatewayView{}, Routers: []RouterView{}, Services: []ServiceView{}}
}

func sortedCallers(all []CallerView) []CallerView {
	slices.SortFunc(all, func(a, b CallerView) int {
		return cmp.Or(strings.Compare(a.Caller, b.Caller), strings.Compare(a.Service, b.Service), strings.Compare(a.Route, b.Route))
	})
	return append([]CallerView{}, slices.Compact(all)...)
}
