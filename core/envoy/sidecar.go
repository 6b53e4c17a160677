package envoy

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"github.com/ownmesh/ownmesh/core/graph"
)

// SidecarIngress is the listener that redirected connections to the application arrive at; nil where the node has no
// listeners.
func SidecarIngress(mesh string, s graph.Serves) *listenerv3.Listener {
	if len(s.Listeners) == 0 {
		return nil
	}
	l := inbound(SidecarIngressName(s.IP), Address(s.IP.BindAddress(), graph.PortIngress))
	l.ListenerFilters = []*listenerv3.ListenerFilter{originalDst()}
	if ports := permissive(s.Listeners); len(ports) > 0 {
		l.ListenerFilters = append(l.ListenerFilters, tlsInspectorOn(ports...))
	}
	l.FilterChains = append(l.FilterChains, nowhere(graph.PortIngress))
	for _, p := range s.Listeners {
		secured(l, chain(p.Port.Port, applicationFilters(mesh, s, p)...), p)
	}
	return l
}

// applicationFilters lead from a node's port to its application.
func applicationFilters(mesh string, s graph.Serves, l graph.Listener) []*listenerv3.Filter {
	stat := ingressStat(l.Port, s.Several)
	if l.Protocol.HTTPLike() {
		return []*listenerv3.Filter{httpFilter(stat, IngressRoutes(l.Port), s.AccessLog)}
	}
	return tcpTo(stat, ApplicationCluster(mesh, s.Node, l.Port), l.Timeout, s.AccessLog)
}

// TCPTables gives the table of a tcp backend's port.
type TCPTables func(service string, port int) graph.Table

// SidecarEgress is the listener that redirected connections of the application arrive at. domains are the names of
// AWS's own services, which are always reachable on port 443.
func SidecarEgress(mesh string, c graph.Calls, plan graph.EgressPlan, tables TCPTables, domains []string) *listenerv3.Listener {
	l := outbound(SidecarEgressName(c.IP), Address(c.IP.BindAddress(), graph.PortEgress))
	l.ListenerFilters = []*listenerv3.ListenerFilter{originalDst(), tlsInspectorOn(httpsPort)}
	l.FilterChains = append(l.FilterChains, nowhere(graph.PortEgress))
	var on443 graph.Protocol // "": no backend
	for _, p := range plan.Ports {
		backend := chain(p.Port.Port, backendFilters(mesh, p, tables, c.AccessLog)...)
		if p.Port.Port == httpsPort {
			on443 = p.Protocol
			everywhere(backend, c.IP)
		}
		l.FilterChains = append(l.FilterChains, backend)
	}
	amazon := everywhere(chain(httpsPort, tcpTo(egressStat, AmazonCluster(mesh), graph.Timeout{}, c.AccessLog)...), c.IP)
	amazon.FilterChainMatch.ServerNames = domains
	l.FilterChains = append(l.FilterChains, amazon)
	if c.AllowAll {
		all := tcpTo(egressStat, AllowAllCluster(mesh), graph.Timeout{}, c.AccessLog)
		if on443 != graph.TCP {
			secure := everywhere(chain(httpsPort, all...), c.IP)
			if on443 != "" {
				secure.FilterChainMatch.TransportProtocol = "tls" // the backend speaks HTTP: this is for somebody else
			}
			l.FilterChains = append(l.FilterChains, secure)
		}
		l.FilterChains = append(l.FilterChains, everywhere(chain(0, all...), c.IP))
	}
	return l
}

// backendFilters lead from a port to its backends.
func backendFilters(mesh string, p graph.EgressPort, tables TCPTables, log *graph.AccessLog) []*listenerv3.Filter {
	if p.Protocol.HTTPLike() {
		return []*listenerv3.Filter{httpFilter(egressStat, EgressRoutes(p.Port), log)}
	}
	return tcpTable(mesh, tables(p.Services[0], p.Port.Port), log)
}

// tcpTable leads to the destinations of a tcp table; without a route connections are closed.
func tcpTable(mesh string, t graph.Table, log *graph.AccessLog) []*listenerv3.Filter {
	if len(t.Routes) == 0 {
		return nil
	}
	return tcpFilter(egressStat, mesh, t.Routes[0], log)
}
