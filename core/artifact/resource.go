package artifact

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// NewResource makes a resource and its hash. The hash covers everything that makes the relay serve other bytes or in
// another order: type, body, selector, fill, needs, overlap and permissive. Name and Scope are left out: the name is in the body already,
// and resources that differ in scope alone are equal to Envoy. Needs is sorted, each name once.
func NewResource(id ID, body []byte, sel *endpoint.Selector, fill Fill, needs []string) Resource {
	if !slices.IsSorted(needs) {
		needs = slices.Sorted(slices.Values(needs))
	}
	needs = slices.Compact(needs)
	if len(needs) == 0 {
		needs = nil
	}
	r := Resource{ID: id, Body: body, Endpoints: sel, Fill: fill, Needs: needs}
	r.Hash = r.hash()
	return r
}

// Overlapping is the resource with Overlap set.
func (r Resource) Overlapping() Resource {
	r.Overlap = true
	r.Hash = r.hash()
	return r
}

// Permitting is the resource with Permissive set.
func (r Resource) Permitting() Resource {
	r.Permissive = true
	r.Hash = r.hash()
	return r
}

// hash is over a sequence of parts, each with its length before it, and each list with its count: so no two
// different resources spell the same bytes.
func (r Resource) hash() string {
	h := sha256.New()
	number := func(n int) {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
	text := func(s string) { number(len(s)); h.Write([]byte(s)) }
	text(string(r.Type))
	number(len(r.Body))
	h.Write(r.Body)
	if r.Endpoints == nil {
		number(0)
	} else {
		number(1)
		text(r.Endpoints.Namespace)
		text(r.Endpoints.Service)
		text(r.Endpoints.IPPreference)
		number(r.Endpoints.Port)
		number(len(r.Endpoints.Attributes))
		for _, k := range slices.Sorted(maps.Keys(r.Endpoints.Attributes)) {
			text(k)
			text(r.Endpoints.Attributes[k])
		}
	}
	text(string(r.Fill))
	number(len(r.Needs))
	for _, n := range r.Needs {
		text(n)
	}
	if r.Overlap {
		text("overlap")
	}
	if r.Permissive {
		text("permissive")
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Compare orders IDs by type, name and scope.
func (i ID) Compare(o ID) int {
	return cmp.Or(strings.Compare(string(i.Type), string(o.Type)), strings.Compare(i.Name, o.Name), strings.Compare(i.Scope, o.Scope))
}

func (i ID) valid() bool {
	switch i.Type {
	case Secret, Cluster, Listener, Route:
		return i.Name != ""
	}
	return false
}

// String is "cluster cds_… of virtualNode/cart".
func (i ID) String() string {
	s := string(i.Type) + " " + i.Name
	if i.Scope != "" {
		s += " of " + i.Scope
	}
	return s
}

func compareResources(a, b Resource) int { return a.ID.Compare(b.ID) }
