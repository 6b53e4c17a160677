package reconcile

import (
	"context"
	"errors"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// read brings the warm view of a mesh's nodes to its newest generation, from the journal or, cold, from its pages.
// It returns nil for a mesh that never was.
func (r *Registrar) read(ctx context.Context, uid string, slot *warmSlot[*warmEndpoints]) (*warmEndpoints, error) {
	mesh, err := r.Store.MeshByUID(ctx, uid)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w, ok := slot.get()
	if !ok {
		w = &warmEndpoints{
			nodes:  map[resource.Key]endpoint.ServiceKey{},
			reader: artifact.NewReader(r.Objects, uid, artifact.EndpointsLog, artifact.ReaderOptions{Now: r.Now}),
			writer: artifact.NewWriter(r.Objects, uid, artifact.EndpointsLog, artifact.WriterOptions{Now: r.Now, Logger: r.Logger}),
		}
		state, err := readState(ctx, r.Store, mesh)
		if err != nil {
			return nil, err
		}
		for k, res := range state.Resources {
			w.note(k, &res)
		}
		w.generation, mesh.Deleted = state.Generation, state.Deleted
		w.mesh = mesh
		slot.set(w)
		return w, nil
	}
	w.mesh = mesh
	entries, err := readJournal(ctx, r.Store, uid, w.generation)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		w.note(e.Key, e.Resource)
		w.generation = e.Generation
	}
	return w, nil
}

// note remembers the service that a virtual node names, if any.
func (w *warmEndpoints) note(k resource.Key, r *resource.Resource) {
	if k.Kind != resource.KindVirtualNode {
		return
	}
	delete(w.nodes, k)
	if r == nil {
		return
	}
	spec, err := resource.Decode[resource.VirtualNodeSpec](r.Spec)
	if err != nil || spec.ServiceDiscovery == nil || spec.ServiceDiscovery.AWSCloudMap == nil {
		return // a spec that can't be read is the compiler's finding
	}
	d := spec.ServiceDiscovery.AWSCloudMap
	w.nodes[k] = endpoint.ServiceKey{Namespace: d.NamespaceName, Service: d.ServiceName}
}
