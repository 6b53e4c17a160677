package graph

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

// Use is one way in which a caller reaches a listener of a virtual node.
type Use struct {
	Service string
	Port    int // the service's
	Target  Destination
	Policy  *ClientTLS // of the backend, or the default; nil: none
	Path    string     // where the spec says so
}

// Picked is the policy by which a caller calls a listener of a virtual node.
type Picked struct {
	Node   string
	Port   int
	Policy string // ClientTLS.Key
}

// PickPolicies picks a policy for each listener that a caller reaches under one: there is one cluster for it, whichever
// services lead there. An enforced policy counts more than one that is not, and any more than none; then the first. Uses
// come in the order in which they count; what is picked is sorted by node and port.
func PickPolicies(key resource.Key, uses []Use, known Materials) ([]Picked, []resource.Finding) {
	n := &Notes{Key: key}
	slices.SortStableFunc(uses, func(a, b Use) int {
		return cmp.Or(a.Target.compare(b.Target), b.strength()-a.strength())
	})
	var out []Picked
	for i := 0; i < len(uses); {
		first := uses[i]
		picked := first.effective().Key()
		for ; i < len(uses) && uses[i].Target.compare(first.Target) == 0; i++ {
			if u := uses[i]; u.effective().Key() != picked {
				n.add("policy-clash", u.Path, quoted("%s and %s both lead to port %d of virtual node %s, under different client policies: that of %s counts", u.Service, first.Service, first.Target.Port.Port, first.Target.Node, first.Service), "give both the same client policy")
			}
		}
		if picked != "" {
			out = append(out, Picked{Node: first.Target.Node, Port: first.Target.Port.Port, Policy: picked})
		}
	}
	seen := map[string]bool{}
	for _, u := range uses {
		if p := u.effective(); p != nil && !seen[u.Path] {
			seen[u.Path] = true
			if _, absent := p.Peers.Trust.resolve(known); len(absent) > 0 {
				why := known(absent[0]).absent("certificate of authority", absent[0])
				n.add("certificate-absent", u.Path+".tls.validation.trust.acm", why+": what this policy is for gets 503 wherever TLS is spoken", "give it by file or sds, or put it where Ownmesh looks for certificates")
			}
		}
	}
	return out, n.Found
}

// effective is the policy if it is for this port; nil: none.
func (u Use) effective() *ClientTLS {
	if u.Policy == nil || !u.Policy.fits(u.Port, u.Target.Port.Port) {
		return nil
	}
	return u.Policy
}

func (u Use) strength() int {
	switch p := u.effective(); {
	case p == nil:
		return 0
	case p.Enforce:
		return 2
	}
	return 1
}

// PolicyOf is the picked policy for a listener, of what PickPolicies gave; "" for none.
func PolicyOf(picked []Picked, node string, port int) string {
	i, ok := slices.BinarySearchFunc(picked, Picked{Node: node, Port: port}, func(a, b Picked) int {
		return cmp.Or(strings.Compare(a.Node, b.Node), cmp.Compare(a.Port, b.Port))
	})
	if !ok {
		return ""
	}
	return picked[i].Policy
}

// CertificateARNs lists the certificates and authorities that a virtual node's or gateway's spec names by ARN, sorted.
func CertificateARNs(r resource.Resource) []string {
	if !bytes.Contains(r.Spec, []byte("Arn")) {
		return nil
	}
	var listeners []Listener
	var policies []*ClientTLS
	switch r.Kind {
	case resource.KindVirtualNode:
		v, _ := ReadNode(r)
		listeners = v.Listeners
		for _, b := range v.Backends {
			policies = append(policies, b.Policy)
		}
	case resource.KindVirtualGateway:
		g, _ := ReadGateway(r)
		listeners, policies = g.Listeners, []*ClientTLS{g.Policy}
	}
	var out []string
	for _, l := range listeners {
		if l.TLS != nil && l.TLS.Certificate.ACM != "" {
			out = append(out, l.TLS.Certificate.ACM)
		}
	}
	for _, p := range policies {
		if p != nil {
			out = append(out, p.Peers.Trust.ACM...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
