package bootstrap

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// claim is an address that something of the proxy's must have for itself.
type claim struct {
	what string
	at   netip.AddrPort
}

// unclashed says which two want the same address. Envoy would start, refuse one of its listeners, and serve without it.
func unclashed(o Options, id NodeID) error {
	claims := []claim{}
	add := func(what, address string) {
		// What is no IP:port is a socket, or was refused by whoever reads it.
		if ip, port, err := splitAddress(address); err == nil && port != 0 {
			claims = append(claims, claim{what, netip.AddrPortFrom(ip, uint16(port))})
		}
	}
	if o.Credentials == "" { // else the relay is on another machine
		add("the relay", o.XDS)
	}
	add("the admin interface", o.Admin)
	add("the metrics", o.Metrics)
	switch {
	case o.Metadata.Explicit != nil:
	case id.Kind == "virtualNode":
		add("what is redirected to Envoy on its way in", "0.0.0.0:15000")
		add("what is redirected to Envoy on its way out", "0.0.0.0:15001")
	default:
		add("the gateway's second pass", "127.0.0.1:15001")
	}
	for _, what := range slices.Sorted(maps.Keys(o.Metadata.Explicit)) {
		// Where the application listens is no listener of Envoy's, and two ports of a node may lead to one.
		if !strings.HasPrefix(what, "application/") {
			add(what, o.Metadata.Explicit[what])
		}
	}
	for i, a := range claims {
		for _, b := range claims[:i] {
			if a.at.Port() == b.at.Port() && (a.at.Addr() == b.at.Addr() || a.at.Addr().IsUnspecified() || b.at.Addr().IsUnspecified()) {
				return fmt.Errorf("%s and %s can't both be at port %d (%s, %s): give one of them another", b.what, a.what, a.at.Port(), b.at, a.at)
			}
		}
	}
	return nil
}
