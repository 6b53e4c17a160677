package bootstrap

import (
	"fmt"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// This file: what may be seen of the admin interface from outside. The rest of it can stop the proxy or show its
// whole configuration, so it stays on loopback.

const metricsName = "ownmesh_metrics"

// exposed are the paths that the metrics listener answers; every other gets 404.
var exposed = []string{"/stats/prometheus", "/ready"}

func addMetrics(b *bootstrapv3.Bootstrap, _ NodeID, o Options) error {
	if o.Metrics == "" {
		return nil
	}
	listener, cluster, err := metrics(o.Metrics, o.Admin)
	if err != nil {
		return err
	}
	b.StaticResources.Listeners = append(b.StaticResources.Listeners, listener)
	b.StaticResources.Clusters = append(b.StaticResources.Clusters, cluster)
	return nil
}

// metrics makes the listener and the cluster that leads from it to the admin interface.
func metrics(address, admin string) (*listenerv3.Listener, *clusterv3.Cluster, error) {
	ip, port, err := splitAddress(address)
	if err != nil {
		return nil, nil, fmt.Errorf("metrics address: %w", err)
	}
	target, err := loopback("admin address", admin, false)
	if err != nil {
		return nil, nil, fmt.Errorf("metrics need a fixed admin port: %w", err)
	}
	router, err := anyOf(&routerv3.Router{SuppressEnvoyHeaders: true})
	if err != nil {
		return nil, nil, err
	}
	manager, err := anyOf(&hcmv3.HttpConnectionManager{
		StatPrefix:     metricsName,
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: exposedRoutes()},
		HttpFilters: []*hcmv3.HttpFilter{{
			Name:       "envoy.filters.http.router",
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: router},
		}},
		// What is matched must be what the admin interface gets.
		NormalizePath:                truth(),
		MergeSlashes:                 true,
		PathWithEscapedSlashesAction: hcmv3.HttpConnectionManager_REJECT_REQUEST,
	})
	if err != nil {
		return nil, nil, err
	}
	l := &listenerv3.Listener{
		Name:       metricsName,
		StatPrefix: metricsName,
		Address:    socket(ip, port),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: manager},
		}}}},
		IgnoreGlobalConnLimit: true, // a proxy at its limit is when its metrics matter most
	}
	return l, staticCluster(adminName, target), nil
}

func exposedRoutes() *routev3.RouteConfiguration {
	host := &routev3.VirtualHost{Name: metricsName, Domains: []string{"*"}}
	for _, path := range exposed {
		host.Routes = append(host.Routes, &routev3.Route{
			Match: &routev3.RouteMatch{
				PathSpecifier: &routev3.RouteMatch_Path{Path: path},
				Headers: []*routev3.HeaderMatcher{{
					Name: ":method",
					HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: &matcherv3.StringMatcher{
						MatchPattern: &matcherv3.StringMatcher_Exact{Exact: "GET"},
					}},
				}},
			},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{
				ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: adminName},
			}},
		})
	}
	return &routev3.RouteConfiguration{Name: metricsName, VirtualHosts: []*routev3.VirtualHost{host}}
}
