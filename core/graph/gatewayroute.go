package graph

import (
	"regexp"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

// GatewayRoute is one rule of a virtual gateway, as read.
type GatewayRoute struct {
	Name     string
	Order    Order
	Port     int // the gateway's port that it is for; 0: all
	Match    Match
	Service  string
	Target   int // the service's port; 0: not said
	KeepHost bool
	Rewrite  Rewrite
	Member   string
	Usable   bool
}

// Rewrite is what becomes of a path. At most one of Prefix and Path is set.
type Rewrite struct {
	Prefix *string // replaces the matched prefix
	Twice  bool    // of Prefix: a match without a slash at its end also takes the one behind it
	Path   string  // replaces the whole path
}

// BoundGatewayRoute is a gateway route whose target is found.
type BoundGatewayRoute struct {
	GatewayRoute
	On     []int // the gateway's ports that it is for
	Steer  int   // the target port that the second pass must be told, for the service has several; 0: none
	Called Port  // the service's port
}

// ReadGatewayRoute reads a gateway route.
func ReadGatewayRoute(r resource.Resource) (*GatewayRoute, []resource.Finding) {
	n := &Notes{Key: r.Key}
	spec := decode[resource.GatewayRouteSpec](r, n)
	g := &GatewayRoute{Name: r.Name}
	switch {
	case spec.HTTPRoute != nil:
		g.readHTTP(spec.HTTPRoute, "spec.httpRoute", n)
	case spec.HTTP2Route != nil:
		g.readHTTP(spec.HTTP2Route, "spec.http2Route", n)
	case spec.GRPCRoute != nil:
		g.readGRPC(spec.GRPCRoute, n)
	default:
		n.add("route-empty", "spec", "the gateway route has no type: it is left out", "give it one of httpRoute, http2Route and grpcRoute")
	}
	g.Order = orderOf(g.Name, spec.Priority, g.Match, g.Port)
	return g, n.Found
}

func (g *GatewayRoute) readHTTP(h *resource.HTTPGatewayRoute, member string, n *Notes) {
	g.Member = member
	path, pathOK := readPath(pathMatch{prefix: h.Match.Prefix, path: h.Match.Path}, member+".match", n)
	headers, headersOK := readHeaders(h.Match.Headers, member+".match.headers", n)
	query, queryOK := readQuery(h.Match.QueryParameters, member+".match.queryParameters", n)
	first, hostOK := readHostname(h.Match.Hostname, member+".match.hostname", n)
	first = append(first, readMethod(h.Match.Method, member+".match.method", n)...)
	g.Match = Match{Path: path, Headers: append(first, headers...), Query: query}
	g.Usable = pathOK && headersOK && queryOK && hostOK
	g.Port = portOr0(h.Match.Port)
	g.readTarget(h.Action.Target)
	g.Rewrite = Rewrite{}
	var rewrite resource.HTTPGatewayRouteRewrite
	if h.Action.Rewrite != nil {
		rewrite = *h.Action.Rewrite
	}
	g.KeepHost = keepsHost(rewrite.Hostname)
	g.readRewrite(rewrite, member+".action.rewrite", n)
}

func (g *GatewayRoute) readGRPC(h *resource.GRPCGatewayRoute, n *Notes) {
	g.Member = "spec.grpcRoute"
	service := stringOr(h.Match.ServiceName)
	headers, headersOK := readHeaders(h.Match.Metadata, g.Member+".match.metadata", n)
	first, hostOK := readHostname(h.Match.Hostname, g.Member+".match.hostname", n)
	g.Match = Match{GRPC: true, Path: grpcPath(service, ""), Headers: append(first, headers...)}
	g.Usable = headersOK && hostOK && grpcNamesUsable(service, "", g.Member+".match", n)
	g.Port = portOr0(h.Match.Port)
	g.readTarget(h.Action.Target)
	if h.Action.Rewrite != nil {
		g.KeepHost = keepsHost(h.Action.Rewrite.Hostname)
	}
}

func (g *GatewayRoute) readTarget(t resource.GatewayRouteTarget) {
	g.Service, g.Target = t.VirtualService.VirtualServiceName, portOr0(t.Port)
}

func keepsHost(h *resource.GatewayRouteHostnameRewrite) bool {
	return h != nil && h.DefaultTargetHostname == "DISABLED"
}

// readHostname makes a matcher of the host, with or without a port behind it; none if any host will do.
func readHostname(h *resource.GatewayRouteHostnameMatch, path string, n *Notes) ([]Header, bool) {
	if h == nil || h.Exact == "" && h.Suffix == "" {
		return nil, true
	}
	const port = `(:[0-9]+)?`
	pattern := `(?i)` + regexp.QuoteMeta(h.Exact) + port
	if h.Exact == "" {
		pattern = `(?i).*` + regexp.QuoteMeta(h.Suffix) + port
	} else if h.Suffix != "" {
		n.add("match-both", path+".suffix", "a hostname has either exact or suffix: exact counts", "remove suffix")
	}
	if hasControl(pattern) || checkRegex(pattern) != "" {
		n.add("hostname-never-matches", path, quoted("no host is named like %s: the route is left out", h.Exact+h.Suffix), "use a host's name")
		return nil, false
	}
	return []Header{{Name: ":authority", Kind: HeaderRegex, Value: pattern}}, true
}

// HostHeader matches requests to a host, with or without a port behind it.
func HostHeader(host string) Header {
	return Header{Name: ":authority", Kind: HeaderRegex, Value: `(?i)` + regexp.QuoteMeta(host) + `(:[0-9]+)?`}
}

// readRewrite reads what becomes of the path.
func (g *GatewayRoute) readRewrite(r resource.HTTPGatewayRouteRewrite, path string, n *Notes) {
	if r.Path != nil && r.Path.Exact != "" {
		if r.Prefix != nil {
			n.add("rewrite-both", path+".prefix", "a rewrite has either prefix or path: path counts", "remove prefix")
		}
		g.Rewrite.Path = r.Path.Exact
		if hasControl(g.Rewrite.Path) {
			n.add("rewrite-invalid", path+".path.exact", quoted("%s can't be in a request: the path stays", g.Rewrite.Path), "use a path")
			g.Rewrite = Rewrite{}
		} else if !isPath(g.Rewrite.Path) {
			n.add("rewrite-slashes", path+".path.exact", quoted("%s does not begin with a slash: it is used as it is, and requests are answered with 400", g.Rewrite.Path), "begin it with /")
		}
		return
	}
	matched := g.Match.Path
	var value, keep = "", false
	if r.Prefix != nil {
		value, keep = r.Prefix.Value, r.Prefix.DefaultPrefix == "DISABLED"
		if value != "" && r.Prefix.DefaultPrefix != "" {
			n.add("rewrite-both", path+".prefix.defaultPrefix", "a prefix has either value or defaultPrefix: value counts", "remove defaultPrefix")
			keep = false
		}
	}
	if matched.Kind != PathPrefix && matched.Kind != PathAny {
		if value != "" {
			n.add("rewrite-without-prefix", path+".prefix", "the route matches no prefix that could be replaced: the path stays", "use rewrite.path, or match a prefix")
		}
		return
	}
	if keep {
		g.Rewrite.Prefix = &matched.Value
		return
	}
	g.Rewrite.Prefix, g.Rewrite.Twice = new("/"), !strings.HasSuffix(matched.Value, "/")
	if value == "" {
		return
	}
	if value[0] != '/' || value[len(value)-1] != '/' {
		n.add("rewrite-slashes", path+".prefix.value", quoted("%s does not begin and end with a slash: it is used as it is, so %s becomes %s", value, strings.TrimSuffix(matched.Value, "/")+"/7", value+"7"), "begin and end it with /")
	}
	if hasControl(value) {
		n.add("rewrite-invalid", path+".prefix.value", quoted("%s can't be in a request: / is used", value), "use a path")
		return
	}
	g.Rewrite.Prefix = &value
}

// BindGatewayRoute finds a gateway route's listeners and its target's port; nil if it is left out.
func BindGatewayRoute(key resource.Key, g *GatewayRoute, gateway *Gateway, service func(name string) Ports) (*BoundGatewayRoute, []resource.Finding) {
	if g.Member == "" || gateway == nil {
		return nil, nil // ReadGatewayRoute said so; nobody would use it
	}
	n := &Notes{Key: key}
	b := &BoundGatewayRoute{GatewayRoute: *g}
	b.On = g.listeners(gateway.Ports(), n)
	called, steer, ok := g.target(service(g.Service), n)
	if !g.Usable || !ok || len(b.On) == 0 {
		return nil, n.Found
	}
	b.Called = called
	if steer {
		b.Steer = called.Port
	}
	return b, n.Found
}

// listeners lists the gateway's ports that the route is for.
func (g *GatewayRoute) listeners(ports Ports, n *Notes) []int {
	if g.Port != 0 {
		if _, ok := ports.find(g.Port); !ok {
			n.add("route-port", g.Member+".match.port", quoted("the gateway has no listener with port %d: the route is left out", g.Port), "use the port of a listener of the gateway")
			return nil
		}
		return []int{g.Port}
	}
	if len(ports) > 1 {
		n.add("route-port-missing", g.Member+".match.port", "the gateway has several listeners, and nothing says which one the route is for: it applies on all of them", "set match.port to the port of one of them")
	}
	var on []int
	for _, p := range ports {
		on = append(on, p.Port)
	}
	return on
}

// target finds the port of the service that is called. steer: the service has several that it could be.
func (g *GatewayRoute) target(ports Ports, n *Notes) (called Port, steer, ok bool) {
	path := g.Member + ".action.target"
	if ports == nil {
		n.add("target-missing", path+".virtualService.virtualServiceName", quoted("there is no virtual service %s that can be called: the route is left out", g.Service), "create the virtual service, or name another")
		return Port{}, false, false
	}
	if g.Target != 0 {
		p, found := ports.find(g.Target)
		if !found {
			n.add("target-port", path+".port", quoted("virtual service %s has no port %d: the route is left out", g.Service, g.Target), "use the port of a listener of its provider")
			return Port{}, false, false
		}
		called = p
	} else if len(ports) > 0 {
		called = ports[0]
		if len(ports) > 1 {
			n.add("target-port-missing", path+".port", quoted("the provider of %s has several listeners, and nothing says which one is meant: port %d is used", g.Service, called.Port), "set action.target.port")
		}
	}
	if called.Protocol == TCP {
		n.add("target-protocol", path, quoted("port %d of %s speaks tcp, which a gateway can't route: the route is left out", called.Port, g.Service), "use a port of protocol http, http2 or grpc")
		return Port{}, false, false
	}
	return called, len(ports) > 1, true
}
