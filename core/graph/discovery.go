package graph

import (
	"net/netip"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

// IPPreference is App Mesh's choice between address families; "" where nobody chose.
type IPPreference string

// App Mesh's preferences.
const (
	IPv6Preferred IPPreference = "IPv6_PREFERRED"
	IPv4Preferred IPPreference = "IPv4_PREFERRED"
	IPv6Only      IPPreference = "IPv6_ONLY"
	IPv4Only      IPPreference = "IPv4_ONLY"
)

// BindAddress is where listeners listen: a wildcard address. "::" also takes IPv4 connections.
func (p IPPreference) BindAddress() string {
	if p == "" {
		return "0.0.0.0"
	}
	return "::"
}

// Loopback is where the local application, and whatever else stays on the machine, listens.
func (p IPPreference) Loopback() string {
	if p == IPv6Preferred || p == IPv6Only {
		return "::1"
	}
	return "127.0.0.1"
}

// or is p, or the fallback where nobody chose p.
func (p IPPreference) or(fallback IPPreference) IPPreference {
	if p == "" {
		return fallback
	}
	return p
}

// Discovery is how a virtual node's instances are found. Exactly one of Hostname and CloudMap is set.
type Discovery struct {
	Hostname string // a DNS name without its trailing dot, or an IP address
	Every    bool   // each address of the name is an endpoint (ENDPOINTS), else the name is one (LOADBALANCER)
	CloudMap *CloudMap
	IP       IPPreference // the node's own; "" follows the mesh
}

// CloudMap names instances in a service registry.
type CloudMap struct {
	Namespace, Service string
	Attributes         map[string]string // all must be equal
}

// IsAddress reports whether the hostname is an IP address.
func (d Discovery) IsAddress() bool {
	_, err := netip.ParseAddr(d.Hostname)
	return err == nil
}

// readDiscovery reads a virtual node's discovery; nil where it has none that can be used.
func readDiscovery(s *resource.ServiceDiscovery, path string, n *Notes) *Discovery {
	if s == nil || s.DNS == nil && s.AWSCloudMap == nil {
		return nil
	}
	if s.DNS != nil {
		d := &Discovery{
			Hostname: strings.TrimSuffix(s.DNS.Hostname, "."),
			Every:    s.DNS.ResponseType == "ENDPOINTS",
			IP:       IPPreference(s.DNS.IPPreference),
		}
		if !d.IsAddress() && !isHostname(d.Hostname) {
			n.add("hostname-invalid", path+".dns.hostname", quoted("%s is no host's name: callers find no instance and get 503", s.DNS.Hostname), "use a DNS name of letters, digits, hyphens, underscores and dots")
			return nil
		}
		return d
	}
	m := s.AWSCloudMap
	d := &Discovery{
		CloudMap: &CloudMap{Namespace: m.NamespaceName, Service: m.ServiceName},
		IP:       IPPreference(m.IPPreference),
	}
	for i, a := range m.Attributes {
		if first, ok := d.CloudMap.Attributes[a.Key]; ok {
			if first != a.Value {
				n.add("attribute-duplicate", at(path+".awsCloudMap.attributes", i), quoted("attribute %s is given before with another value: the first counts", a.Key), "remove this one")
			}
			continue
		}
		if d.CloudMap.Attributes == nil {
			d.CloudMap.Attributes = map[string]string{}
		}
		d.CloudMap.Attributes[a.Key] = a.Value
	}
	return d
}

// isHostname reports whether s can be looked up: up to 253 letters, digits, hyphens, underscores and dots, labels of
// 1 to 63.
func isHostname(s string) bool {
	if len(s) > 253 {
		return false
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return false
			}
		}
	}
	return true
}
