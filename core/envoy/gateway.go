package envoy

import (
	"strconv"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/ownmesh/ownmesh/core/graph"
)

// GatewayListener is one of a gateway's listeners: the first pass.
func GatewayListener(g *graph.Gateway, p graph.Listener, ip graph.IPPreference) *listenerv3.Listener {
	l := inbound(GatewayListenerName(ip, p.Port.Port), Address(ip.BindAddress(), p.Port.Port))
	l.ListenerFilters = []*listenerv3.ListenerFilter{tlsInspector()}
	secured(l, chain(p.Port.Port, gatewayFilter(g, p)), p)
	return l
}

// ExplicitGatewayListener is a gateway's listener at an address that is filled in.
func ExplicitGatewayListener(g *graph.Gateway, p graph.Listener) *listenerv3.Listener {
	l := inbound(ExplicitIngress(p.Port.Port), Placeholder())
	l.StatPrefix = l.Name
	explicitly(l, p, gatewayFilter(g, p))
	return l
}

func gatewayFilter(g *graph.Gateway, p graph.Listener) *listenerv3.Filter {
	return httpFilter(ingressStat(p.Port, len(g.Listeners) > 1), IngressRoutes(p.Port), g.AccessLog)
}

// SecondPassListener takes what a gateway's listeners redirected to the gateway itself. Only the gateway has business
// there: it keeps App Mesh's name and statistics, but listens on the machine alone.
func SecondPassListener(g *graph.Gateway, ip graph.IPPreference) *listenerv3.Listener {
	l := outbound(SidecarEgressName(ip), Address(ip.Loopback(), graph.PortEgress))
	l.StatPrefix = strings.NewReplacer("::", "[__]").Replace(ip.BindAddress()) + "_" + strconv.Itoa(graph.PortEgress)
	l.FilterChains = []*listenerv3.FilterChain{chain(graph.PortEgress, secondPassFilter(g))}
	return l
}

// ExplicitSecondPass is the second pass at an address that is filled in.
func ExplicitSecondPass(g *graph.Gateway) *listenerv3.Listener {
	l := outbound(ExplicitSelf, Placeholder())
	l.StatPrefix = l.Name
	l.FilterChains = []*listenerv3.FilterChain{chain(0, secondPassFilter(g))}
	return l
}

func secondPassFilter(g *graph.Gateway) *listenerv3.Filter {
	return httpFilter(egressStat, EgressRoutes(SecondPass(g.Listeners)), g.AccessLog)
}

// GatewayRoute is a gateway route with how long its service may take; unset: nothing is said.
type GatewayRoute struct {
	graph.BoundGatewayRoute
	Timeout graph.Timeout
}

// FirstPass is the virtual host of a gateway's listener: all that its routes match goes to the gateway itself, with
// host and path as the second pass shall see them.
func FirstPass(cluster string, rs []GatewayRoute) []byte {
	host := &routev3.VirtualHost{Name: "self_redirect", Domains: []string{"*"}}
	for _, r := range rs {
		host.Routes = append(host.Routes, firstPassRoutes(cluster, r)...)
	}
	return Marshal(host)
}

// firstPassRoutes is one Envoy route, or two where a prefix is replaced that has no slash at its end: with one more
// for the slash, so that /cart/7 becomes /7, not //7.
func firstPassRoutes(cluster string, r GatewayRoute) []*routev3.Route {
	matches := []graph.Match{r.Match}
	if r.Rewrite.Prefix != nil && r.Rewrite.Twice {
		slashed := r.Match
		slashed.Path.Value += "/"
		matches = []graph.Match{slashed, r.Match}
	}
	var out []*routev3.Route
	for _, m := range matches {
		route := &routev3.Route{Match: routeMatch(m)}
		action := &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster},
			Timeout:          spanOf(r.Timeout.PerRequest),
			IdleTimeout:      spanOf(r.Timeout.Idle),
		}
		rewritePath(action, r.Rewrite, m.Path)
		action.HostRewriteSpecifier = &routev3.RouteAction_HostRewriteLiteral{HostRewriteLiteral: r.Service}
		if r.KeepHost {
			route.RequestHeadersToAdd = append(route.RequestHeadersToAdd, setHeader(ServiceHeader, r.Service), formatHeader(HostHeader, "%REQ(:AUTHORITY)%"))
		} else {
			route.RequestHeadersToRemove = []string{ServiceHeader, HostHeader} // they would be a customer's
		}
		if r.Steer != 0 {
			route.RequestHeadersToAdd = append(route.RequestHeadersToAdd, setHeader(PortHeader, strconv.Itoa(r.Steer)))
		}
		route.Action = &routev3.Route_Route{Route: action}
		out = append(out, route)
	}
	return out
}

func rewritePath(action *routev3.RouteAction, r graph.Rewrite, matched graph.Path) {
	switch {
	case r.Prefix != nil:
		action.PrefixRewrite = *r.Prefix
	case r.Path != "" && matched.Kind == graph.PathExact:
		action.PrefixRewrite = r.Path // the matched part is the whole
	case r.Path != "":
		action.RegexRewrite = &matcherv3.RegexMatchAndSubstitute{
			Pattern:      regex("^.*$"),
			Substitution: strings.ReplaceAll(r.Path, `\`, `\\`),
		}
	}
}

// Called is a service as a gateway's second pass reaches it, with what it does on each of the ports that are meant.
type Called struct {
	graph.Called
	Tables []graph.Table
}

// ServiceHost is a service's virtual host in the second pass: the first one made its name the Host. Where the customer's
// is to stay, it comes back here.
func ServiceHost(mesh string, c Called) []byte {
	host := &routev3.VirtualHost{Name: c.Service, Domains: graph.Domains(c.Service, graph.PortEgress), Routes: secondPassRoutes(mesh, c)}
	for _, r := range host.Routes {
		if action := r.GetRoute(); action != nil {
			action.HostRewriteSpecifier = &routev3.RouteAction_HostRewriteHeader{HostRewriteHeader: HostHeader}
		}
	}
	return Marshal(host)
}

// secondPassRoutes are a service's routes on the ports that are meant.
func secondPassRoutes(mesh string, c Called) []*routev3.Route {
	var out []*routev3.Route
	for _, t := range c.Tables {
		for _, r := range routes(mesh, c.Service, t) {
			if c.Steered {
				r.Match.Headers = append([]*routev3.HeaderMatcher{exactHeader(PortHeader, strconv.Itoa(t.Port.Port))}, r.Match.Headers...)
				r.RequestHeadersToRemove = []string{PortHeader}
			}
			out = append(out, r)
		}
	}
	return out
}
