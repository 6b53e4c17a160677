package relay

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/proto"
)

// This file: explicit interception. The bootstrap of a proxy says at which local addresses its listeners and its
// application are; the compiler has left these places open.

type filledKey struct {
	kind kind
	name string
}

// filling remembers what a resource became with this proxy's addresses. entry is nil if it could not be filled.
type filling struct{ source, entry *entry }

// fill gives a resource with this proxy's address in its open place, or nil if the proxy has none for it.
func (s *stream) fill(r *resource) *entry {
	key := filledKey{r.kind, r.name}
	if f, ok := s.filled[key]; ok && f.source == r.entry {
		return f.entry
	}
	f := filling{source: r.entry}
	if address, ok := s.node.metadata.Explicit[string(r.source.Fill)]; ok {
		body, err := fillBody(r.kind, r.source.Body, address)
		if err != nil {
			s.relay.log.Error("a resource for explicit interception is left out", "mesh", s.node.mesh, "proxy", s.node.proxy,
				"type", r.kind.String(), "name", r.name, "fill", string(r.source.Fill), "error", err)
		} else {
			f.entry = newEntry(r.kind, r.name, contentHash(body), body, r.needs)
			f.entry.permissive = r.permissive
		}
	}
	if s.filled == nil {
		s.filled = map[filledKey]filling{}
	}
	s.filled[key] = f
	return f.entry
}

// fillBody writes an address into a listener, or into the only endpoint of a static cluster.
func fillBody(k kind, body []byte, address string) ([]byte, error) {
	to, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	switch k {
	case listener:
		var l listenerv3.Listener
		if err := proto.Unmarshal(body, &l); err != nil {
			return nil, fmt.Errorf("read listener: %w", err)
		}
		l.Address = to
		return deterministic.Marshal(&l)
	case cluster:
		var c clusterv3.Cluster
		if err := proto.Unmarshal(body, &c); err != nil {
			return nil, fmt.Errorf("read cluster: %w", err)
		}
		groups := c.GetLoadAssignment().GetEndpoints()
		if len(groups) != 1 || len(groups[0].LbEndpoints) != 1 || groups[0].LbEndpoints[0].GetEndpoint() == nil {
			return nil, fmt.Errorf("the cluster has not exactly one endpoint")
		}
		groups[0].LbEndpoints[0].GetEndpoint().Address = to
		return deterministic.Marshal(&c)
	default:
		return nil, fmt.Errorf("a %s has no place for an address", k)
	}
}

// parseAddress reads "127.0.0.1:8080" or "[::1]:8080".
func parseAddress(text string) (*corev3.Address, error) {
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		return nil, fmt.Errorf("%.200q is not of the form <IP address>:<port>", text)
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, fmt.Errorf("%.200q is not of the form <IP address>:<port>: no IP address before the port", text)
	}
	// Port 0 has Envoy choose one, which only makes sense for a listener that nobody must find; tests do.
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%.200q is not of the form <IP address>:<port>: the port is not a number up to 65535", text)
	}
	return socketAddress(ip.String(), int(port)), nil
}

// unmapped lists the open places of a proxy's resources that its bootstrap gives no address for, sorted.
func (s *stream) unmapped() []string {
	if !s.explicit() {
		return []string{} // in JSON a list, not null
	}
	places := map[string]struct{}{}
	for _, at := range s.view.set {
		if r := at.now; r != nil && r.source.Fill != "" {
			if _, ok := s.node.metadata.Explicit[string(r.source.Fill)]; !ok {
				places[string(r.source.Fill)] = struct{}{}
			}
		}
	}
	list := slices.AppendSeq([]string{}, maps.Keys(places))
	slices.Sort(list)
	return list
}
