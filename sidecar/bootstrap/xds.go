package bootstrap

import (
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// This file: how the proxy reaches its relay.

const (
	relayName = "ownmesh_relay" // no mesh cluster is named so: they start with cds_
	adminName = "ownmesh_admin"

	connectTimeout = time.Second
	// A relay that is gone is noticed after interval + timeout; without pings a cut cable would never be.
	keepaliveInterval = 30 * time.Second
	keepaliveTimeout  = 10 * time.Second
	// Envoy's own upper limit of 30 s makes a relay's restart look like an outage.
	retryBase = 500 * time.Millisecond
	retryMax  = 5 * time.Second
)

func dynamicResources(wait time.Duration) *bootstrapv3.Bootstrap_DynamicResources {
	return &bootstrapv3.Bootstrap_DynamicResources{
		AdsConfig: &corev3.ApiConfigSource{
			ApiType:                   corev3.ApiConfigSource_DELTA_GRPC,
			TransportApiVersion:       corev3.ApiVersion_V3,
			SetNodeOnFirstMessageOnly: true,
			GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
				EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{
					ClusterName: relayName,
					RetryPolicy: &corev3.RetryPolicy{RetryBackOff: &corev3.BackoffStrategy{
						BaseInterval: durationpb.New(retryBase),
						MaxInterval:  durationpb.New(retryMax),
					}},
				},
			}}},
		},
		LdsConfig: overADS(wait),
		CdsConfig: overADS(wait),
	}
}

// overADS waits for the first answer, for ever if wait is 0, as App Mesh's proxies did: a proxy without
// configuration must not count as live.
func overADS(wait time.Duration) *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		ResourceApiVersion:    corev3.ApiVersion_V3,
		InitialFetchTimeout:   durationpb.New(wait),
	}
}

// CheckRelay says what is wrong with an address as Options.XDS without Credentials.
func CheckRelay(address string) error {
	_, err := relayCluster(address, "")
	return err
}

func relayCluster(address, credentials string) (*clusterv3.Cluster, error) {
	if credentials != "" {
		return secureRelayCluster(address, credentials)
	}
	a, err := loopback("relay's address", address, false)
	if err != nil {
		return nil, err
	}
	c := staticCluster(relayName, a)
	return c, speakHTTP2(c, relayKeepalive())
}

func relayKeepalive() *corev3.KeepaliveSettings {
	return &corev3.KeepaliveSettings{Interval: durationpb.New(keepaliveInterval), Timeout: durationpb.New(keepaliveTimeout)}
}

// speakHTTP2 makes a cluster's connections HTTP/2, as gRPC needs them; keepalive may be nil.
func speakHTTP2(c *clusterv3.Cluster, keepalive *corev3.KeepaliveSettings, filters ...*hcmv3.HttpFilter) error {
	options, err := anyOf(&httpv3.HttpProtocolOptions{
		HttpFilters: filters,
		UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
					Http2ProtocolOptions: &corev3.Http2ProtocolOptions{ConnectionKeepalive: keepalive},
				},
			},
		},
	})
	if err != nil {
		return err
	}
	c.TypedExtensionProtocolOptions = map[string]*anypb.Any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}
	return nil
}

func staticCluster(name string, a *corev3.Address) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       durationpb.New(connectTimeout),
		LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: name,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: a}},
			}}}},
		},
	}
}

// anyOf packs m. Unlike anypb.New it is deterministic.
func anyOf(m proto.Message) (*anypb.Any, error) {
	a := &anypb.Any{}
	if err := anypb.MarshalFrom(a, m, proto.MarshalOptions{Deterministic: true}); err != nil {
		return nil, err
	}
	return a, nil
}

func truth() *wrapperspb.BoolValue { return wrapperspb.Bool(true) }
