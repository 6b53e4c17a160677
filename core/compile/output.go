package compile

import (
	"slices"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/resource"
)

// output is what all units together emitted, and what became of it since the last change was taken.
type output struct {
	config  *artifact.Config
	owners  map[artifact.ID]*unit
	bodies  map[string]*sharedBody // by hash: equal resources of different proxies share their bytes
	noted   map[*unit]struct{}     // units with findings
	touched map[artifact.ID]string // hash before, "" for none
	proxies map[artifact.ProxyKey]*artifact.Proxy
}

type sharedBody struct {
	bytes []byte
	users int
}

func newOutput(config *artifact.Config) *output {
	return &output{
		config: config, owners: map[artifact.ID]*unit{}, bodies: map[string]*sharedBody{}, noted: map[*unit]struct{}{},
		touched: map[artifact.ID]string{}, proxies: map[artifact.ProxyKey]*artifact.Proxy{},
	}
}

// replace puts what a unit emits now in the place of what it emitted before.
func (o *output) replace(u *unit, before, now []artifact.Resource) {
	for i, r := range now {
		o.touch(r.ID)
		now[i].Body = o.share(r)
		o.config.Resources[r.ID] = now[i]
		o.owners[r.ID] = u
	}
	for _, r := range before {
		o.unshare(r)
		if o.owners[r.ID] != u || slices.ContainsFunc(now, func(n artifact.Resource) bool { return n.ID == r.ID }) {
			continue
		}
		o.touch(r.ID)
		delete(o.config.Resources, r.ID)
		delete(o.owners, r.ID)
	}
}

func (o *output) touch(id artifact.ID) {
	if _, ok := o.touched[id]; !ok {
		o.touched[id] = o.config.Resources[id].Hash
	}
}

func (o *output) share(r artifact.Resource) []byte {
	s, ok := o.bodies[r.Hash]
	if !ok {
		s = &sharedBody{bytes: r.Body}
		o.bodies[r.Hash] = s
	}
	s.users++
	return s.bytes
}

func (o *output) unshare(r artifact.Resource) {
	s := o.bodies[r.Hash]
	if s.users--; s.users == 0 {
		delete(o.bodies, r.Hash)
	}
}

// setProxy notes the proxy that a unit makes; nil: none.
func (o *output) setProxy(u *unit, p *artifact.Proxy) {
	if u.proxy == nil && p == nil {
		return
	}
	key := artifact.ProxyKey(u.id.a)
	if _, ok := o.proxies[key]; !ok {
		o.proxies[key] = u.proxy
	}
	u.proxy = p
	if p == nil {
		delete(o.config.Proxies, key)
		return
	}
	o.config.Proxies[key] = *p
}

func (o *output) setFindings(u *unit) {
	if len(u.findings) == 0 {
		delete(o.noted, u)
		return
	}
	o.noted[u] = struct{}{}
}

// findings lists what all units noted, sorted, each once.
func (o *output) findings() []resource.Finding {
	all := []resource.Finding{}
	for u := range o.noted {
		all = append(all, u.findings...)
	}
	slices.SortFunc(all, resource.Finding.Compare)
	return slices.Compact(all)
}

// take gives what changed since it was last called.
func (o *output) take() artifact.ConfigChange {
	var c artifact.ConfigChange
	for id, before := range o.touched {
		switch r, ok := o.config.Resources[id]; {
		case ok && r.Hash != before:
			c.Resources = append(c.Resources, r)
		case !ok && before != "":
			c.Removed = append(c.Removed, id)
		}
	}
	slices.SortFunc(c.Resources, func(a, b artifact.Resource) int { return a.ID.Compare(b.ID) })
	slices.SortFunc(c.Removed, artifact.ID.Compare)
	for key, before := range o.proxies {
		switch p, ok := o.config.Proxies[key]; {
		case ok && (before == nil || !sameProxy(*before, p)):
			if c.Proxies == nil {
				c.Proxies = map[artifact.ProxyKey]artifact.Proxy{}
			}
			c.Proxies[key] = p
		case !ok && before != nil:
			c.RemovedProxies = append(c.RemovedProxies, key)
		}
	}
	slices.Sort(c.RemovedProxies)
	o.forget()
	return c
}

// forget makes the present state the one that take compares with.
func (o *output) forget() {
	// New maps, for clearing a map costs what it once held: all of the mesh.
	o.touched, o.proxies = map[artifact.ID]string{}, map[artifact.ProxyKey]*artifact.Proxy{}
}

// wipe drops everything: the mesh is gone.
func (o *output) wipe() {
	clear(o.config.Resources)
	clear(o.config.Proxies)
	clear(o.owners)
	clear(o.bodies)
	clear(o.noted)
	o.forget()
}

func sameProxy(a, b artifact.Proxy) bool {
	return a.UID == b.UID && slices.Equal(a.Transparent, b.Transparent) && slices.Equal(a.Explicit, b.Explicit) &&
		(a.Explicit == nil) == (b.Explicit == nil)
}
