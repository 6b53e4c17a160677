package graph

import (
	"iter"
	"maps"
	"slices"

	"github.com/ownmesh/ownmesh/core/resource"
)

// viewWorld is a whole mesh, read.
type viewWorld struct {
	name          string
	mesh          Mesh
	nodes         map[string]*Node
	services      map[string]*Service
	gateways      map[string]*Gateway
	routers       map[string]Ports
	routes        map[string][]resource.Resource // by router
	gatewayRoutes map[string][]resource.Resource // by gateway
	tables        map[string][]Table             // by router
	plans         map[string]GatewayPlan         // by gateway
}

var _ World = (*viewWorld)(nil)

func newViewWorld(mesh resource.Resource, resources []resource.Resource) *viewWorld {
	w := &viewWorld{
		nodes: map[string]*Node{}, services: map[string]*Service{}, gateways: map[string]*Gateway{}, routers: map[string]Ports{},
		routes: map[string][]resource.Resource{}, gatewayRoutes: map[string][]resource.Resource{}, tables: map[string][]Table{},
		plans: map[string]GatewayPlan{}, name: mesh.Name,
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

// edge is a caller, and what it may call on one port.
type edge struct {
	caller  string // virtualNode/web
	service string
	port    Port         // the zero value: there is none
	policy  *ClientTLS   // the caller's; nil: none
	path    string       // where its spec says so
	routes  []BoundRoute // of the port
}

func (e edge) serviceCaller() CallerView { return CallerView{Caller: e.caller, Service: e.service} }

func (e edge) nodeCaller(r BoundRoute) CallerView {
	return CallerView{Caller: e.caller, Service: e.service, Route: r.Name}
}

// lines is how much a view says of it.
func (e edge) lines() int {
	n := 1
	for _, r := range e.routes {
		n += 1 + len(r.Destinations)
	}
	return n
}

// edges goes through who may call what.
func (w *viewWorld) edges() iter.Seq[edge] {
	return func(yield func(edge) bool) {
		for _, name := range sortedKeys(w.nodes) {
			for _, e := range w.nodeEdges(w.nodes[name]) {
				if !yield(e) {
					return
				}
			}
		}
		for _, name := range sortedKeys(w.gateways) {
			for _, e := range w.gatewayEdges(w.gateways[name]) {
				if !yield(e) {
					return
				}
			}
		}
	}
}

func (w *viewWorld) nodeEdges(n *Node) []edge {
	var out []edge
	for _, b := range n.Backends {
		for _, e := range w.serviceEdges(b.Service) {
			e.caller, e.policy, e.path = string(resource.KindVirtualNode)+"/"+n.Name, b.Policy, b.Path
			out = append(out, e)
		}
	}
	return out
}

func (w *viewWorld) gatewayEdges(g *Gateway) []edge {
	var out []edge
	for _, called := range w.plan(g).Called {
		for _, e := range w.serviceEdges(called.Service) {
			if e.port.Port == 0 || slices.Contains(called.Ports, e.port.Port) {
				e.caller, e.policy, e.path = string(resource.KindVirtualGateway)+"/"+g.Name, g.Policy, gatewayPolicyPath
				out = append(out, e)
			}
		}
	}
	return out
}

// serviceEdges are a service's ports, without a caller.
func (w *viewWorld) serviceEdges(service string) []edge {
	ports := w.ports(service)
	if len(ports) == 0 {
		return []edge{{service: service}}
	}
	out := make([]edge, len(ports))
	for i, p := range ports {
		out[i] = edge{service: service, port: p, routes: w.table(w.services[service], p).Routes}
	}
	return out
}

// policies picks the client policy of each listener that edges of one caller lead to.
func policies(caller resource.Key, es []edge) map[Destination]*ClientTLS {
	var uses []Use
	for _, e := range es {
		for _, d := range (Table{Port: e.port, Routes: e.routes}).Clusters() {
			uses = append(uses, Use{Service: e.service, Port: e.port.Port, Target: d, Policy: e.policy, Path: e.path})
		}
	}
	picked, _ := PickPolicies(caller, uses, viewMaterial)
	out := map[Destination]*ClientTLS{}
	for _, p := range picked {
		out[Destination{Node: p.Node, Port: Port{Port: p.Port}}] = ParsePolicy(p.Policy)
	}
	return out
}

// viewMaterial takes certificates as known.
func viewMaterial(string) Material { return Material{Authorities: "known"} }

// calls shows edges; policies are their caller's, nil for a view of no caller.
func (w *viewWorld) calls(es []edge, policies map[Destination]*ClientTLS) []CallView {
	out := []CallView{}
	for _, e := range es {
		c := CallView{Service: e.service, Port: e.port, Routes: []RouteView{}}
		s := w.services[e.service]
		if s != nil {
			c.Provider = providerOf(s)
		}
		switch {
		case s == nil && e.service != "":
			c.Missing = "there is no such virtual service"
		case e.port.Port == 0:
			c.Missing = "its provider has no listener, or there is none"
		case len(e.routes) == 0:
			c.Missing = "no route: requests are answered with 404"
		}
		for _, r := range e.routes {
			c.Routes = append(c.Routes, w.routeView(r, e.port, policies))
		}
		out = append(out, c)
	}
	return out
}

func (w *viewWorld) nodeView(n *Node, callers []CallerView) NodeView {
	es := w.nodeEdges(n)
	// Policies count in the order of the spec, what is shown is in that of names.
	index := map[string]int{}
	for _, b := range n.Backends {
		index[b.Service] = b.Index
	}
	first := slices.Clone(es)
	slices.SortStableFunc(first, func(a, b edge) int { return index[a.service] - index[b.service] })
	key := resource.Key{Kind: resource.KindVirtualNode, Name: n.Name}
	return NodeView{
		Name: n.Name, Listeners: listenerViews(n.Listeners), Discovery: n.Discovery.words(),
		Calls: w.calls(es, policies(key, first)), CalledBy: sortedCallers(callers),
	}
}

func (w *viewWorld) serviceView(s *Service, callers []CallerView) ServiceView {
	return ServiceView{Name: s.Name, Provider: providerOf(s), Ports: w.calls(w.serviceEdges(s.Name), nil), CalledBy: sortedCallers(callers)}
}

// routerEdges are a router's ports, without a service.
func (w *viewWorld) routerEdges(router string) []edge {
	out := []edge{}
	for _, t := range w.routerTables(router) {
		out = append(out, edge{port: t.Port, routes: t.Routes})
	}
	return out
}

func (w *viewWorld) routerView(name string) RouterView {
	v := RouterView{Name: name, Services: []string{}, Ports: w.calls(w.routerEdges(name), nil)}
	for i := range v.Ports {
		v.Ports[i].Provider = string(resource.KindVirtualRouter) + "/" + name
	}
	for _, service := range sortedKeys(w.services) {
		if w.services[service].Router == name {
			v.Services = append(v.Services, service)
		}
	}
	return v
}

// plan is what a gateway's routes come to.
func (w *viewWorld) plan(g *Gateway) GatewayPlan {
	if p, ok := w.plans[g.Name]; ok {
		return p
	}
	var bound []BoundGatewayRoute
	for _, r := range w.gatewayRoutes[g.Name] {
		read, _ := ReadGatewayRoute(r)
		if b, _ := BindGatewayRoute(r.Key, read, g, w.ports); b != nil {
			bound = append(bound, *b)
		}
	}
	w.plans[g.Name], _ = PlanGateway(g.Name, bound)
	return w.plans[g.Name]
}

func (w *viewWorld) gatewayView(g *Gateway) GatewayView {
	es := w.gatewayEdges(g)
	key := resource.Key{Kind: resource.KindVirtualGateway, Name: g.Name}
	v := GatewayView{Name: g.Name, Listeners: listenerViews(g.Listeners), Routes: []GatewayRouteView{}, Calls: w.calls(es, policies(key, es))}
	for _, r := range w.plan(g).Routes {
		v.Routes = append(v.Routes, GatewayRouteView{
			Name: r.Name, Priority: r.Order.priority(), Match: r.Match.words(), Service: r.Service, Rewrite: r.words(),
		})
	}
	return v
}
