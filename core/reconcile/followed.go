package reconcile

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
)

// roundFor is how long what was followed in a round counts for the next pass over all: one that stopped half-way goes on
// where it stopped, and the next sweep begins anew.
const roundFor = 4 * time.Minute

// followed is what was done for bindings and names as they are. So a change costs what it reaches: ECS gives an account
// some tens of requests a second, its own deployments included, and a mesh may have a thousand bindings.
type followed struct {
	bindings map[string]binding        // by name
	names    map[string]endpoint.Names // by namespace
	last     map[string]binding        // bindings of the round before: those that it missed come first
	began    time.Time                 // of a round over all that is not through; zero: none
}

func newFollowed() followed {
	return followed{bindings: map[string]binding{}, names: map[string]endpoint.Names{}}
}

// again has everything followed again, unless that began a moment ago and is not through.
func (f *followed) again(now time.Time) {
	if !f.began.IsZero() && now.Sub(f.began) < roundFor {
		return
	}
	last := f.bindings
	*f = newFollowed()
	f.last, f.began = last, now
}

// through says that everything has been followed.
func (f *followed) through() { f.began = time.Time{} }

// binds tells whether the binding was followed as it is.
func (f *followed) binds(b binding) bool {
	before, ok := f.bindings[b.name]
	return ok && reflect.DeepEqual(before, b)
}

// resolves tells whether a namespace's names were made to resolve as they are.
func (f *followed) resolves(n endpoint.Names) bool {
	before, ok := f.names[n.Namespace]
	return ok && reflect.DeepEqual(before, n)
}

// order forgets bindings that are no more, and puts those first that the round before missed.
func (f *followed) order(bound []binding) []binding {
	maps.DeleteFunc(f.bindings, func(name string, _ binding) bool {
		return !slices.ContainsFunc(bound, func(b binding) bool { return b.name == name })
	})
	missed := func(b binding) int {
		if _, ok := f.last[b.name]; ok {
			return 1
		}
		return 0
	}
	return slices.SortedStableFunc(slices.Values(bound), func(a, b binding) int { return missed(a) - missed(b) })
}

// keep keeps what was found before of a resource that is not looked at.
func (c *changes) keep(key resource.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.before {
		if f.Resource == key {
			c.found = append(c.found, f)
		}
	}
}

// keepBinding keeps what was found before of a binding that is not looked at, and of its node.
func (c *changes) keepBinding(b binding) {
	c.kept = append(c.kept, b)
	c.keep(resource.Key{Kind: resource.KindTaskBinding, Name: b.name})
	if c.ensured[b.node.service] {
		return // what stood in its way before has been tried again
	}
	c.keep(resource.Key{Kind: resource.KindVirtualNode, Name: b.spec.VirtualNode.VirtualNodeName})
}

// remember notes which bindings have been followed, when the directory has been told of them, too.
func (c *changes) remember() {
	for _, b := range c.done {
		if !c.unheard[b.node.service] {
			c.w.followed.bindings[b.name] = b
		}
	}
}
