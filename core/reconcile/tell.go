package reconcile

import (
	"context"
	"reflect"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// This file: what the outside is told of what was appended to the logs.

// tell tells what was appended since it last did, if anything was.
func (c *Compiler) tell(ctx context.Context, w *warmConfig) {
	change := w.untold
	if w.untold = nil; change == nil || c.Events == nil {
		return
	}
	e := events.ConfigurationPublished{
		About:   events.About{Mesh: w.mesh.Name, MeshUID: w.mesh.UID, Generation: change.Generation, Time: c.Now()},
		Changed: len(change.Resources), Removed: len(change.Removed), Proxies: len(change.Proxies) + len(change.RemovedProxies),
		Deleted: change.Deleted,
	}
	if !e.Deleted {
		e.Findings = len(w.compiled.Findings())
	}
	notice.Tell(ctx, c.Events, c.Logger, e.Event(meshARN(c.Place, w.mesh)...))
}

// appended wakes readers on this machine, and tells the outside what instances changed.
func (r *Registrar) appended(ctx context.Context, w *warmEndpoints, before, now *endpoint.State) {
	r.Appended(events.LogAppended{UID: w.mesh.UID, Log: events.LogEndpoints})
	if r.Events == nil {
		return
	}
	if services := changedServices(before, now); len(services) > 0 {
		e := events.EndpointsChanged{
			About:    events.About{Mesh: w.mesh.Name, MeshUID: w.mesh.UID, Generation: w.generation, Time: r.Now()},
			Services: services,
		}
		notice.Tell(ctx, r.Events, r.Logger, e.Event(meshARN(r.Place, w.mesh)...))
	}
}

// changedServices counts what happened to the instances of each service, sorted.
func changedServices(before, now *endpoint.State) []events.ServiceEndpoints {
	services, _ := endpoint.Diff(*before, *now).Touched()
	var all []events.ServiceEndpoints
	for _, s := range services {
		old, present := before.Services[s], now.Services[s]
		e := events.ServiceEndpoints{Namespace: s.Namespace, Service: s.Service, Instances: len(present)}
		for id := range old {
			if _, ok := present[id]; !ok {
				e.Removed++
			}
		}
		for id, i := range present {
			switch o, ok := old[id]; {
			case !ok:
				e.Added++
			case !same(o, i):
				e.Changed++
			}
		}
		if e.Added+e.Changed+e.Removed > 0 {
			all = append(all, e)
		}
	}
	return all
}

// same says that two instances differ in nothing but their version.
func same(a, b endpoint.Instance) bool {
	a.Version, b.Version = 0, 0
	return reflect.DeepEqual(a, b)
}

func meshARN(p notice.Place, m store.Mesh) []string {
	return p.ARNs(m.Owner, m.Name, resource.Key{Kind: resource.KindMesh, Name: m.Name})
}
