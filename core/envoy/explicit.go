package envoy

import (
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	forwardclusterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dynamic_forward_proxy/v3"
	forwardv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/dynamic_forward_proxy/v3"
	forwardfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/dynamic_forward_proxy/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

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

// ExplicitProxyListener is the listener for clients that take an HTTP proxy: it knows HTTP-like backends by name, and
// others where AnywhereHost lets them through. It also takes CONNECT, as clients do for HTTPS.
func ExplicitProxyListener(c graph.Calls) *listenerv3.Listener {
	l := outbound(ExplicitProxy, Placeholder())
	l.StatPrefix = l.Name
	manager := httpManager(egressStat, ExplicitProxy, c.AccessLog)
	manager.UpgradeConfigs = append(manager.UpgradeConfigs, &hcmv3.HttpConnectionManager_UpgradeConfig{UpgradeType: connectUpgrade})
	manager.HttpFilters = append([]*hcmv3.HttpFilter{{
		Name: "envoy.filters.http.dynamic_forward_proxy",
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: packed(&forwardfilterv3.FilterConfig{
			ImplementationSpecifier: &forwardfilterv3.FilterConfig_DnsCacheConfig{DnsCacheConfig: lookups(c.IP)},
		})},
	}}, manager.HttpFilters...)
	l.FilterChains = []*listenerv3.FilterChain{chain(0, filter(httpManagerName, manager))}
	return l
}

const connectUpgrade = "CONNECT"

// Anywhere is the cluster of hosts that the HTTP proxy does not know: it looks them up.
func Anywhere(c graph.Calls) *clusterv3.Cluster {
	out := newCluster(ExplicitAnywhere, connectRemote, graph.Pool{})
	out.LbPolicy = clusterv3.Cluster_CLUSTER_PROVIDED
	out.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
		Name: "envoy.clusters.dynamic_forward_proxy",
		TypedConfig: packed(&forwardclusterv3.ClusterConfig{
			ClusterImplementationSpecifier: &forwardclusterv3.ClusterConfig_DnsCacheConfig{DnsCacheConfig: lookups(c.IP)},
		}),
	}}
	return out
}

// lookups says how names are looked up. Envoy never takes another setting for a cache that it has: each has a name of its
// own.
func lookups(ip graph.IPPreference) *forwardv3.DnsCacheConfig {
	family := lookupFamily[ip]
	return &forwardv3.DnsCacheConfig{Name: "ownmesh_egress_" + strings.ToLower(family.String()), DnsLookupFamily: family}
}

// AnywhereHost is the HTTP proxy's virtual host for all that is no backend: AWS's own services, by CONNECT to their port
// 443; under ALLOW_ALL everything. domains are the names of AWS's services.
func AnywhereHost(allowAll bool, domains []string) []byte {
	host := &routev3.VirtualHost{Name: "*", Domains: []string{"*"}}
	through := func(match *routev3.RouteMatch) {
		action := &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: ExplicitAnywhere},
			Timeout:          span(0), // not ours to bound
		}
		if match.GetConnectMatcher() != nil {
			action.UpgradeConfigs = []*routev3.RouteAction_UpgradeConfig{{
				UpgradeType: connectUpgrade, ConnectConfig: &routev3.RouteAction_UpgradeConfig_ConnectConfig{},
			}}
		}
		host.Routes = append(host.Routes, &routev3.Route{Match: match, Action: &routev3.Route_Route{Route: action}})
	}
	connect := &routev3.RouteMatch_ConnectMatcher_{ConnectMatcher: &routev3.RouteMatch_ConnectMatcher{}}
	if allowAll {
		through(&routev3.RouteMatch{PathSpecifier: connect})
		through(&routev3.RouteMatch{PathSpecifier: prefix("/")})
		return Marshal(host)
	}
	for _, d := range domains {
		through(&routev3.RouteMatch{PathSpecifier: connect, Headers: []*routev3.HeaderMatcher{headerMatch(graph.Header{
			Name: ":authority", Kind: graph.HeaderSuffix, Value: strings.TrimPrefix(d, "*") + ":443",
		})}})
	}
	return Marshal(host)
}
