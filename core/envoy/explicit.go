package envoy

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"github.com/ownmesh/ownmesh/core/graph"
)

// ExplicitApplication is a listener for one of a node's ports, at an address that is filled in.
func ExplicitApplication(mesh string, s graph.Serves, p graph.Listener) *listenerv3.Listener {
	l := inbound(ExplicitIngress(p.Port.Port), Placeholder())
	l.StatPrefix = l.Name
	explicitly(l, p, applicationFilters(mesh, s, p)...)
	return l
}

// explicitly makes a listener of its own serve a port.
func explicitly(l *listenerv3.Listener, p graph.Listener, filters ...*listenerv3.Filter) {
	if len(permissive([]graph.Listener{p})) > 0 {
		l.ListenerFilters = []*listenerv3.ListenerFilter{tlsInspector()}
	}
	secured(l, chain(0, filters...), p)
}

// ExplicitBackend is a listener for one port of a backend. Whatever Host comes in, that backend is meant.
func ExplicitBackend(mesh string, b graph.BackendPort, tables TCPTables, log *graph.AccessLog) *listenerv3.Listener {
	l := outbound(ExplicitEgress(b.Service, b.Port.Port), Placeholder())
	l.StatPrefix = l.Name
	var filters []*listenerv3.Filter
	if b.Protocol.HTTPLike() {
		filters = []*listenerv3.Filter{httpFilter(egressStat, l.Name, log)}
	} else {
		filters = tcpTable(mesh, tables(b.Service, b.Port.Port), log)
	}
	l.FilterChains = []*listenerv3.FilterChain{chain(0, filters...)}
	return l
}

// ExplicitProxyListener is the listener for clients that take an HTTP proxy: it knows HTTP-like backends by name.
func ExplicitProxyListener(log *graph.AccessLog) *listenerv3.Listener {
	l := outbound(ExplicitProxy, Placeholder())
	l.StatPrefix = l.Name
	l.FilterChains = []*listenerv3.FilterChain{chain(0, httpFilter(egressStat, ExplicitProxy, log))}
	return l
}
