package resource

import "net/netip"

// This file: Ownmesh's own kind that makes names of virtual services resolve.

// DefaultNameAddress is what names resolve to where nobody says otherwise: an address that nobody has, for proxies
// take connections by port and Host, and never ask where they were going.
const DefaultNameAddress = "10.255.255.254"

// ResolvableNameSpec makes the name of every virtual service that ends with the namespace resolve in it.
type ResolvableNameSpec struct {
	NamespaceName string `json:"namespaceName"` // a private DNS namespace of Cloud Map: shop.local
	Address       string `json:"address"`       // IPv4; "": DefaultNameAddress
}

func checkResolvableName(c *checker, p *path, spec node) {
	address := spec.get("address")
	if address.kind != stringNode {
		return
	}
	if a, err := netip.ParseAddr(address.text); err != nil || !a.Is4() {
		c.add(p.member("address"), "must be an IPv4 address, as "+DefaultNameAddress, address.shown())
	}
}
