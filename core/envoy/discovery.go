package envoy

import (
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/graph"
)

var lookupFamily = map[graph.IPPreference]clusterv3.Cluster_DnsLookupFamily{
	"":                  clusterv3.Cluster_AUTO,
	graph.IPv6Preferred: clusterv3.Cluster_AUTO,
	graph.IPv4Preferred: clusterv3.Cluster_V4_PREFERRED,
	graph.IPv6Only:      clusterv3.Cluster_V6_ONLY,
	graph.IPv4Only:      clusterv3.Cluster_V4_ONLY,
}

// discover says where a cluster's endpoints come from.
func discover(c *clusterv3.Cluster, o graph.Offer) {
	switch d := o.Discovery; {
	case d == nil:
		static(c, nil)
	case d.CloudMap != nil:
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
		c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: overADS()}
	default:
		kind := clusterv3.Cluster_LOGICAL_DNS
		if d.Every {
			kind = clusterv3.Cluster_STRICT_DNS
		}
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: kind}
		c.DnsLookupFamily = lookupFamily[o.IP]
		c.LoadAssignment = assignment(c.Name, Address(lookedUp(d), o.Port.Port))
	}
}

// lookedUp is a hostname as Envoy looks it up: with a dot behind, so that no search domain is tried. A name of one label
// has none: it lies in the hosts file, which Envoy doesn't read for a name with the dot (localhost), or in a search
// domain.
func lookedUp(d *graph.Discovery) string {
	if d.IsAddress() || !strings.Contains(d.Hostname, ".") {
		return d.Hostname
	}
	return d.Hostname + "."
}

// Selector says which instances are the endpoints of a listener with Cloud Map discovery; nil for any other.
func Selector(o graph.Offer) *endpoint.Selector {
	if o.Discovery == nil || o.Discovery.CloudMap == nil {
		return nil
	}
	m := o.Discovery.CloudMap
	return &endpoint.Selector{
		ServiceKey:   endpoint.ServiceKey{Namespace: m.Namespace, Service: m.Service},
		Attributes:   m.Attributes,
		IPPreference: string(o.IP),
		Port:         o.Port.Port,
	}
}

// overADS is where everything but listeners and clusters comes from.
func overADS() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		ResourceApiVersion:    corev3.ApiVersion_V3,
	}
}

// Address is a TCP address, or a DNS name and a port. "::" takes IPv4 connections too.
func Address(host string, port int) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       host,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
		Ipv4Compat:    host == "::",
	}}}
}

// Placeholder is an address that the relay fills in, for each proxy its own.
func Placeholder() *corev3.Address { return Address("0.0.0.0", 0) }
