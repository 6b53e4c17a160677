package load

import (
	"fmt"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// marshal can't fail: what this package makes is valid UTF-8 and not nil.
func marshal(m proto.Message) []byte {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("marshal %T: %v", m, err))
	}
	return body
}

func toAny(m proto.Message) *anypb.Any {
	return &anypb.Any{TypeUrl: "type.googleapis.com/" + string(m.ProtoReflect().Descriptor().FullName()), Value: marshal(m)}
}

func ads() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

func tags(key, value string) *corev3.Metadata {
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
		"aws.appmesh.aggregate_stats": {Fields: map[string]*structpb.Value{
			"config": structpb.NewStringValue(fmt.Sprintf(`{"tags":[{"key":%q,"value":%q}]}`, key, value)),
		}},
	}}
}

func cluster(name string) *clusterv3.Cluster {
	unbounded := wrapperspb.UInt32(2147483647)
	return &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads()},
		ConnectTimeout:       durationpb.New(time.Second),
		CircuitBreakers: &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{
			{MaxConnections: unbounded, MaxPendingRequests: unbounded, MaxRequests: unbounded, MaxRetries: unbounded},
		}},
		OutlierDetection: &clusterv3.OutlierDetection{
			Consecutive_5Xx: wrapperspb.UInt32(5), Interval: durationpb.New(10 * time.Second),
			BaseEjectionTime: durationpb.New(30 * time.Second), MaxEjectionPercent: wrapperspb.UInt32(50),
		},
		Metadata: tags("TargetVirtualNode", name),
	}
}

// assignment is a cluster's endpoints in the form that the relay gives them.
func assignment(name string, from []endpoint.Endpoint) *endpointv3.ClusterLoadAssignment {
	to := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	var group *endpointv3.LocalityLbEndpoints
	for _, e := range from {
		if group == nil || group.Locality.Zone != e.Zone {
			group = &endpointv3.LocalityLbEndpoints{Locality: &corev3.Locality{Zone: e.Zone}}
			to.Endpoints = append(to.Endpoints, group)
		}
		group.LbEndpoints = append(group.LbEndpoints, &endpointv3.LbEndpoint{
			HealthStatus: corev3.HealthStatus_HEALTHY,
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
				Address: address(e.Address, uint32(e.Port)),
			}},
		})
	}
	return to
}

func address(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

// route is the c-th route configuration: a virtual host with a few routes to clusters that all proxies share.
func route(c int) *routev3.RouteConfiguration {
	host := fmt.Sprintf("service-%05d.%s.local", c, MeshName)
	vhost := &routev3.VirtualHost{Name: host, Domains: []string{host, fmt.Sprintf("%s:%d", host, 8000+c)}}
	for _, prefix := range []string{"/checkout", "/basket", "/"} {
		vhost.Routes = append(vhost.Routes, &routev3.Route{
			Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: prefix}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{
				ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: clusterName(0, c%own)},
				Timeout:          durationpb.New(15 * time.Second),
				RetryPolicy: &routev3.RetryPolicy{
					RetryOn: "reset-before-request,connect-failure,refused-stream,503", NumRetries: wrapperspb.UInt32(2),
				},
			}},
		})
	}
	return &routev3.RouteConfiguration{Name: routeName(c), VirtualHosts: []*routev3.VirtualHost{vhost}}
}

// listener is the i-th proxy's, with a filter chain for each route configuration.
func listener(i int) *listenerv3.Listener {
	l := &listenerv3.Listener{
		Name: listenerName, Address: address("0.0.0.0", 15001),
		TrafficDirection: corev3.TrafficDirection_OUTBOUND, Metadata: tags("VirtualNode", string(ProxyKey(i))),
	}
	for c := range clusters {
		manager := &hcmv3.HttpConnectionManager{
			StatPrefix: "egress", NormalizePath: wrapperspb.Bool(true), MergeSlashes: true,
			RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{ConfigSource: ads(), RouteConfigName: routeName(c)}},
			HttpFilters: []*hcmv3.HttpFilter{{
				Name: "envoy.filters.http.router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: toAny(&routerv3.Router{})},
			}},
		}
		l.FilterChains = append(l.FilterChains, &listenerv3.FilterChain{
			FilterChainMatch: &listenerv3.FilterChainMatch{DestinationPort: wrapperspb.UInt32(uint32(8000 + c))},
			Filters: []*listenerv3.Filter{{
				Name:       "envoy.filters.network.http_connection_manager",
				ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: toAny(manager)},
			}},
		})
	}
	return l
}
