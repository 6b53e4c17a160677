package envoy

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ownmesh/ownmesh/core/graph"
)

const httpsPort = 443

// inbound and outbound make listeners that differ in their direction alone.
func inbound(name string, at *corev3.Address) *listenerv3.Listener {
	return newListener(name, at, corev3.TrafficDirection_INBOUND)
}

func outbound(name string, at *corev3.Address) *listenerv3.Listener {
	return newListener(name, at, corev3.TrafficDirection_OUTBOUND)
}

func newListener(name string, at *corev3.Address, d corev3.TrafficDirection) *listenerv3.Listener {
	return &listenerv3.Listener{Name: name, Address: at, TrafficDirection: d, Metadata: aggregateStats("", "")}
}

// chain is a filter chain for connections that were going to a port; 0: to any.
func chain(port int, filters ...*listenerv3.Filter) *listenerv3.FilterChain {
	c := &listenerv3.FilterChain{Filters: filters}
	if port != 0 {
		c.FilterChainMatch = &listenerv3.FilterChainMatch{DestinationPort: number(uint32(port))}
	}
	return c
}

// nowhere closes connections that are aimed at the proxy's own port: they would be passed on to itself, for ever.
func nowhere(port int) *listenerv3.FilterChain { return chain(port) }

// everywhere makes a chain match every address of the families that a node uses. Envoy looks at the port first, then
// at the address, then at the server's name, and never steps back: chains of one port need the same addresses.
func everywhere(c *listenerv3.FilterChain, ip graph.IPPreference) *listenerv3.FilterChain {
	if c.FilterChainMatch == nil {
		c.FilterChainMatch = &listenerv3.FilterChainMatch{}
	}
	ranges := []*corev3.CidrRange{{AddressPrefix: "0.0.0.0", PrefixLen: wrapperspb.UInt32(0)}}
	if ip != "" {
		ranges = append(ranges, &corev3.CidrRange{AddressPrefix: "::", PrefixLen: wrapperspb.UInt32(0)})
	}
	c.FilterChainMatch.PrefixRanges = ranges
	return c
}
