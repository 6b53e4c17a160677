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

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
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

	// XDS is the relay: a loopback "host:port", or "unix:///path" for a socket. Nothing beyond loopback is reached
	// without TLS and a token, which this version does not carry.
	XDS string
	// Admin is the address of Envoy's admin interface, on loopback; "" means 127.0.0.1:9901. Port 0 lets the
	// kernel choose, which excludes Metrics.
	Admin string
	// Metrics, if not "", is where a listener serves /stats/prometheus and /ready, and nothing else of the admin
	// interface. Any address: it gives nothing away but numbers.
	Metrics string
	// StatsTags puts the mesh's and the node's names on every metric.
	StatsTags bool
	// OutlierLog is the file that ejections are logged to; "" means /dev/stdout.
	OutlierLog string
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
	admin, err := loopback("admin address", o.Admin, true)
	if err != nil {
		return nil, err
	}
	relay, err := relayCluster(o.XDS)
	if err != nil {
		return nil, err
	}
	b := &bootstrapv3.Bootstrap{
		Node:             node,
		Admin:            &bootstrapv3.Admin{Address: admin},
		DynamicResources: dynamicResources(),
		StaticResources:  &bootstrapv3.Bootstrap_StaticResources{Clusters: []*clusterv3.Cluster{relay}},
		LayeredRuntime:   layeredRuntime(),
		StatsConfig:      statsConfig(id, o.StatsTags),
		ClusterManager: &bootstrapv3.ClusterManager{OutlierDetection: &bootstrapv3.ClusterManager_OutlierDetection{
			EventLogPath: o.OutlierLog,
		}},
	}
	if o.Metrics == "" {
		return b, nil
	}
	listener, cluster, err := metrics(o.Metrics, o.Admin)
	if err != nil {
		return nil, err
	}
	b.StaticResources.Listeners = []*listenerv3.Listener{listener}
	b.StaticResources.Clusters = append(b.StaticResources.Clusters, cluster)
	return b, nil
}

func node(o Options) (*corev3.Node, error) {
	n := &corev3.Node{Id: o.NodeID, Cluster: o.Cluster}
	if n.Cluster == "" {
		n.Cluster = o.NodeID
	}
	if o.Region != "" || o.ZoneID != "" {
		n.Locality = &corev3.Locality{Region: o.Region, Zone: o.ZoneID}
	}
	if o.Metadata.Instance == "" && o.Metadata.Explicit == nil {
		return n, nil
	}
	for what, address := range o.Metadata.Explicit {
		if _, _, err := splitAddress(address); err != nil {
			return nil, fmt.Errorf("address for %s: %w", what, err)
		}
	}
	m, err := metadataStruct(o.Metadata)
	if err != nil {
		return nil, err
	}
	n.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{events.MetadataKey: structpb.NewStructValue(m)}}
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

var errNodeID = errors.New("must be mesh/<mesh>/virtualNode/<name> or mesh/<mesh>/virtualGateway/<name>, maybe as an ARN")
