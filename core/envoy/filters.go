package envoy

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	originaldstv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/original_dst/v3"
	tlsinspectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"google.golang.org/protobuf/proto"

	"github.com/ownmesh/ownmesh/core/graph"
)

const httpManagerName = "envoy.filters.network.http_connection_manager"

// httpFilter is a connection manager whose routes come by the name of their route configuration.
func httpFilter(stat, routes string, log *graph.AccessLog) *listenerv3.Filter {
	return filter(httpManagerName, httpManager(stat, routes, log))
}

func httpManager(stat, routes string, log *graph.AccessLog) *hcmv3.HttpConnectionManager {
	return &hcmv3.HttpConnectionManager{
		StatPrefix:     stat,
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{ConfigSource: overADS(), RouteConfigName: routes}},
		HttpFilters: []*hcmv3.HttpFilter{{
			Name:       "envoy.filters.http.router",
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: packed(&routerv3.Router{})},
		}},
		Tracing:                      &hcmv3.HttpConnectionManager_Tracing{},
		AccessLog:                    accessLogs(log),
		UpgradeConfigs:               []*hcmv3.HttpConnectionManager_UpgradeConfig{{UpgradeType: "websocket"}},
		NormalizePath:                yes(),
		MergeSlashes:                 true,
		PathWithEscapedSlashesAction: hcmv3.HttpConnectionManager_KEEP_UNCHANGED,
	}
}

// tcpFilter passes connections on to destinations by weight. No filter at all closes them: so it is without a weight.
func tcpFilter(stat, mesh string, r graph.BoundRoute, log *graph.AccessLog) []*listenerv3.Filter {
	var weighted []*tcpv3.TcpProxy_WeightedCluster_ClusterWeight
	for _, d := range r.Uses(graph.TCP) {
		weighted = append(weighted, &tcpv3.TcpProxy_WeightedCluster_ClusterWeight{
			Name: EgressCluster(mesh, d.Node, d.Port), Weight: uint32(d.Weight),
		})
	}
	switch len(weighted) {
	case 0:
		return nil
	case 1:
		return tcpTo(stat, weighted[0].Name, r.Timeout, log)
	}
	return []*listenerv3.Filter{filter(tcpProxyName, &tcpv3.TcpProxy{
		StatPrefix:  stat,
		IdleTimeout: spanOf(r.Timeout.Idle),
		AccessLog:   accessLogs(log),
		ClusterSpecifier: &tcpv3.TcpProxy_WeightedClusters{
			WeightedClusters: &tcpv3.TcpProxy_WeightedCluster{Clusters: weighted}},
	})}
}

const tcpProxyName = "envoy.filters.network.tcp_proxy"

// tcpTo passes connections on to one cluster.
func tcpTo(stat, cluster string, t graph.Timeout, log *graph.AccessLog) []*listenerv3.Filter {
	return []*listenerv3.Filter{filter(tcpProxyName, &tcpv3.TcpProxy{
		StatPrefix:       stat,
		IdleTimeout:      spanOf(t.Idle),
		AccessLog:        accessLogs(log),
		ClusterSpecifier: &tcpv3.TcpProxy_Cluster{Cluster: cluster},
	})}
}

func filter(name string, config proto.Message) *listenerv3.Filter {
	return &listenerv3.Filter{Name: name, ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: packed(config)}}
}

// originalDst finds out where a redirected connection was going.
func originalDst() *listenerv3.ListenerFilter {
	return listenerFilter("envoy.filters.listener.original_dst", &originaldstv3.OriginalDst{})
}

// tlsInspector tells TLS from plain text, and reads the server's name that a client asks for.
func tlsInspector() *listenerv3.ListenerFilter {
	return listenerFilter("envoy.filters.listener.tls_inspector", &tlsinspectorv3.TlsInspector{})
}

func listenerFilter(name string, config proto.Message) *listenerv3.ListenerFilter {
	return &listenerv3.ListenerFilter{Name: name, ConfigType: &listenerv3.ListenerFilter_TypedConfig{TypedConfig: packed(config)}}
}
