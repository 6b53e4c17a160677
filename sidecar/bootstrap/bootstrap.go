// Package bootstrap renders the Envoy bootstrap of one sidecar or gateway: who it is, where its relay is, where
// its admin interface and metrics listen. Everything else comes from the relay.
//
// It never opens a connection, chooses a port or reads the environment: what it needs is in Options, and the same
// Options give the same bytes. Start with Render.
package bootstrap

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	fileaccesslogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"sigs.k8s.io/yaml"

	"github.com/ownmesh/ownmesh/events"
)

// Options say what one proxy's bootstrap must hold.
type Options struct {
	// NodeID is the virtual node or gateway: mesh/<mesh>/virtualNode/<name>, or an ARN that ends so.
	NodeID string
	// Cluster is node.cluster, which metrics and traces show; "" means NodeID, as App Mesh had it.
	Cluster string
	// Metadata tells the relay which instance this is, and the local addresses of explicit interception.
	Metadata events.NodeMetadata
	// Region and ZoneID are the locality, where known. ZoneID is an availability zone's id (use1-az1).
	Region, ZoneID string

	// XDS is the relay: a loopback "host:port", or "unix:///path" for a socket. With Credentials any "host:port": nothing
	// beyond loopback is reached without TLS and a token.
	XDS string
	// Credentials, if not "", is an absolute folder with TokenFile, SecretFile and CAFile: the relay is reached by TLS,
	// and each stream bears the token.
	Credentials string
	// Admin is the address of Envoy's admin interface, on loopback; "" means 127.0.0.1:9901. Port 0 lets the
	// kernel choose, which excludes Metrics.
	Admin string
	// Metrics, if not "", is where a listener serves /stats/prometheus and /ready, and nothing else of the admin
	// interface. Any address: it gives nothing away but numbers.
	Metrics string
	// StatsTags puts the mesh's and the node's names on every metric.
	StatsTags bool
	// MetricsExtension puts the dimensions of App Mesh's metrics extension on every metric that knows them.
	MetricsExtension bool
	// NoStatsTags leaves all tags out: a Fragment brings its own stats_config.
	NoStatsTags bool
	// FlushInterval is the time between flushes to sinks, and to the admin interface's counters; 0 means Envoy's 5 s.
	FlushInterval time.Duration
	// Sinks receive all metrics at each flush.
	Sinks []StatsD

	// Tracer says where spans go, if anywhere.
	Tracer Tracer
	// TracedShare, if not nil, is the share of requests that Envoy has traced at all, 0 to 1; nil means all. X-Ray
	// takes its own share of those.
	TracedShare *float64

	// AdminLog is the file that requests to the admin interface are logged to; "" means none.
	AdminLog string
	// OutlierLog is the file that ejections are logged to; "" means /dev/stdout.
	OutlierLog string
	// SDSSocket, if not "", is the path of the socket at which a provider on this machine serves secrets.
	SDSSocket string
	// FetchTimeout bounds the wait for the first configuration; 0 waits for ever.
	FetchTimeout time.Duration
	// MaxRequestsPerIOCycle bounds the requests of one connection that are taken up at once; 0 means no bound.
	MaxRequestsPerIOCycle int
	// Platform is what App Mesh's proxies told of where they run.
	Platform Platform
	// Fragments are laid over the result, in their order.
	Fragments []Fragment
}

// Defaults that Options speak of.
const (
	DefaultAdmin      = "127.0.0.1:9901"
	defaultOutlierLog = "/dev/stdout"
)

// Render gives the bootstrap as YAML. An error says which option is wrong.
func Render(o Options) ([]byte, error) {
	if o.Admin == "" {
		o.Admin = DefaultAdmin
	}
	if o.OutlierLog == "" {
		o.OutlierLog = defaultOutlierLog
	}
	b, err := build(o)
	if err != nil {
		return nil, err
	}
	// protojson varies its spacing on purpose; YAML made from it has sorted members and one spacing.
	j, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("marshal the bootstrap: %w", err)
	}
	if j, err = overlay(j, o.Fragments); err != nil {
		return nil, err
	}
	y, err := yaml.JSONToYAML(j)
	if err != nil {
		return nil, fmt.Errorf("write the bootstrap as YAML: %w", err)
	}
	return y, nil
}

func build(o Options) (*bootstrapv3.Bootstrap, error) {
	id, err := ParseNodeID(o.NodeID)
	if err != nil {
		return nil, err
	}
	node, err := node(o)
	if err != nil {
		return nil, err
	}
	admin, err := adminInterface(o)
	if err != nil {
		return nil, err
	}
	relay, err := relayCluster(o.XDS, o.Credentials)
	if err != nil {
		return nil, err
	}
	if err := unclashed(o, id); err != nil {
		return nil, err
	}
	b := &bootstrapv3.Bootstrap{
		Node:             node,
		Admin:            admin,
		DynamicResources: dynamicResources(o.FetchTimeout),
		StaticResources:  &bootstrapv3.Bootstrap_StaticResources{Clusters: []*clusterv3.Cluster{relay}},
		LayeredRuntime:   layeredRuntime(o, id.Kind == "virtualNode"),
		StatsConfig:      statsConfig(id, o),
		ClusterManager: &bootstrapv3.ClusterManager{OutlierDetection: &bootstrapv3.ClusterManager_OutlierDetection{
			EventLogPath: o.OutlierLog,
		}},
	}
	for _, add := range []func(*bootstrapv3.Bootstrap, NodeID, Options) error{addMetrics, addSinks, addTracer, addSecrets} {
		if err := add(b, id, o); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func adminInterface(o Options) (*bootstrapv3.Admin, error) {
	address, err := loopback("admin address", o.Admin, true)
	if err != nil {
		return nil, err
	}
	if pipe := address.GetPipe(); pipe != nil {
		pipe.Mode = 0o600 // who may connect may stop the proxy
	}
	admin := &bootstrapv3.Admin{Address: address}
	if o.AdminLog == "" {
		return admin, nil
	}
	file, err := anyOf(&fileaccesslogv3.FileAccessLog{Path: o.AdminLog})
	if err != nil {
		return nil, err
	}
	admin.AccessLog = []*accesslogv3.AccessLog{{
		Name:       "envoy.access_loggers.file",
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: file},
	}}
	return admin, nil
}

func node(o Options) (*corev3.Node, error) {
	n := &corev3.Node{Id: o.NodeID, Cluster: o.Cluster}
	if n.Cluster == "" {
		n.Cluster = o.NodeID
	}
	if o.Region != "" || o.ZoneID != "" {
		n.Locality = &corev3.Locality{Region: o.Region, Zone: o.ZoneID}
	}
	metadata, err := o.Platform.metadata()
	if err != nil {
		return nil, err
	}
	if o.MetricsExtension {
		metadata["aws.appmesh.metric_filter"] = structOf("level", structpb.NewStringValue("1"))
	}
	if o.Metadata.Instance != "" || o.Metadata.Explicit != nil {
		for what, address := range o.Metadata.Explicit {
			if _, _, err := splitAddress(address); err != nil {
				return nil, fmt.Errorf("address for %s: %w", what, err)
			}
		}
		m, err := metadataStruct(o.Metadata)
		if err != nil {
			return nil, err
		}
		metadata[events.MetadataKey] = structpb.NewStructValue(m)
	}
	if len(metadata) > 0 {
		n.Metadata = &structpb.Struct{Fields: metadata}
	}
	return n, nil
}

// metadataStruct goes by way of JSON, which is the form that events.NodeMetadata promises.
func metadataStruct(m events.NodeMetadata) (*structpb.Struct, error) {
	j, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("marshal the node's metadata: %w", err)
	}
	s := &structpb.Struct{}
	if err := protojson.Unmarshal(j, s); err != nil {
		return nil, fmt.Errorf("the node's metadata: %w", err)
	}
	// An empty map is a wish too: explicit interception with no addresses yet. omitempty would lose it.
	if m.Explicit != nil && len(m.Explicit) == 0 {
		s.Fields["explicit"] = structpb.NewStructValue(&structpb.Struct{})
	}
	return s, nil
}

// NodeIDForms says what ParseNodeID takes.
const NodeIDForms = "must be mesh/<mesh>/virtualNode/<name> or mesh/<mesh>/virtualGateway/<name>, maybe as an ARN"

var errNodeID = errors.New(NodeIDForms)
