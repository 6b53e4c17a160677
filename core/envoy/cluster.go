package envoy

import (
	"math"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/ownmesh/ownmesh/core/graph"
)

// Connect timeouts in milliseconds: within the machine, and beyond it.
const (
	connectLocal  = 250
	connectRemote = 1000
)

// Application is the cluster of a node's own application, where a listener's pool applies.
func Application(mesh, node string, l graph.Listener, at *corev3.Address) *clusterv3.Cluster {
	c := newCluster(ApplicationCluster(mesh, node, l.Port), connectLocal, l.Pool)
	static(c, at)
	speak(c, l.Protocol)
	return c
}

// SelfRedirect is the cluster that leads from a gateway's listener to its second pass, in the protocol that the client
// speaks: an http listener takes gRPC too, and its second pass must see it as such.
func SelfRedirect(mesh, gateway string, l graph.Listener, several bool, at *corev3.Address) *clusterv3.Cluster {
	c := newCluster(SelfRedirectCluster(mesh, gateway, l.Port, several), connectLocal, l.Pool)
	static(c, at)
	passOn(c)
	return c
}

// Egress is the cluster of a virtual node's listener, as its callers see it; in plain text, or in TLS. With Cloud Map
// discovery its endpoints come by EDS; without any discovery it has none.
func Egress(mesh string, o graph.Offer, tls *graph.Upstream) *clusterv3.Cluster {
	c := newCluster(EgressCluster(mesh, o.Node, o.Port), connectRemote, graph.Pool{})
	c.Metadata = aggregateStats("TargetVirtualNode", o.Node)
	discover(c, o)
	speak(c, o.Protocol)
	if tls != nil {
		c.TransportSocket = clientSocket(*tls, o.Protocol)
	}
	c.HealthChecks = healthChecks(o.Health, c.Name, tls != nil)
	c.IgnoreHealthOnHostRemoval = len(c.HealthChecks) > 0 // who is deregistered leaves, though probes still reach it
	c.OutlierDetection = outlierDetection(o.Outlier)
	return c
}

// NoEgress is the cluster of a listener that must not be called: it has no endpoints, so its callers get 503.
func NoEgress(mesh string, o graph.Offer) *clusterv3.Cluster {
	c := newCluster(EgressCluster(mesh, o.Node, o.Port), connectRemote, graph.Pool{})
	c.Metadata = aggregateStats("TargetVirtualNode", o.Node)
	static(c, nil)
	speak(c, o.Protocol)
	return c
}

// OriginalDestination is a cluster that leads to where the application aimed.
func OriginalDestination(name string) *clusterv3.Cluster {
	c := newCluster(name, connectRemote, graph.Pool{})
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_ORIGINAL_DST}
	c.LbPolicy = clusterv3.Cluster_CLUSTER_PROVIDED
	return c
}

// AllowAll is where connections and requests to unknown destinations go, in the protocol that the application speaks.
func AllowAll(mesh string) *clusterv3.Cluster {
	c := OriginalDestination(AllowAllCluster(mesh))
	passOn(c)
	return c
}

func newCluster(name string, connectMillis int64, pool graph.Pool) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:           name,
		ConnectTimeout: span(connectMillis),
		CircuitBreakers: &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
			MaxConnections:     number(limit(pool.MaxConnections)),
			MaxPendingRequests: number(limit(pool.MaxPendingRequests)),
			MaxRequests:        number(limit(pool.MaxRequests)),
			MaxRetries:         number(limit(0)),
		}}},
	}
}

// limit is a circuit breaker's threshold; 0 is none, which App Mesh wrote as 2147483647.
func limit(n int) uint32 {
	if n <= 0 || n > math.MaxInt32 {
		return math.MaxInt32
	}
	return uint32(n)
}

// static gives a cluster one endpoint, or none.
func static(c *clusterv3.Cluster, at *corev3.Address) {
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}
	c.LoadAssignment = assignment(c.Name, at)
}

func assignment(name string, at *corev3.Address) *endpointv3.ClusterLoadAssignment {
	a := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	if at != nil {
		a.Endpoints = []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: at}},
		}}}}
	}
	return a
}

// speak makes a cluster use HTTP/2 where the listener that it leads to speaks that; else it is HTTP/1.1 or bare TCP.
func speak(c *clusterv3.Cluster, p graph.Protocol) {
	if !p.Multiplexed() {
		return
	}
	setHTTPOptions(c, &httpv3.HttpProtocolOptions{UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
		ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
			ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
				Http2ProtocolOptions: &corev3.Http2ProtocolOptions{}}}}})
}

// passOn makes a cluster speak to its endpoints as the client spoke to the proxy.
func passOn(c *clusterv3.Cluster) {
	setHTTPOptions(c, &httpv3.HttpProtocolOptions{UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_UseDownstreamProtocolConfig{
		UseDownstreamProtocolConfig: &httpv3.HttpProtocolOptions_UseDownstreamHttpConfig{
			HttpProtocolOptions:  &corev3.Http1ProtocolOptions{},
			Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
		}}})
}

func setHTTPOptions(c *clusterv3.Cluster, o *httpv3.HttpProtocolOptions) {
	c.TypedExtensionProtocolOptions = map[string]*anypb.Any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": packed(o)}
}
