package graph

import (
	"maps"
	"slices"

	"github.com/ownmesh/ownmesh/core/resource"
)

// viewWorld is a whole mesh, read.
type viewWorld struct {
	mesh          Mesh
	nodes         map[string]*Node
	services      map[string]*Service
	gateways      map[string]*Gateway
	routers       map[string]Ports
	routes        map[string][]resource.Resource // by router
	gatewayRoutes map[string][]resource.Resource // by gateway
	tables        map[string][]Table             // by router
}

var _ World = (*viewWorld)(nil)

func newViewWorld(mesh resource.Resource, resources []resource.Resource) *viewWorld {
	w := &viewWorld{
		nodes: map[string]*Node{}, services: map[string]*Service{}, gateways: map[string]*Gateway{}, routers: map[string]Ports{},
		routes: map[string][]resource.Resource{}, gatewayRoutes: map[string][]resource.Resource{}, tables: map[string][]Table{},
	}
	w.mesh, _ = ReadMesh(mesh)
	for _, r := range resources {
		switch r.Kind {
		case resource.KindVirtualNode:
			w.nodes[r.Name], _ = ReadNode(r)
		case resource.KindVirtualService:
			w.services[r.Name], _ = ReadService(r)
		case resource.KindVirtualGateway:
			w.gateways[r.Name], _ = ReadGateway(r)
		case resource.KindVirtualRouter:
			w.routers[r.Name], _ = ReadRouter(r)
		case resource.KindRoute:
			w.routes[r.Parent] = append(w.routes[r.Parent], r)
		case resource.KindGatewayRoute:
			w.gatewayRoutes[r.Parent] = append(w.gatewayRoutes[r.Parent], r)
		}
	}
	return w
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Service implements World.
func (w *viewWorld) Service(name string) *Service { return w.services[name] }

// NodePorts implements World.
func (w *viewWorld) NodePorts(node string) Ports {
	if n := w.nodes[node]; n != nil {
		return n.Ports()
	}
	return nil
}

// RouterPorts implements World.
func (w *viewWorld) RouterPorts(router string) Ports { return w.routers[router] }

func (w *viewWorld) ports(service string) Ports { return ServicePorts(w, service) }

// routerTables is what a router does with each of its ports.
func (w *viewWorld) routerTables(router string) []Table {
	if t, ok := w.tables[router]; ok {
		return t
	}
	var bound []BoundRoute
	for _, r := range w.routes[router] {
		read, _ := ReadRoute(r)
		if b, _ := BindRoute(r.Key, read, w.routers[router], w.NodePorts); b != nil {
			bound = append(bound, *b)
		}
	}
	w.tables[router] = Tables(w.routers[router], bound)
	return w.tables[router]
}

// table is what a service does with what is sent to one of its ports.
func (w *viewWorld) table(s *Service, port Port) Table {
	switch {
	case s.Node != "":
		return NodeTable(s.Node, port)
	case s.Router != "":
		for _, t := range w.routerTables(s.Router) {
			if t.Port.Port == port.Port {
				return t
			}
		}
	}
	return Table{Port: port}
}

func providerOf(s *Service) string {
	switch {
	case s.Router != "":
		return string(resource.KindVirtualRouter) + "/" + s.Router
	case s.Node != "":
		return string(resource.KindVirtualNode) + "/" + s.Node
	}
	return ""
}

// calls is what a caller of a service meets, a view a port.
func (w *viewWorld) calls(service string, policy *ClientTLS, caller bool) []CallView {
	s := w.services[service]
	if s == nil {
		return []CallView{{Service: service, Routes: []RouteView{}, Missing: "there is no such virtual service"}}
	}
	ports := w.ports(service)
	if len(ports) == 0 {
		return []CallView{{Service: service, Provider: providerOf(s), Routes: []RouteView{}, Missing: "its provider has no listener, or there is none"}}
	}
	var out []CallView
	for _, p := range ports {
		c := CallView{Service: service, Port: p, Provider: providerOf(s), Routes: []RouteView{}}
		for _, r := range w.table(s, p).Routes {
			c.Routes = append(c.Routes, w.routeView(r, p, policy, caller))
		}
		if len(c.Routes) == 0 {
			c.Missing = "no route: requests are answered with 404"
		}
		out = append(out, c)
	}
	return out
}

func (w *viewWorld) nodeView(n *Node) NodeView {
	v := NodeView{Name: n.Name, Listeners: listenerViews(n.Listeners), Discovery: n.Discovery.words(), Calls: []CallView{}}
	for _, b := range n.Backends {
		v.Calls = append(v.Calls, w.calls(b.Service, b.Policy, true)...)
	}
	return v
}

func (w *viewWorld) serviceView(s *Service) ServiceView {
	return ServiceView{Name: s.Name, Provider: providerOf(s), Ports: w.calls(s.Name, nil, false)}
}

func (w *viewWorld) gatewayView(g *Gateway) GatewayView {
	v := GatewayView{Name: g.Name, Listeners: listenerViews(g.Listeners), Routes: []GatewayRouteView{}, Calls: []CallView{}}
	var bound []BoundGatewayRoute
	for _, r := range w.gatewayRoutes[g.Name] {
		read, _ := ReadGatewayRoute(r)
		if b, _ := BindGatewayRoute(r.Key, read, g, w.ports); b != nil {
			bound = append(bound, *b)
		}
	}
	plan, _ := PlanGateway(g.Name, bound)
	for _, r := range plan.Routes {
		v.Routes = append(v.Routes, GatewayRouteView{
			Name: r.Name, Priority: r.Order.priority(), Match: r.Match.words(), Service: r.Service, Rewrite: r.words(),
		})
	}
	for _, called := range plan.Called {
		for _, c := range w.calls(called.Service, g.Policy, true) {
			if c.Missing != "" || slices.Contains(called.Ports, c.Port.Port) {
				v.Calls = append(v.Calls, c)
			}
		}
	}
	return v
}
