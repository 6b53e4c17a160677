package relay

import (
	"maps"
	"reflect"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
)

// configMoved applies what the config log says. whole, if not nil, is the state that replaces everything.
func (m *mesh) configMoved(exists bool, changes []artifact.ConfigChange, whole *artifact.Config) {
	m.update(func() {
		m.exists = exists
		if whole != nil {
			m.name = whole.Mesh
			changes = []artifact.ConfigChange{m.changeTo(whole)}
		}
		for _, c := range changes {
			m.applyConfig(c)
		}
		m.relay.metrics.generation.WithLabelValues(m.uid).Set(float64(m.generation))
		close(m.changed)
		m.changed = make(chan struct{})
		m.statusDirty.Store(true)
	})
}

// endpointsMoved takes what the endpoints log says now of what the changes touch, and after a jump of everything.
func (m *mesh) endpointsMoved(changes []endpoint.Change, whole *endpoint.State, jump bool) {
	m.update(func() {
		m.hasEndpoints = true
		if jump {
			m.takeEndpoints(differing(m.state, *whole), whole)
			return
		}
		for _, c := range changes {
			services, all := c.Touched()
			if all {
				services = slices.Collect(maps.Keys(m.state.Services))
			}
			m.takeEndpoints(append(services, c.AddServices...), whole)
		}
	})
}

// differing names the services of which two states say different things.
func differing(old, new endpoint.State) (services []endpoint.ServiceKey) {
	for service, instances := range new.Services {
		if before, ok := old.Services[service]; !ok || !reflect.DeepEqual(before, instances) {
			services = append(services, service)
		}
	}
	for service := range old.Services {
		if _, ok := new.Services[service]; !ok {
			services = append(services, service)
		}
	}
	return services
}

// update runs f with m.mu held, and wakes the streams that f marked only when it is free: else they would all queue up
// for it.
func (m *mesh) update(f func()) {
	m.mu.Lock()
	f()
	woken := m.woken
	m.woken = nil
	m.mu.Unlock()
	for _, s := range woken {
		s.wakeUp()
	}
}

// changeTo gives the change that leads from what is served to a whole state.
func (m *mesh) changeTo(to *artifact.Config) artifact.ConfigChange {
	c := artifact.ConfigChange{Generation: to.Generation, Compiler: to.Compiler, Deleted: to.Deleted, Proxies: map[artifact.ProxyKey]artifact.Proxy{}}
	for id, r := range to.Resources {
		if known := m.resource(id); known == nil || known.source.Hash != r.Hash {
			c.Resources = append(c.Resources, r)
		}
	}
	for id, s := range m.slots {
		if _, ok := to.Resources[id]; !ok && s.now != nil {
			c.Removed = append(c.Removed, id)
		}
	}
	for key, p := range to.Proxies {
		c.Proxies[key] = p
	}
	for key := range m.proxies {
		if _, ok := to.Proxies[key]; !ok {
			c.RemovedProxies = append(c.RemovedProxies, key)
		}
	}
	return c
}

func (m *mesh) applyConfig(c artifact.ConfigChange) {
	if c.Generation != m.generation {
		m.setGeneration(c.Generation)
	}
	m.deleted = c.Deleted
	if c.Deleted {
		m.endEverything()
		return
	}
	for key, p := range c.Proxies {
		m.setProxy(key, p)
	}
	for _, key := range c.RemovedProxies {
		m.removeProxy(key)
	}
	for _, r := range c.Resources {
		m.setResource(r)
	}
	for _, id := range c.Removed {
		m.removeResource(id)
	}
}

func (m *mesh) setProxy(key artifact.ProxyKey, to artifact.Proxy) {
	to = sorted(to)
	p := m.proxies[key]
	if p == nil {
		m.proxies[key] = &proxy{Proxy: to}
		return
	}
	if p.UID != to.UID {
		m.end(p, status.Errorf(codes.Unavailable, "%s was deleted and made again: reconnect", key))
		m.proxies[key] = &proxy{Proxy: to}
		return
	}
	p.Proxy = to
	for _, v := range []*view{p.transparent, p.explicit} {
		if v == nil {
			continue
		}
		set := setOf(to, v.explicit)
		if set == nil {
			for s := range v.streams {
				s.end(errNotExplicit(s.node))
			}
			continue
		}
		old := v.set
		m.give(v, set)
		for s := range v.streams {
			s.expectAll()
		}
		differences(old, v.set, func(id artifact.ID) { m.mark(v, id) })
	}
}

func (m *mesh) removeProxy(key artifact.ProxyKey) {
	if p := m.proxies[key]; p != nil {
		m.end(p, status.Errorf(codes.InvalidArgument, "%s was deleted from mesh %q", key, m.name))
		delete(m.proxies, key)
	}
}

// end ends a proxy's streams. Its views live on, apart, until the last has gone.
func (m *mesh) end(p *proxy, why error) {
	for _, v := range []*view{p.transparent, p.explicit} {
		if v == nil {
			continue
		}
		for s := range v.streams {
			s.end(why)
		}
	}
}

func (m *mesh) endEverything() {
	for _, p := range m.proxies {
		m.end(p, status.Errorf(codes.InvalidArgument, "mesh %q was deleted", m.name))
	}
	clear(m.proxies)
	clear(m.selectors)
	for _, s := range m.slots {
		s.now = nil
		m.vacate(s)
	}
}

func (m *mesh) setResource(r artifact.Resource) {
	k, ok := kindOfType(r.Type)
	if !ok {
		return // of a newer compiler; no proxy can ask for it here
	}
	s := m.slot(r.ID)
	if s.now != nil && s.now.source.Hash == r.Hash {
		return
	}
	m.unselect(s)
	before := s.now
	s.now = &resource{entry: newEntry(k, r.Name, r.Hash, r.Body, r.Needs), kind: k, source: r}
	s.now.permissive = r.Permissive
	if k == cluster {
		m.selectFor(s, r.Endpoints)
	}
	if before != nil && r.Overlap {
		m.overlap(s, before)
	}
	m.markAll(s)
}

func (m *mesh) removeResource(id artifact.ID) {
	s := m.slots[id]
	if s == nil {
		return
	}
	m.unselect(s)
	s.now = nil
	m.markAll(s)
	m.vacate(s)
}

// selectFor gives a cluster its endpoints' selector, if it has one.
func (m *mesh) selectFor(s *slot, by *endpoint.Selector) {
	s.now.selector = by
	if by == nil {
		return
	}
	clusters, ok := m.selectors[by.ServiceKey]
	if !ok {
		clusters = map[*slot]struct{}{}
		m.selectors[by.ServiceKey] = clusters
	}
	clusters[s] = struct{}{}
}

func (m *mesh) unselect(s *slot) {
	if s.now == nil || s.now.selector == nil {
		return
	}
	clusters := m.selectors[s.now.selector.ServiceKey]
	delete(clusters, s)
	if len(clusters) == 0 {
		delete(m.selectors, s.now.selector.ServiceKey)
	}
}

// takeEndpoints takes what is said of these services. Their maps of instances are the log's own: nobody changes them.
func (m *mesh) takeEndpoints(services []endpoint.ServiceKey, from *endpoint.State) {
	var unknown []endpoint.ServiceKey // the log speaks of them for the first time
	for _, service := range services {
		if _, known := m.state.Services[service]; !known {
			unknown = append(unknown, service)
		}
		if instances, ok := from.Services[service]; ok {
			m.state.Services[service] = instances
		} else {
			delete(m.state.Services, service)
		}
	}
	for _, service := range unknown {
		m.remind(service)
	}
	for _, service := range services {
		m.reassign(service)
	}
}

// reassign makes the endpoints of a service's clusters anew, where a stream may have them.
func (m *mesh) reassign(service endpoint.ServiceKey) {
	for s := range m.selectors[service] {
		old := s.now.assignment.Swap(nil)
		if old == nil || s.holders == nil {
			continue
		}
		if now := m.assignment(s.now); now.hash == old.hash {
			s.now.assignment.Store(old)
			continue
		}
		m.remindOne(s)
	}
}
