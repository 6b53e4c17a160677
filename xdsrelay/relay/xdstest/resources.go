package xdstest

import (
	"slices"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
)

// This file: resources that a real Envoy accepts, made by hand. The options change the message before it is encoded,
// so that a test can make another version, or one that Envoy refuses.

var ads = &corev3.ConfigSource{
	ResourceApiVersion:    corev3.ApiVersion_V3,
	ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
}

// EDSCluster makes a cluster whose endpoints are the instances of a service that listen on port.
func EDSCluster(name string, service endpoint.ServiceKey, port int, options ...func(*clusterv3.Cluster)) artifact.Resource {
	c := &clusterv3.Cluster{
		Name: name, ConnectTimeout: durationpb.New(time.Second),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads},
	}
	for _, option := range options {
		option(c)
	}
	id := artifact.ID{Type: artifact.Cluster, Name: name}
	return artifact.NewResource(id, Marshal(c), &endpoint.Selector{ServiceKey: service, Port: port}, "", nil)
}

// StaticCluster makes a cluster of one endpoint. fill may be empty.
func StaticCluster(name, host string, port int, fill artifact.Fill, options ...func(*clusterv3.Cluster)) artifact.Resource {
	c := &clusterv3.Cluster{
		Name: name, ConnectTimeout: durationpb.New(time.Second),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		LoadAssignment: &endpointv3.ClusterLoadAssignment{ClusterName: name, Endpoints: []*endpointv3.LocalityLbEndpoints{{
			LbEndpoints: []*endpointv3.LbEndpoint{{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{
				Endpoint: &endpointv3.Endpoint{Address: address(host, port)},
			}}},
		}}},
	}
	for _, option := range options {
		option(c)
	}
	return artifact.NewResource(artifact.ID{Type: artifact.Cluster, Name: name}, Marshal(c), nil, fill, nil)
}

// HTTPListener makes a listener on 127.0.0.1 (port 0: Envoy chooses) that takes its routes from a route config. fill
// may be empty.
func HTTPListener(name string, port int, routeConfig string, fill artifact.Fill, options ...func(*listenerv3.Listener)) artifact.Resource {
	manager := &hcmv3.HttpConnectionManager{
		StatPrefix: "egress",
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{
			Rds: &hcmv3.Rds{ConfigSource: ads, RouteConfigName: routeConfig},
		},
		HttpFilters: []*hcmv3.HttpFilter{{
			Name: "envoy.filters.http.router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&routerv3.Router{})},
		}},
	}
	l := &listenerv3.Listener{
		Name: name, Address: address("127.0.0.1", port),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "envoy.filters.network.http_connection_manager", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(manager)},
		}}}},
	}
	for _, option := range options {
		option(l)
	}
	return artifact.NewResource(artifact.ID{Type: artifact.Listener, Name: name}, Marshal(l), nil, fill, nil)
}

// RouteConfig makes a route config with one virtual host for everything, that sends all to a cluster. It needs that.
func RouteConfig(name, cluster string, options ...func(*routev3.RouteConfiguration)) artifact.Resource {
	r := &routev3.RouteConfiguration{Name: name, VirtualHosts: []*routev3.VirtualHost{{
		Name: "all", Domains: []string{"*"}, Routes: []*routev3.Route{{
			Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{
				ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster},
			}},
		}},
	}}}
	for _, option := range options {
		option(r)
	}
	return artifact.NewResource(artifact.ID{Type: artifact.Route, Name: name}, Marshal(r), nil, "", []string{cluster})
}

// Marshal encodes a message deterministically. It panics on one that can't be: that is a fault of the test.
func Marshal(m proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return data
}

func pack(m proto.Message) *anypb.Any {
	return &anypb.Any{TypeUrl: "type.googleapis.com/" + string(m.ProtoReflect().Descriptor().FullName()), Value: Marshal(m)}
}

func address(host string, port int) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
	}}}
}

func sortIDs(ids []artifact.ID) { slices.SortFunc(ids, artifact.ID.Compare) }

// Padding is a message of about n bytes that every other message's decoder skips: appended to a body, it makes a
// resource big.
func Padding(n int) proto.Message {
	m := &corev3.Node{}
	m.ProtoReflect().SetUnknown(protowire.AppendString(protowire.AppendTag(nil, 19_000_000, protowire.BytesType), strings.Repeat("x", n)))
	return m
}
