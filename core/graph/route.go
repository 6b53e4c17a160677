package graph

import (
	"fmt"
	"slices"

	"github.com/ownmesh/ownmesh/core/resource"
)

// Route is one rule of a virtual router, as read: its targets are still names.
type Route struct {
	Name     string
	Protocol Protocol
	Order    Order
	Port     int   // the router's port that it is for; 0: not said
	Match    Match // of tcp: empty
	Targets  []Target
	Timeout  Timeout
	Retry    *Retry // nil: none
	Member   string // where it is in the spec: spec.httpRoute
	Usable   bool   // false: it is left out, for nothing can match it
}

// Target is where a share of a route's traffic goes.
type Target struct {
	Node   string
	Port   int // 0: not said
	Weight int
}

// BoundRoute is a route whose targets are found.
type BoundRoute struct {
	Name         string
	Order        Order
	On           []int // the router's ports that it is for
	Match        Match
	Destinations []Destination // those of weight 0 too. All weights 0, or none: requests are answered with 503
	Timeout      Timeout
	Retry        *Retry
}

// Destination is a virtual node's listener with its share of a route's traffic.
type Destination struct {
	Node string
	Port
	Weight int
}

// ReadRoute reads a route.
func ReadRoute(r resource.Resource) (*Route, []resource.Finding) {
	n := &Notes{Key: r.Key}
	spec := decode[resource.RouteSpec](r, n)
	rt := &Route{Name: r.Name}
	switch {
	case spec.HTTPRoute != nil:
		rt.readHTTP(spec.HTTPRoute, HTTP, "spec.httpRoute", n)
	case spec.HTTP2Route != nil:
		rt.readHTTP(spec.HTTP2Route, HTTP2, "spec.http2Route", n)
	case spec.GRPCRoute != nil:
		rt.readGRPC(spec.GRPCRoute, n)
	case spec.TCPRoute != nil:
		rt.readTCP(spec.TCPRoute, n)
	default:
		n.add("route-empty", "spec", "the route has no type: it is left out", "give it one of httpRoute, http2Route, grpcRoute and tcpRoute")
	}
	rt.Order = orderOf(rt.Name, spec.Priority, rt.Match, rt.Port)
	return rt, n.Found
}

func (rt *Route) readHTTP(h *resource.HTTPRoute, p Protocol, member string, n *Notes) {
	rt.Protocol, rt.Member = p, member
	path, pathOK := readPath(pathMatch{prefix: h.Match.Prefix, path: h.Match.Path}, member+".match", n)
	headers, headersOK := readHeaders(h.Match.Headers, member+".match.headers", n)
	query, queryOK := readQuery(h.Match.QueryParameters, member+".match.queryParameters", n)
	first := readMethod(h.Match.Method, member+".match.method", n)
	if h.Match.Scheme != "" {
		first = append(first, pseudo(":scheme", h.Match.Scheme))
	}
	rt.Match = Match{Path: path, Headers: append(first, headers...), Query: query}
	rt.Usable = pathOK && headersOK && queryOK
	rt.Port = portOr0(h.Match.Port)
	rt.readTargets(h.Action.WeightedTargets)
	rt.Retry = readHTTPRetry(h.RetryPolicy, member+".retryPolicy", n)
	if h.Timeout != nil {
		rt.Timeout = readHTTPTimeout(h.Timeout.PerRequest, h.Timeout.Idle, member+".timeout", n)
	}
	noteTime(rt.Retry, rt.Timeout, member+".retryPolicy", n)
}

func (rt *Route) readGRPC(g *resource.GRPCRoute, n *Notes) {
	rt.Protocol, rt.Member = GRPC, "spec.grpcRoute"
	service := stringOr(g.Match.ServiceName)
	rt.Match.GRPC = true
	rt.Match.Path = grpcPath(service, g.Match.MethodName)
	var ok bool
	rt.Match.Headers, ok = readHeaders(g.Match.Metadata, rt.Member+".match.metadata", n)
	rt.Usable = ok && grpcNamesUsable(service, g.Match.MethodName, rt.Member+".match", n)
	rt.Port = portOr0(g.Match.Port)
	rt.readTargets(g.Action.WeightedTargets)
	rt.Retry = readGRPCRetry(g.RetryPolicy, rt.Member+".retryPolicy", n)
	if g.Timeout != nil {
		rt.Timeout = readHTTPTimeout(g.Timeout.PerRequest, g.Timeout.Idle, rt.Member+".timeout", n)
	}
	noteTime(rt.Retry, rt.Timeout, rt.Member+".retryPolicy", n)
}

func (rt *Route) readTCP(t *resource.TCPRoute, n *Notes) {
	rt.Protocol, rt.Member, rt.Usable = TCP, "spec.tcpRoute", true
	if t.Match != nil {
		rt.Port = portOr0(t.Match.Port)
	}
	rt.readTargets(t.Action.WeightedTargets)
	if t.Timeout != nil {
		rt.Timeout = Timeout{Idle: readDuration(t.Timeout.Idle, rt.Member+".timeout.idle", n)}
	}
}

func (rt *Route) readTargets(ts []resource.WeightedTarget) {
	for _, t := range ts {
		rt.Targets = append(rt.Targets, Target{Node: t.VirtualNode, Port: portOr0(t.Port), Weight: t.Weight})
	}
}

// grpcNamesUsable notes what can't be in a gRPC path.
func grpcNamesUsable(service, method, path string, n *Notes) bool {
	if service == "" && method != "" {
		n.add("method-without-service", path+".methodName", "a method is matched within a service: the route is left out", "give serviceName too")
		return false
	}
	if hasControl(service) || hasControl(method) {
		n.add("path-never-matches", path, "the names can't be in a request's path: the route is left out", "use the service's name as its proto file has it")
		return false
	}
	return true
}

// BindRoute finds a route's listeners and targets; nil if it is left out. ports gives a virtual node's ports, nil if
// there is no such node.
func BindRoute(key resource.Key, rt *Route, router Ports, ports func(node string) Ports) (*BoundRoute, []resource.Finding) {
	if rt.Protocol == "" {
		return nil, nil // ReadRoute said so
	}
	n := &Notes{Key: key}
	b := &BoundRoute{Name: rt.Name, Order: rt.Order, Match: rt.Match, Timeout: rt.Timeout, Retry: rt.Retry}
	b.On = rt.listeners(router, n)
	usable := rt.Usable
	total := 0
	for i, t := range rt.Targets {
		d, ok := rt.bindTarget(t, at(rt.Member+".action.weightedTargets", i), ports, n)
		usable = usable && ok
		total += t.Weight
		b.Destinations = append(b.Destinations, d)
	}
	if total == 0 {
		answer := "requests are answered with 503"
		if rt.Protocol == TCP {
			answer = "connections are closed"
		}
		n.add("weights-zero", rt.Member+".action.weightedTargets", "no target has a weight: "+answer, "give a target a weight above 0")
	}
	if total > 100 {
		n.add("weights-over-100", rt.Member+".action.weightedTargets", quoted("the weights add up to %d: they count as shares of that, not as percents", total), "make them add up to 100")
	}
	if !usable || len(b.On) == 0 {
		return nil, n.Found
	}
	b.Destinations = mergeDestinations(b.Destinations)
	return b, n.Found
}

// listeners lists the router's ports that the route is for.
func (rt *Route) listeners(router Ports, n *Notes) []int {
	var on []int
	path := rt.Member + ".match.port"
	switch p, ok := router.find(rt.Port); {
	case rt.Port != 0 && !ok:
		n.add("route-port", path, quoted("the router has no listener with port %d: the route is left out", rt.Port), "use the port of a listener of the router")
	case rt.Port != 0:
		if rt.fits(p, n) {
			on = append(on, p.Port)
		}
	default:
		if len(router) > 1 {
			n.add("route-port-missing", path, "the router has several listeners, and nothing says which one the route is for: it is used on all that fit", "set match.port to the port of one of them")
		}
		for _, p := range router {
			if rt.fits(p, n) {
				on = append(on, p.Port)
			}
		}
	}
	return on
}

// fits reports whether the route can be used on a router's port: requests and bare connections don't mix.
func (rt *Route) fits(p Port, n *Notes) bool {
	if rt.Protocol == p.Protocol {
		return true
	}
	ok := rt.Protocol.HTTPLike() == p.Protocol.HTTPLike()
	what := "it is served all the same"
	if !ok {
		what = "it is left out there"
	}
	n.add("route-protocol", rt.Member, quoted("the route is of type %s, the router's port %d speaks %s: %s", rt.Protocol, p.Port, p.Protocol, plain(what)), fmt.Sprintf("use %sRoute here, or protocol %s in the router's listener", p.Protocol, rt.Protocol))
	return ok
}

// bindTarget finds a target's listener.
func (rt *Route) bindTarget(t Target, path string, ports func(string) Ports, n *Notes) (Destination, bool) {
	node := ports(t.Node)
	switch {
	case node == nil:
		n.add("target-missing", path+".virtualNode", quoted("there is no virtual node %s: the route is left out", t.Node), "create the virtual node, or name another")
		return Destination{}, false
	case len(node) == 0:
		n.add("target-without-listener", path+".virtualNode", quoted("virtual node %s has no listener: the route is left out", t.Node), "give the node a listener")
		return Destination{}, false
	}
	p, ok := node.find(t.Port)
	if t.Port != 0 && !ok {
		n.add("target-port", path+".port", quoted("virtual node %s has no listener with port %d: the route is left out", t.Node, t.Port), "use the port of a listener of the node")
		return Destination{}, false
	}
	if t.Port == 0 {
		p = node.firstOf(rt.Protocol)
		if len(node) > 1 {
			n.add("target-port-missing", path+".port", quoted("virtual node %s has several listeners, and nothing says which one is meant: port %d is used", t.Node, p.Port), "set port here")
		}
	}
	if p.Protocol != rt.Protocol {
		n.add("target-protocol", path, quoted("the route is of type %s, port %d of virtual node %s speaks %s: %s", rt.Protocol, p.Port, t.Node, p.Protocol, plain(calledAs(rt.Protocol, p.Protocol))), fmt.Sprintf("use %sRoute here, or protocol %s in the node's listener", p.Protocol, rt.Protocol))
	}
	return Destination{Node: t.Node, Port: p, Weight: t.Weight}, true
}

// calledAs says what becomes of a route's traffic at a listener of another protocol.
func calledAs(route, listener Protocol) string {
	switch {
	case route == TCP:
		return "its proxy takes connections for HTTP, and refuses what is none"
	case listener == TCP:
		return "its application gets requests as HTTP/1.1"
	}
	return "it is called as " + string(listener)
}

// mergeDestinations adds up the weights of equal targets, and sorts by node and port.
func mergeDestinations(ds []Destination) []Destination {
	slices.SortStableFunc(ds, func(a, b Destination) int { return a.compare(b) })
	out := ds[:0]
	for _, d := range ds {
		if last := len(out) - 1; last >= 0 && out[last].compare(d) == 0 {
			out[last].Weight += d.Weight
			continue
		}
		out = append(out, d)
	}
	return out
}

func portOr0(p *int) int {
	if p == nil {
		return 0
	}
	return *p
}

func stringOr(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
