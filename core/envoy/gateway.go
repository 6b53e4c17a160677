package envoy

import (
	"slices"
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
	Timeout graph.Duration
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
			Timeout:          spanOf(r.Timeout),
		}
		rewritePath(action, r.Rewrite, m.Path)
		if r.KeepHost {
			route.RequestHeadersToAdd = append(route.RequestHeadersToAdd, setHeader(ServiceHeader, r.Service))
		} else {
			action.HostRewriteSpecifier = &routev3.RouteAction_HostRewriteLiteral{HostRewriteLiteral: r.Service}
			route.RequestHeadersToRemove = []string{ServiceHeader} // it would be a customer's
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

// ServiceHost is a service's virtual host in the second pass. byHeader are the services that are reached with their Host
// untouched: a customer may have sent any, this service's too, and what the first pass chose must count.
func ServiceHost(mesh string, c Called, byHeader []Called) []byte {
	host := &routev3.VirtualHost{Name: c.Service, Domains: graph.Domains(c.Service, graph.PortEgress)}
	if len(byHeader) == 0 {
		host.Routes = secondPassRoutes(mesh, c)
		return Marshal(host)
	}
	host.Routes = headerRoutes(mesh, byHeader)
	host.Routes = append(host.Routes, secondPassRoutes(mesh, c, absentHeader(ServiceHeader))...)
	return Marshal(host)
}

// DefaultBackend is the virtual host of the services that are reached with their Host untouched.
func DefaultBackend(mesh string, cs []Called) []byte {
	return Marshal(&routev3.VirtualHost{
		Name: "default_backend", Domains: []string{"*"}, ResponseHeadersToRemove: []string{ServiceHeader}, Routes: headerRoutes(mesh, cs),
	})
}

// headerRoutes are the routes of services that a header names.
func headerRoutes(mesh string, cs []Called) []*routev3.Route {
	var out []*routev3.Route
	for _, c := range cs {
		out = append(out, secondPassRoutes(mesh, c, exactHeader(ServiceHeader, c.Service))...)
	}
	return out
}

// secondPassRoutes are a service's routes on the ports that are meant, for requests with these headers.
func secondPassRoutes(mesh string, c Called, headers ...*routev3.HeaderMatcher) []*routev3.Route {
	var out []*routev3.Route
	for _, t := range c.Tables {
		matchers := headers
		if c.Steered {
			matchers = append(slices.Clone(headers), exactHeader(PortHeader, strconv.Itoa(t.Port.Port)))
		}
		for _, r := range routes(mesh, c.Service, t) {
			r.Match.Headers = append(slices.Clone(matchers), r.Match.Headers...)
			if c.Steered {
				r.RequestHeadersToRemove = []string{PortHeader}
			}
			out = append(out, r)
		}
	}
	return out
}
