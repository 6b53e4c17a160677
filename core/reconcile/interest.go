package reconcile

import (
	"context"
	"errors"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// warmEndpoints is what a mesh's resources say about instances and names, and the mesh's endpoints log as read so far.
type warmEndpoints struct {
	mesh            store.Mesh
	generation      int64
	nodes           map[resource.Key]nodeService // virtual nodes that are found in Cloud Map
	bindings        map[resource.Key]resource.TaskBindingSpec
	names           map[resource.Key]resource.ResolvableNameSpec
	virtualServices map[string]bool // by name
	stale           bool            // some of that changed since it was last followed
	followed        followed
	owned           map[endpoint.ServiceKey]bool
	reader          *artifact.Reader[*endpoint.State, endpoint.Change]
	writer          *artifact.Writer[*endpoint.State, endpoint.Change]
}

// nodeService is what a virtual node says of its instances.
type nodeService struct {
	service    endpoint.ServiceKey
	attributes map[string]string // that its instances must have
	ports      []int             // of its listeners
}

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
			nodes: map[resource.Key]nodeService{}, bindings: map[resource.Key]resource.TaskBindingSpec{},
			names: map[resource.Key]resource.ResolvableNameSpec{}, virtualServices: map[string]bool{},
			stale: true, followed: newFollowed(), owned: map[endpoint.ServiceKey]bool{},
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

// note remembers what a resource says about instances or names. A spec that can't be read says nothing; that it can't
// be is the compiler's finding.
func (w *warmEndpoints) note(k resource.Key, r *resource.Resource) {
	switch k.Kind {
	case resource.KindVirtualNode:
		keep(w, w.nodes, k, r, readNode)
	case resource.KindTaskBinding:
		keep(w, w.bindings, k, r, plainly[resource.TaskBindingSpec])
	case resource.KindResolvableName:
		keep(w, w.names, k, r, plainly[resource.ResolvableNameSpec])
	case resource.KindVirtualService:
		if there := r != nil; there != w.virtualServices[k.Name] {
			w.stale = true
			w.virtualServices[k.Name] = there
			if !there {
				delete(w.virtualServices, k.Name)
			}
		}
	}
}

// keep notes what read makes of a resource, or that there is nothing.
func keep[T any](w *warmEndpoints, into map[resource.Key]T, k resource.Key, r *resource.Resource, read func(resource.Resource) (T, bool)) {
	w.stale = true
	delete(into, k)
	if r == nil {
		return
	}
	if v, ok := read(*r); ok {
		into[k] = v
	}
}

func plainly[T any](r resource.Resource) (T, bool) {
	spec, err := resource.Decode[T](r.Spec)
	return spec, err == nil
}

func readNode(r resource.Resource) (nodeService, bool) {
	spec, err := resource.Decode[resource.VirtualNodeSpec](r.Spec)
	if err != nil || spec.ServiceDiscovery == nil || spec.ServiceDiscovery.AWSCloudMap == nil {
		return nodeService{}, false
	}
	d := spec.ServiceDiscovery.AWSCloudMap
	n := nodeService{service: endpoint.ServiceKey{Namespace: d.NamespaceName, Service: d.ServiceName}, attributes: map[string]string{}}
	for _, a := range d.Attributes {
		if _, double := n.attributes[a.Key]; !double { // the first counts, as in selectors
			n.attributes[a.Key] = a.Value
		}
	}
	for _, l := range spec.Listeners {
		n.ports = append(n.ports, l.PortMapping.Port)
	}
	return n, true
}
