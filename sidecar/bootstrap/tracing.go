package bootstrap

import (
	"fmt"
	"net"
	"strconv"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tracev3 "github.com/envoyproxy/go-control-plane/envoy/config/trace/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Tracer is one of XRay, Zipkin, Datadog and OpenTelemetry.
type Tracer interface {
	// provider gives Envoy's name of the tracer, its configuration, and the cluster of the collector, if it is one.
	provider(NodeID) (name string, config proto.Message, collector *clusterv3.Cluster, err error)
}

// addTracer names the tracer in the bootstrap, where all connection managers look that name none of their own: so
// each proxy's owner chooses, and compiled configuration is the same for all.
func addTracer(b *bootstrapv3.Bootstrap, id NodeID, o Options) error {
	if o.TracedShare != nil && !(*o.TracedShare >= 0 && *o.TracedShare <= 1) {
		return fmt.Errorf("share of traced requests %v must be between 0 and 1", *o.TracedShare)
	}
	if o.Tracer == nil {
		return nil
	}
	name, config, collector, err := o.Tracer.provider(id)
	if err != nil {
		return err
	}
	packed, err := anyOf(config)
	if err != nil {
		return err
	}
	if collector != nil {
		b.StaticResources.Clusters = append(b.StaticResources.Clusters, collector)
	}
	//nolint:staticcheck // the field is called deprecated, but no other place in the bootstrap can say this
	b.Tracing = &tracev3.Tracing{Http: &tracev3.Tracing_Http{
		Name: name, ConfigType: &tracev3.Tracing_Http_TypedConfig{TypedConfig: packed},
	}}
	return nil
}

// ServiceName is what traces call a proxy unless told otherwise: mesh/resource.
func (id NodeID) ServiceName() string { return id.Mesh + "/" + id.Name }

// XRay sends segments to an X-Ray daemon.
type XRay struct {
	Daemon   string // "IP:port", UDP
	Segment  string // the segment's name; "" means mesh/resource
	Manifest string // sampling rules as JSON, version 2; "" means one request a second and 5 % of the rest
}

func (x XRay) provider(id NodeID) (string, proto.Message, *clusterv3.Cluster, error) {
	daemon, err := datagrams("X-Ray daemon's address", x.Daemon)
	if err != nil {
		return "", nil, nil, err
	}
	if daemon.GetSocketAddress() == nil {
		return "", nil, nil, fmt.Errorf("X-Ray daemon's address %q must be IP:port", x.Daemon)
	}
	config := &tracev3.XRayConfig{
		DaemonEndpoint: daemon.GetSocketAddress(),
		SegmentName:    x.Segment,
		SegmentFields: &tracev3.XRayConfig_SegmentFields{
			Origin: "AWS::AppMesh::Proxy",
			// X-Ray's console knows no gateways; App Mesh called them nodes here.
			Aws: &structpb.Struct{Fields: map[string]*structpb.Value{
				"app_mesh": structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
					"mesh_name":         structpb.NewStringValue(id.Mesh),
					"virtual_node_name": structpb.NewStringValue(id.Name),
				}}),
			}},
		},
	}
	if x.Segment == "" {
		config.SegmentName = id.ServiceName()
	}
	if x.Manifest != "" {
		config.SamplingRuleManifest = &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: x.Manifest}}
	}
	return "envoy.tracers.xray", config, nil, nil
}

// Zipkin sends spans in Zipkin's format, which Jaeger takes as well. The service's name is Options.Cluster.
type Zipkin struct {
	Name      string // of the collector's cluster: zipkin or jaeger
	Collector string // "host:port"
	JSON      bool   // else protobuf
}

func (z Zipkin) provider(NodeID) (string, proto.Message, *clusterv3.Cluster, error) {
	collector, err := collectorCluster(z.Name, z.Collector)
	if err != nil {
		return "", nil, nil, err
	}
	config := &tracev3.ZipkinConfig{
		CollectorCluster:         z.Name,
		CollectorEndpoint:        "/api/v2/spans",
		CollectorEndpointVersion: tracev3.ZipkinConfig_HTTP_PROTO,
		SharedSpanContext:        wrapperspb.Bool(false),
	}
	if z.JSON {
		config.CollectorEndpointVersion = tracev3.ZipkinConfig_HTTP_JSON
	}
	return "envoy.tracers.zipkin", config, collector, nil
}

// Datadog sends spans to a Datadog agent.
type Datadog struct {
	Agent   string // "host:port"
	Service string // "" means envoy-mesh/resource
}

func (d Datadog) provider(id NodeID) (string, proto.Message, *clusterv3.Cluster, error) {
	const name = "datadog_agent"
	collector, err := collectorCluster(name, d.Agent)
	if err != nil {
		return "", nil, nil, err
	}
	service := d.Service
	if service == "" {
		service = "envoy-" + id.ServiceName()
	}
	return "envoy.tracers.datadog", &tracev3.DatadogConfig{CollectorCluster: name, ServiceName: service}, collector, nil
}

// OpenTelemetry sends spans by OTLP over plain-text gRPC.
type OpenTelemetry struct {
	Collector string // "host:port"
	Service   string // "" means mesh/resource
}

const otlpTimeout = 5 * time.Second

func (t OpenTelemetry) provider(id NodeID) (string, proto.Message, *clusterv3.Cluster, error) {
	const name = "opentelemetry_collector"
	collector, err := collectorCluster(name, t.Collector)
	if err != nil {
		return "", nil, nil, err
	}
	service := t.Service
	if service == "" {
		service = id.ServiceName()
	}
	return "envoy.tracers.opentelemetry", &tracev3.OpenTelemetryConfig{
		ServiceName: service,
		GrpcService: &corev3.GrpcService{
			Timeout: durationpb.New(otlpTimeout),
			TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
				EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: name},
			},
		},
	}, collector, speakHTTP2(collector, nil)
}

// collectorCluster leads to "host:port", which is looked up again and again: collectors move.
func collectorCluster(name, address string) (*clusterv3.Cluster, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return nil, fmt.Errorf("address of %s %q must be host:port", name, address)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("address of %s %q must have a port between 1 and 65535", name, address)
	}
	c := staticCluster(name, &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
	}}})
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STRICT_DNS}
	return c, nil
}
