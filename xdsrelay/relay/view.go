package relay

import (
	"cmp"
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
	set      []artifact.ID // sorted by ID.Compare
	streams  map[*stream]struct{}
}

// find returns the ID that a name means to this proxy.
func (v *view) find(k kind, name string) (artifact.ID, bool) {
	at, ok := v.search(k, name)
	if !ok {
		return artifact.ID{}, false
	}
	return v.set[at], true
}

func (v *view) search(k kind, name string) (int, bool) {
	return slices.BinarySearchFunc(v.set, name, func(id artifact.ID, name string) int {
		return cmp.Or(strings.Compare(string(id.Type), string(artifactTypes[k])), strings.Compare(id.Name, name))
	})
}

// all returns the IDs of one kind.
func (v *view) all(k kind) []artifact.ID {
	if k == endpoints {
		return nil
	}
	from, _ := v.search(k, "")
	to := from
	for to < len(v.set) && v.set[to].Type == artifactTypes[k] {
		to++
	}
	return v.set[from:to]
}

// setOf picks a proxy's set; nil says that it has none for this way of interception.
func setOf(p artifact.Proxy, explicit bool) []artifact.ID {
	set := p.Transparent
	if explicit {
		set = p.Explicit
	} else if set == nil {
		set = []artifact.ID{}
	}
	if set != nil && !slices.IsSortedFunc(set, artifact.ID.Compare) {
		set = slices.Clone(set)
		slices.SortFunc(set, artifact.ID.Compare)
	}
	return set
}

// differences calls changed for each ID that only one of two sorted sets has.
func differences(old, new []artifact.ID, changed func(id artifact.ID, added bool)) {
	for len(old) > 0 || len(new) > 0 {
		switch {
		case len(old) == 0 || (len(new) > 0 && new[0].Compare(old[0]) < 0):
			changed(new[0], true)
			new = new[1:]
		case len(new) == 0 || old[0].Compare(new[0]) < 0:
			changed(old[0], false)
			old = old[1:]
		default:
			old, new = old[1:], new[1:]
		}
	}
}
