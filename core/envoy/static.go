package envoy

import (
	"fmt"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"sigs.k8s.io/yaml"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// Static collects a proxy's resources into one bootstrap that needs no control plane.
type Static struct {
	NodeID, NodeCluster string
	AdminPort           int // on the machine alone; 0: any free one
	Listeners           []*listenerv3.Listener
	Clusters            []*clusterv3.Cluster
	Secrets             []*tlsv3.Secret
	Routes              map[string]*routev3.RouteConfiguration // by name
}

// staticSDSSocket is where the local SDS socket is taken to be, if anything needs one.
const staticSDSSocket = "/run/sds.sock"

// YAML is the bootstrap: routes lie in the listeners that use them.
func (s Static) YAML() ([]byte, error) {
	for _, l := range s.Listeners {
		for _, c := range l.FilterChains {
			for _, f := range c.Filters {
				if err := s.inline(f); err != nil {
					return nil, fmt.Errorf("listener %s: %w", l.Name, err)
				}
			}
		}
	}
	sds, err := s.settleSecrets()
	if err != nil {
		return nil, err
	}
	if sds {
		s.Clusters = append(s.Clusters, SDSSocket(staticSDSSocket))
	}
	return YAML(&bootstrapv3.Bootstrap{
		Node:            &corev3.Node{Id: s.NodeID, Cluster: s.NodeCluster},
		Admin:           &bootstrapv3.Admin{Address: Address("127.0.0.1", s.AdminPort)},
		StaticResources: &bootstrapv3.Bootstrap_StaticResources{Listeners: s.Listeners, Clusters: s.Clusters, Secrets: s.Secrets},
		LayeredRuntime:  &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{Runtime()}},
	})
}

// Runtime holds the settings that compiled resources count on: a sidecar's bootstrap has them too. Regexes may become
// programs of up to 1000 instructions, as with App Mesh's agent; Envoy's own limit is 100.
func Runtime() *bootstrapv3.RuntimeLayer {
	return &bootstrapv3.RuntimeLayer{Name: "static_layer", LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{
		StaticLayer: &structpb.Struct{Fields: map[string]*structpb.Value{
			"re2.max_program_size.error_level": structpb.NewNumberValue(1000),
		}},
	}}
}

// inline puts the routes that a connection manager would ask for into it.
func (s Static) inline(f *listenerv3.Filter) error {
	manager := &hcmv3.HttpConnectionManager{}
	if !f.GetTypedConfig().MessageIs(manager) {
		return nil
	}
	if err := f.GetTypedConfig().UnmarshalTo(manager); err != nil {
		return fmt.Errorf("read the connection manager: %w", err)
	}
	name := manager.GetRds().GetRouteConfigName()
	routes, ok := s.Routes[name]
	if !ok {
		routes = &routev3.RouteConfiguration{Name: name}
	}
	manager.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: routes}
	f.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: packed(manager)}
	return nil
}

// Settle gives a cluster whose endpoints would come by EDS these ones for good.
func Settle(c *clusterv3.Cluster, endpoints []endpoint.Endpoint) {
	static(c, nil)
	c.EdsClusterConfig = nil
	group := &endpointv3.LocalityLbEndpoints{}
	for _, e := range endpoints {
		lb := &endpointv3.LbEndpoint{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: Address(e.Address, e.Port)}}}
		if !e.Healthy {
			lb.HealthStatus = corev3.HealthStatus_UNHEALTHY
		}
		group.LbEndpoints = append(group.LbEndpoints, lb)
	}
	if len(endpoints) > 0 {
		c.LoadAssignment.Endpoints = []*endpointv3.LocalityLbEndpoints{group}
	}
}

// Fill writes an address over the placeholder of a static cluster's only endpoint.
func Fill(c *clusterv3.Cluster, at *corev3.Address) {
	c.LoadAssignment = assignment(c.Name, at)
}

// YAML writes a message as people read it: proto's own member names, sorted.
func YAML(m proto.Message) ([]byte, error) {
	// The JSON has spaces at random places; by way of YAML they go.
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("write %s as JSON: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	out, err := yaml.JSONToYAML(text)
	if err != nil {
		return nil, fmt.Errorf("write %s as YAML: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return out, nil
}
