package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// RegistrarOptions is what a Registrar works with. Appended, Events and Logger may be nil.
type RegistrarOptions struct {
	Store    Meshes
	Registry endpoint.Registry
	Objects  artifact.Objects
	Now      func() time.Time // dates what is appended
	Appended func(events.LogAppended)
	Events   notice.Publisher // told of instances that changed
	Place    notice.Place     // for the ARNs in events
	Logger   *slog.Logger
}

// Registrar keeps each mesh's endpoints log in step with the registry: the instances of every service that a
// virtual node of the mesh names, and of no other.
type Registrar struct {
	RegistrarOptions
	warm *warmCache[*warmEndpoints]
}

// warmEndpoints is which services a mesh's nodes name, and the mesh's endpoints log as read so far.
type warmEndpoints struct {
	mesh       store.Mesh
	generation int64
	nodes      map[resource.Key]endpoint.ServiceKey
	reader     *artifact.Reader[*endpoint.State, endpoint.Change]
	writer     *artifact.Writer[*endpoint.State, endpoint.Change]
}

// NewRegistrar returns a Registrar with nothing warm.
func NewRegistrar(o RegistrarOptions) *Registrar {
	if o.Appended == nil {
		o.Appended = func(events.LogAppended) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Registrar{RegistrarOptions: o, warm: newWarmCache[*warmEndpoints]()}
}

// Handle brings the endpoints log of the mesh in step with its virtual nodes and with the registry. It returns
// infrastructure faults only. Calls for one mesh wait for each other. Generation 0, as a sweep sends it, has the log
// read as well as a starting relay reads it, and healed if it can't be.
func (r *Registrar) Handle(ctx context.Context, e events.MeshChanged) error {
	return r.each(ctx, e.UID, nil, e.Generation == 0)
}

// InstancesChanged brings the endpoints logs of the given meshes in step with the registry's instances of one
// service. Meshes that don't name the service are left as they are.
func (r *Registrar) InstancesChanged(ctx context.Context, meshes []string, service endpoint.ServiceKey) error {
	var errs []error
	for _, uid := range meshes {
		errs = append(errs, r.each(ctx, uid, &service, false))
	}
	return errors.Join(errs...)
}

// each runs one pass over a mesh, again while other writers are faster. With only set, it asks the registry for
// that service alone; with check set, it has the log healed if a starting relay could not read it.
func (r *Registrar) each(ctx context.Context, uid string, only *endpoint.ServiceKey, check bool) error {
	slot := r.warm.lock(uid)
	defer slot.unlock()
	var err error
	for range attempts {
		err = guarded(func() error {
			if err := r.register(ctx, uid, slot, only); err != nil || !check {
				return err
			}
			return r.check(ctx, slot)
		})
		if err == nil {
			return nil
		}
		if !overtaken(err) {
			slot.drop()
			return fmt.Errorf("register endpoints of mesh %s: %w", uid, err)
		}
	}
	return fmt.Errorf("register endpoints of mesh %s: lost the place in its endpoints log %d times: %w", uid, attempts, err)
}

func (r *Registrar) register(ctx context.Context, uid string, slot *warmSlot[*warmEndpoints], only *endpoint.ServiceKey) error {
	w, err := r.read(ctx, uid, slot)
	if err != nil || w == nil {
		return err
	}
	if w.mesh.Deleted {
		return r.bury(ctx, w)
	}
	if _, err := w.reader.Poll(ctx); errors.Is(err, artifact.ErrDamaged) {
		r.Logger.Warn("endpoints log is damaged, starting a new epoch", "mesh", uid, "err", err)
		return r.rebuild(ctx, w)
	} else if err != nil {
		return err
	}
	if !w.reader.Exists() {
		return r.rebuild(ctx, w)
	}
	present := w.reader.State()
	wanted, err := r.wanted(ctx, w, present, only)
	if err != nil {
		return err
	}
	change := endpoint.Diff(*present, wanted)
	if change.Empty() {
		return nil
	}
	// The new state is made by the same Apply that readers use, on a copy: present stays what the reader has read.
	if _, err = w.writer.Append(ctx, w.reader.Position(), change, func() *endpoint.State { return &wanted }); err != nil {
		return err
	}
	r.appended(ctx, w, present, &wanted)
	return nil
}

// check heals what only a reader that starts anew would notice.
func (r *Registrar) check(ctx context.Context, slot *warmSlot[*warmEndpoints]) error {
	w, ok := slot.get()
	if !ok {
		return nil
	}
	err := w.writer.Check(ctx)
	if !errors.Is(err, artifact.ErrDamaged) || w.mesh.Deleted {
		return err
	}
	r.Logger.Warn("endpoints log is damaged, starting a new epoch", "mesh", w.mesh.UID, "err", err)
	return r.rebuild(ctx, w)
}

// rebuild starts a new epoch of the endpoints log from the registry alone.
func (r *Registrar) rebuild(ctx context.Context, w *warmEndpoints) error {
	wanted, err := r.wanted(ctx, w, &endpoint.State{}, nil)
	if err != nil {
		return err
	}
	before := &endpoint.State{}
	if w.reader.Exists() {
		before = w.reader.State()
	}
	if _, err = w.writer.NewEpoch(ctx, w.reader.Position(), &wanted); err != nil {
		return err
	}
	r.appended(ctx, w, before, &wanted)
	return nil
}

// bury ends the log of a deleted mesh with a tombstone.
func (r *Registrar) bury(ctx context.Context, w *warmEndpoints) error {
	if _, err := w.reader.Poll(ctx); err != nil {
		return err
	}
	if !w.reader.Exists() || w.reader.State().Deleted {
		return nil
	}
	gone := &endpoint.State{Deleted: true}
	_, err := w.writer.Append(ctx, w.reader.Position(), endpoint.Change{Deleted: true}, func() *endpoint.State { return gone })
	if err != nil {
		return err
	}
	r.Appended(events.LogAppended{UID: w.mesh.UID, Log: events.LogEndpoints})
	return nil
}

// wanted is the state that the log should have. With only set, all other services that the log knows stay as they
// are there; a service that is new to the log is always read.
func (r *Registrar) wanted(ctx context.Context, w *warmEndpoints, present *endpoint.State, only *endpoint.ServiceKey) (endpoint.State, error) {
	state := endpoint.State{Services: map[endpoint.ServiceKey]map[string]endpoint.Instance{}}
	for _, service := range w.services() {
		known, ok := present.Services[service]
		if ok && only != nil && *only != service {
			state.Services[service] = known
			continue
		}
		instances, err := r.Registry.Instances(ctx, service)
		if err != nil {
			return state, fmt.Errorf("read the instances of %s in %s: %w", service.Service, service.Namespace, err)
		}
		byID := make(map[string]endpoint.Instance, len(instances))
		for _, i := range instances {
			byID[i.ID] = i
		}
		state.Services[service] = byID
	}
	return state, nil
}

// services lists the services that the mesh's nodes name, sorted, each once.
func (w *warmEndpoints) services() []endpoint.ServiceKey {
	all := slices.SortedFunc(maps.Values(w.nodes), func(a, b endpoint.ServiceKey) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Service, b.Service))
	})
	return slices.Compact(all)
}
