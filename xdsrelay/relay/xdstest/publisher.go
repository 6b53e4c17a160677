package xdstest

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/events"
)

// Publisher writes the two logs of one mesh, as compile and register do. What Put, Remove and the like say is published
// together by Publish. It is for one goroutine at a time.
type Publisher struct {
	// Wake, if set, is told of each append.
	Wake func(events.LogAppended)

	tb      testing.TB
	objects artifact.Objects
	mesh    string
	uid     string

	config   *artifact.Config // as published
	next     *artifact.Config // as it will be
	state    endpoint.State
	configs  *artifact.Writer[*artifact.Config, artifact.ConfigChange]
	states   *artifact.Writer[*endpoint.State, endpoint.Change]
	configAt artifact.Position
	stateAt  artifact.Position
}

// NewPublisher makes one for a mesh that has no logs yet, and gives it its name, whatever that meant before.
func NewPublisher(tb testing.TB, objects *artifacttest.Memory, mesh, uid string) *Publisher {
	objects.Put(events.NamePath(mesh), []byte(uid))
	options := artifact.WriterOptions{Now: time.Now}
	return &Publisher{
		tb: tb, objects: objects, mesh: mesh, uid: uid,
		next: &artifact.Config{
			Mesh: mesh, UID: uid, Compiler: 1, Resources: map[artifact.ID]artifact.Resource{}, Proxies: map[artifact.ProxyKey]artifact.Proxy{},
		},
		configs: artifact.NewWriter(objects, uid, artifact.ConfigLog, options),
		states:  artifact.NewWriter(objects, uid, artifact.EndpointsLog, options),
	}
}

// Put adds or replaces resources.
func (p *Publisher) Put(resources ...artifact.Resource) {
	for _, r := range resources {
		p.next.Resources[r.ID] = r
	}
}

// Remove takes resources away, from every proxy's set too.
func (p *Publisher) Remove(ids ...artifact.ID) {
	gone := map[artifact.ID]bool{}
	for _, id := range ids {
		gone[id] = true
		delete(p.next.Resources, id)
	}
	without := func(set []artifact.ID) []artifact.ID {
		if set == nil {
			return nil
		}
		kept := []artifact.ID{}
		for _, id := range set {
			if !gone[id] {
				kept = append(kept, id)
			}
		}
		return kept
	}
	for key, proxy := range p.next.Proxies {
		proxy.Transparent, proxy.Explicit = without(proxy.Transparent), without(proxy.Explicit)
		p.next.Proxies[key] = proxy
	}
}

// Proxy sets a proxy's set of resources for transparent interception, and puts these resources too. Its uid is its key.
func (p *Publisher) Proxy(key artifact.ProxyKey, resources ...artifact.Resource) {
	p.Put(resources...)
	p.next.Proxies[key] = artifact.Proxy{UID: string(key), Transparent: idsOf(resources)}
}

// ExplicitProxy sets a proxy's set for explicit interception besides, and puts these resources too.
func (p *Publisher) ExplicitProxy(key artifact.ProxyKey, resources ...artifact.Resource) {
	p.Put(resources...)
	proxy := p.next.Proxies[key]
	proxy.UID, proxy.Explicit = string(key), idsOf(resources)
	p.next.Proxies[key] = proxy
}

// Edit changes what will be published in any other way.
func (p *Publisher) Edit(change func(*artifact.Config)) { change(p.next) }

// Publish publishes what was changed as the next generation, which it returns. Nothing may have changed.
func (p *Publisher) Publish() int64 {
	p.tb.Helper()
	p.next.Generation++
	now := *p.next
	now.Resources, now.Proxies = maps.Clone(p.next.Resources), maps.Clone(p.next.Proxies)
	var err error
	if p.config == nil {
		p.configAt, err = p.configs.NewEpoch(context.Background(), p.configAt, &now)
	} else {
		p.configAt, err = p.configs.Append(context.Background(), p.configAt, artifact.Diff(p.config, &now), func() *artifact.Config { return &now })
	}
	if err != nil {
		p.tb.Fatal(err)
	}
	p.config = &now
	p.wake(events.LogConfig)
	return now.Generation
}

// Rebuild publishes what was changed by beginning a new epoch.
func (p *Publisher) Rebuild() int64 {
	p.config = nil
	return p.Publish()
}

// Delete publishes the mesh's end.
func (p *Publisher) Delete() {
	p.tb.Helper()
	p.next.Deleted = true
	clear(p.next.Resources)
	clear(p.next.Proxies)
	p.Publish()
}

// Register publishes instances. Their Version is set to now.
func (p *Publisher) Register(instances ...endpoint.Instance) {
	p.tb.Helper()
	for n := range instances {
		instances[n].Version = time.Now().UnixNano()
	}
	p.Endpoints(endpoint.Change{Put: instances})
}

// Endpoints publishes a change of the endpoints.
func (p *Publisher) Endpoints(c endpoint.Change) {
	p.tb.Helper()
	p.state.Apply(c)
	var err error
	if p.stateAt.Epoch == 0 {
		p.stateAt, err = p.states.NewEpoch(context.Background(), p.stateAt, &p.state)
	} else {
		p.stateAt, err = p.states.Append(context.Background(), p.stateAt, c, func() *endpoint.State { return &p.state })
	}
	if err != nil {
		p.tb.Fatal(err)
	}
	p.wake(events.LogEndpoints)
}

func (p *Publisher) wake(log events.LogName) {
	if p.Wake != nil {
		p.Wake(events.LogAppended{UID: p.uid, Log: log})
	}
}

func idsOf(resources []artifact.Resource) []artifact.ID {
	ids := make([]artifact.ID, 0, len(resources))
	for _, r := range resources {
		ids = append(ids, r.ID)
	}
	sortIDs(ids)
	return ids
}
