package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/core/task"
	"github.com/ownmesh/ownmesh/events"
)

// RegistrarOptions is what a Registrar works with. Directory, Tasks, Appended, Events and Logger may be nil.
type RegistrarOptions struct {
	Store     Meshes
	Registry  endpoint.Ledger // in AWS an endpoint.Overlay over Directory
	Directory Directory       // nil: what others register is not looked for, and nothing is made known to them
	Tasks     Tasks           // nil: task bindings have no effect
	Objects   artifact.Objects
	Now       func() time.Time // dates what is appended
	Appended  func(events.LogAppended)
	Events    notice.Publisher // told of instances that changed
	Place     notice.Place     // for the ARNs in events
	Logger    *slog.Logger
	// Relook is how soon a service is read again that ECS should have registered a running task in (1 s).
	Relook time.Duration
}

// Registrar keeps each mesh's endpoints log in step with the registry: the instances of every service that a
// virtual node of the mesh names, and of no other. It keeps the registry in step with the mesh's task bindings, and a
// directory with its nodes' services and its resolvable names.
type Registrar struct {
	RegistrarOptions
	warm *warmCache[*warmEndpoints]
}

// NewRegistrar returns a Registrar with nothing warm.
func NewRegistrar(o RegistrarOptions) *Registrar {
	if o.Appended == nil {
		o.Appended = func(events.LogAppended) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Relook == 0 {
		o.Relook = time.Second
	}
	return &Registrar{RegistrarOptions: o, warm: newWarmCache[*warmEndpoints]()}
}

// look says how a pass looks at a service that the log has already. One that is new to the log is read whole.
type look int

const (
	lookNot   look = iota // it stays as the log has it
	lookRows              // what our own registry says of it is laid over what the log has
	lookWhole             // it is read from the registry, and from where others register
)

// looks says how to look at each service; lookNot at those that it doesn't name.
type looks map[endpoint.ServiceKey]look

// raise has a service looked at no less than l says.
func (s looks) raise(key endpoint.ServiceKey, l look) { s[key] = max(s[key], l) }

// pass is what is to be done with one mesh.
type pass struct {
	all    bool                 // look at every service whole, and have the log healed if a starting relay could not read it
	only   *endpoint.ServiceKey // look at this one whole
	tasks  []task.Task          // news of these tasks
	follow bool                 // do what the mesh's resources ask for beyond its log, if they changed, or with all
	// expected are instances that ECS should have registered; what is not found stays in it.
	expected map[endpoint.InstanceKey]bool
	// concerned are the tasks, by ARN, that have to do with the mesh, or of which that isn't known; nil until somebody looked.
	concerned map[string]bool
	logged    bool // the log has all of it, whatever else failed
}

// concerns tells whether a pass has anything to do with a mesh. News of tasks and of instances come to every mesh: those
// that stand for no such service must not cost requests to their logs.
func (p *pass) concerns(w *warmEndpoints) bool {
	switch {
	case p.follow:
		return true
	case p.only != nil:
		return slices.Contains(w.services(), *p.only)
	}
	return len(w.nodes) > 0
}

// found forgets what was expected and is there, or will not be shown.
func (p *pass) found(s endpoint.State, c *changes) {
	for key := range p.expected {
		if _, ok := s.Services[key.ServiceKey][key.ID]; ok || c.refusedBefore(call{key.ServiceKey, callRead}) {
			delete(p.expected, key)
		}
	}
}

// Handle brings the endpoints log of the mesh in step with its virtual nodes, and what depends on its resources with
// them. It returns infrastructure faults only. Calls for one mesh wait for each other. Generation 0, as a sweep sends it,
// has everything read anew, the log as well as a starting relay reads it, and healed if it can't be.
func (r *Registrar) Handle(ctx context.Context, e events.MeshChanged) error {
	return r.each(ctx, e.UID, &pass{all: e.Generation == 0, follow: true})
}

// InstancesChanged brings the endpoints logs of the given meshes in step with the registry's instances of one
// service. Meshes that don't name the service are left as they are.
func (r *Registrar) InstancesChanged(ctx context.Context, meshes []string, service endpoint.ServiceKey) error {
	var errs []error
	for _, uid := range meshes {
		errs = append(errs, r.each(ctx, uid, &pass{only: &service}))
	}
	return errors.Join(errs...)
}

// outsideError is a fault of what a mesh's resources ask for beyond its log: what is warm is as good as before.
type outsideError struct{ error }

func (e outsideError) Unwrap() error { return e.error }

// each runs one pass over a mesh, again while other writers are faster.
func (r *Registrar) each(ctx context.Context, uid string, p *pass) error {
	slot := r.warm.lock(uid)
	defer slot.unlock()
	defer func() { slot.weigh(sizeOf(slot)) }()
	var err error
	for range attempts {
		err = guarded(func() error {
			if err := r.register(ctx, uid, slot, p); err != nil || !p.all {
				return err
			}
			return r.check(ctx, slot)
		})
		if err == nil {
			return nil
		}
		if !overtaken(err) {
			if outside := (outsideError{}); !errors.As(err, &outside) {
				slot.drop()
			}
			return fmt.Errorf("register endpoints of mesh %s: %w", uid, err)
		}
	}
	return fmt.Errorf("register endpoints of mesh %s: lost the place in its endpoints log %d times: %w", uid, attempts, err)
}

// sizeOf is how many instances are warm, and nodes that have some.
func sizeOf(slot *warmSlot[*warmEndpoints]) int {
	w, ok := slot.get()
	if !ok {
		return 0
	}
	size := len(w.nodes)
	if w.reader.Exists() {
		for _, instances := range w.reader.State().Services {
			size += len(instances)
		}
	}
	return size
}

// register does a pass: it reads, changes the registry as tasks and bindings say, appends what follows from that to the
// log, and only then tells the directory, which may be slow.
func (r *Registrar) register(ctx context.Context, uid string, slot *warmSlot[*warmEndpoints], p *pass) error {
	w, err := r.read(ctx, uid, slot)
	if err != nil || w == nil {
		return err
	}
	if w.mesh.Deleted {
		return r.bury(ctx, w)
	}
	if !p.concerns(w) {
		return nil
	}
	_, err = w.reader.Poll(ctx)
	damaged := errors.Is(err, artifact.ErrDamaged)
	if err != nil && !damaged {
		return err
	}
	present := &endpoint.State{}
	if !damaged && w.reader.Exists() {
		present = w.reader.State()
	}
	c := newChanges(r, w, present, p.all)
	if p.only != nil {
		c.looks.raise(*p.only, lookWhole)
	}
	outside := []error{c.tasks(ctx, p)}
	follow := p.follow && (w.stale || p.all)
	if follow {
		outside = append(outside, c.follow(ctx, p.all))
	}
	if damaged || !w.reader.Exists() {
		if damaged {
			r.Logger.Warn("endpoints log is damaged, starting a new epoch", "mesh", uid, "err", err)
		}
		if err := c.rebuild(ctx); err != nil {
			return err
		}
	} else {
		wanted, err := c.wanted(ctx, present, p.all)
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		outside = append(outside, err)
		if err := r.append(ctx, w, present, wanted); err != nil {
			return err
		}
		p.found(wanted, c)
	}
	p.logged = errors.Join(outside...) == nil
	outside = append(outside, c.tell(ctx))
	c.remember()
	if follow {
		outside = append(outside, c.release(ctx))
	}
	if err := errors.Join(outside...); err != nil {
		return outsideError{err}
	}
	if follow {
		w.followed.through()
		w.stale = false
	}
	return nil
}

// append appends what leads from the present state to the wanted one, if anything does. The new state is made by the
// same Apply that readers use, on a copy: what the reader has read stays as it is.
func (r *Registrar) append(ctx context.Context, w *warmEndpoints, present *endpoint.State, wanted endpoint.State) error {
	change := endpoint.Diff(*present, wanted)
	if change.Empty() {
		return nil
	}
	if _, err := w.writer.Append(ctx, w.reader.Position(), change, func() *endpoint.State { return &wanted }); err != nil {
		return err
	}
	if wanted.Deleted {
		r.Appended(events.LogAppended{UID: w.mesh.UID, Log: events.LogEndpoints})
	} else {
		r.appended(ctx, w, present, &wanted)
	}
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
	return newChanges(r, w, &endpoint.State{}, true).rebuild(ctx)
}

// rebuild starts a new epoch of the endpoints log from the registry alone, but for services that nobody may read: of these
// it keeps what was read of the log.
func (c *changes) rebuild(ctx context.Context) error {
	r, w, before := c.Registrar, c.w, &endpoint.State{}
	if w.reader.Exists() {
		before = w.reader.State()
	}
	wanted, err := c.wanted(ctx, before, true)
	if err != nil {
		return err
	}
	if _, err = w.writer.NewEpoch(ctx, w.reader.Position(), &wanted); err != nil {
		return err
	}
	r.appended(ctx, w, before, &wanted)
	return nil
}

// bury takes back what was made for a deleted mesh, and ends its log with a tombstone.
func (r *Registrar) bury(ctx context.Context, w *warmEndpoints) error {
	if _, err := w.reader.Poll(ctx); err != nil {
		return err
	}
	if !w.reader.Exists() {
		return nil
	}
	if err := r.takeBack(ctx, w); err != nil {
		return outsideError{err}
	}
	if w.reader.State().Deleted {
		return nil
	}
	return r.append(ctx, w, w.reader.State(), endpoint.State{Deleted: true})
}
