package relay

import (
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/artifact"
)

// view is the set of resources of one proxy in one way of interception, and the streams that are served from it. It
// exists while it has streams. mesh.mu guards it.
type view struct {
	key      artifact.ProxyKey
	uid      string // of the virtual node or gateway
	explicit bool
	set      []held                        // sorted by ID.Compare; see mesh.give
	bounds   [kinds]struct{ from, to int } // where in set the resources of a kind are
	streams  map[*stream]struct{}
}

// setTo notes a set.
func (v *view) setTo(set []held) {
	v.set = set
	clear(v.bounds[:])
	for from := 0; from < len(set); {
		to := from + 1
		for to < len(set) && set[to].Type == set[from].Type {
			to++
		}
		if k, ok := kindOfType(set[from].Type); ok {
			v.bounds[k].from, v.bounds[k].to = from, to
		}
		from = to
	}
}

// find returns what a name means to this proxy; nil: nothing. Endpoints go by the names of their clusters.
func (v *view) find(k kind, name string) *slot {
	var anywhere int32
	return v.findNear(k, name, &anywhere)
}

// findNear is find where the place among its kind is known, most likely: then it costs next to nothing.
func (v *view) findNear(k kind, name string, place *int32) *slot {
	if k == endpoints {
		k = cluster
	}
	all := v.all(k)
	if at := int(*place); at < len(all) && all[at].Name == name {
		return all[at].slot
	}
	at, ok := slices.BinarySearchFunc(all, name, func(h held, name string) int { return strings.Compare(h.Name, name) })
	if !ok {
		return nil
	}
	*place = int32(at)
	return all[at].slot
}

// all returns the resources of one kind; none of endpoints.
func (v *view) all(k kind) []held { return v.set[v.bounds[k].from:v.bounds[k].to] }

// sorted gives a proxy whose sets are sorted, as those of the log should be.
func sorted(p artifact.Proxy) artifact.Proxy {
	for _, set := range []*[]artifact.ID{&p.Transparent, &p.Explicit} {
		if !slices.IsSortedFunc(*set, artifact.ID.Compare) {
			*set = slices.Clone(*set)
			slices.SortFunc(*set, artifact.ID.Compare)
		}
	}
	return p
}

// setOf picks a proxy's set; nil says that it has none for this way of interception.
func setOf(p artifact.Proxy, explicit bool) []artifact.ID {
	switch {
	case explicit:
		return p.Explicit
	case p.Transparent == nil:
		return []artifact.ID{}
	default:
		return p.Transparent
	}
}

// differences calls changed for each ID that only one of two sorted sets has.
func differences(old, new []held, changed func(artifact.ID)) {
	for len(old) > 0 || len(new) > 0 {
		switch {
		case len(old) == 0 || (len(new) > 0 && new[0].Compare(old[0].ID) < 0):
			changed(new[0].ID)
			new = new[1:]
		case len(new) == 0 || old[0].Compare(new[0].ID) < 0:
			changed(old[0].ID)
			old = old[1:]
		default:
			old, new = old[1:], new[1:]
		}
	}
}
