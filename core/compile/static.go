package compile

import (
	"fmt"
	"net/netip"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/envoy"
)

// StaticOptions says what a proxy's sidecar and the relay would have added.
type StaticOptions struct {
	// Explicit takes the set for explicit interception, which must be on.
	Explicit bool
	// Addresses are what explicit interception leaves open, as in events.NodeMetadata: "127.0.0.1:20001". A
	// placeholder without an address stays 0.0.0.0:0.
	Addresses map[artifact.Fill]string
	// Endpoints gives the endpoints of clusters with Cloud Map discovery; nil: none.
	Endpoints func(endpoint.Selector) []endpoint.Endpoint
	// AdminPort is where Envoy's admin interface listens on 127.0.0.1; 0: any free port.
	AdminPort int
}

// Static is a proxy's configuration as one Envoy bootstrap in YAML that needs no control plane: it shows, and lets
// Envoy check, what the proxy gets.
func (c *Compiled) Static(key artifact.ProxyKey, o StaticOptions) ([]byte, error) {
	p, ok := c.config.Proxies[key]
	if !ok {
		return nil, fmt.Errorf("the mesh has no %s", key)
	}
	ids := p.Transparent
	if o.Explicit {
		if p.Explicit == nil {
			return nil, fmt.Errorf("%s has no configuration for explicit interception: switch it on", key)
		}
		ids = p.Explicit
	}
	node := "mesh/" + c.config.Mesh + "/" + string(key)
	s := envoy.Static{NodeID: node, NodeCluster: node, AdminPort: o.AdminPort, Routes: map[string]*routev3.RouteConfiguration{}}
	for _, id := range ids {
		if err := o.add(&s, c.config.Resources[id]); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
	}
	return s.YAML()
}

// add puts a resource into a bootstrap.
func (o StaticOptions) add(s *envoy.Static, r artifact.Resource) error {
	at, err := o.address(r.Fill)
	if err != nil {
		return err
	}
	switch r.Type {
	case artifact.Cluster:
		c := &clusterv3.Cluster{}
		if err := proto.Unmarshal(r.Body, c); err != nil {
			return fmt.Errorf("read it back: %w", err)
		}
		if r.Endpoints != nil {
			var found []endpoint.Endpoint
			if o.Endpoints != nil {
				found = o.Endpoints(*r.Endpoints)
			}
			envoy.Settle(c, found)
		}
		if at != nil {
			envoy.Fill(c, at)
		}
		s.Clusters = append(s.Clusters, c)
	case artifact.Secret:
		secret := &tlsv3.Secret{}
		if err := proto.Unmarshal(r.Body, secret); err != nil {
			return fmt.Errorf("read it back: %w", err)
		}
		s.Secrets = append(s.Secrets, secret)
	case artifact.Listener:
		l := &listenerv3.Listener{}
		if err := proto.Unmarshal(r.Body, l); err != nil {
			return fmt.Errorf("read it back: %w", err)
		}
		if at != nil {
			l.Address = at
		}
		s.Listeners = append(s.Listeners, l)
	case artifact.Route:
		rc := &routev3.RouteConfiguration{}
		if err := proto.Unmarshal(r.Body, rc); err != nil {
			return fmt.Errorf("read it back: %w", err)
		}
		s.Routes[rc.Name] = rc
	}
	return nil
}

// address is what a placeholder becomes; nil: it stays, or there is none.
func (o StaticOptions) address(f artifact.Fill) (*corev3.Address, error) {
	text, ok := o.Addresses[f]
	if f == "" || !ok {
		return nil, nil
	}
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		return nil, fmt.Errorf("the address for %s: %w", f, err)
	}
	return envoy.Address(at.Addr().String(), int(at.Port())), nil
}
