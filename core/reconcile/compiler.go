package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/certificate"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// attempts is how often a handler starts over after it lost the place in a log to another writer.
const attempts = 5

// Meshes is what reconcile reads of the store.
type Meshes interface {
	pager
	MeshByUID(ctx context.Context, uid string) (store.Mesh, error)
	MeshByName(ctx context.Context, name string) (store.Mesh, error)
}

// CompilerOptions is what a Compiler works with. Appended, Events and Logger may be nil.
type CompilerOptions struct {
	Store        Meshes
	Objects      artifact.Objects
	Compile      compile.Options
	Certificates certificate.Source       // nil: none that specs name by ARN can be had
	Now          func() time.Time         // dates what is appended
	Appended     func(events.LogAppended) // called after each append
	Events       notice.Publisher         // told of what is published
	Place        notice.Place             // for the ARNs in events
	Logger       *slog.Logger
}

// Compiler publishes meshes to their config logs.
type Compiler struct {
	CompilerOptions
	warm *warmCache[*warmConfig]
}

// warmConfig is a compiled mesh and where in its log it was published.
type warmConfig struct {
	mesh     store.Mesh
	compiled *compile.Compiled
	known    map[string]graph.Material // certificates by ARN, as far as resources name or named them
	writer   *artifact.Writer[*artifact.Config, artifact.ConfigChange]
	at       artifact.Position
	untold   *artifact.ConfigChange // appended, and the outside does not know it yet
	pointed  bool                   // the mesh's name means it: stays so until the mesh is deleted
}

// NewCompiler returns a Compiler with nothing warm.
func NewCompiler(o CompilerOptions) *Compiler {
	if o.Appended == nil {
		o.Appended = func(events.LogAppended) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Compiler{CompilerOptions: o, warm: newWarmCache[*warmConfig]()}
}

// Handle brings the config log of the mesh to its newest generation. It returns infrastructure faults only; what
// users got wrong becomes findings. Calls for one mesh wait for each other. Generation 0, as a sweep sends it, has
// certificates looked up again, and the log read as a starting relay reads it, and healed if it can't be.
func (c *Compiler) Handle(ctx context.Context, e events.MeshChanged) error {
	slot := c.warm.lock(e.UID)
	defer slot.unlock()
	var err error
	for range attempts {
		err = guarded(func() error {
			if err := c.publish(ctx, e, slot); err != nil || e.Generation != 0 {
				return err
			}
			return c.check(ctx, slot)
		})
		if err == nil {
			if w, ok := slot.get(); ok {
				slot.weigh(len(w.compiled.Config().Resources))
			}
			return nil
		}
		slot.drop()
		if !overtaken(err) {
			return fmt.Errorf("compile mesh %s: %w", e.UID, err)
		}
		c.Logger.Debug("lost the place in the config log, reading on", "mesh", e.UID)
	}
	return fmt.Errorf("compile mesh %s: lost the place in its config log %d times: %w", e.UID, attempts, err)
}

// overtaken says that another writer was faster, or has published something newer: reading on tells what is left to do.
func overtaken(err error) bool {
	return errors.Is(err, artifact.ErrLost) || errors.Is(err, artifact.ErrBehind)
}

func (c *Compiler) publish(ctx context.Context, e events.MeshChanged, slot *warmSlot[*warmConfig]) error {
	mesh, err := c.Store.MeshByUID(ctx, e.UID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // a message about a mesh that never was
	}
	if err != nil {
		return err
	}
	w, ok := slot.get()
	if ok {
		return c.follow(ctx, w, mesh, e.Generation == 0)
	}
	if w, err = c.start(ctx, mesh); err != nil || w == nil {
		return err
	}
	slot.set(w)
	return c.announce(ctx, w)
}

// check heals what only a reader that starts anew would notice.
func (c *Compiler) check(ctx context.Context, slot *warmSlot[*warmConfig]) error {
	w, ok := slot.get()
	if !ok {
		return nil
	}
	err := w.writer.Check(ctx)
	if !errors.Is(err, artifact.ErrDamaged) {
		return err
	}
	c.Logger.Warn("config log is damaged, starting a new epoch", "mesh", w.mesh.UID, "err", err)
	if w.at, err = w.writer.NewEpoch(ctx, w.at, w.compiled.Config()); err != nil {
		return err
	}
	c.Appended(events.LogAppended{UID: w.mesh.UID, Log: events.LogConfig})
	return nil
}

// follow applies what the journal says since the warm state, and, if all is to be looked at, what has become of
// certificates.
func (c *Compiler) follow(ctx context.Context, w *warmConfig, mesh store.Mesh, all bool) error {
	entries, err := readJournal(ctx, c.Store, mesh.UID, w.compiled.Generation())
	if err != nil {
		return err
	}
	if err := w.writer.Verify(ctx, w.at); err != nil {
		return err
	}
	looked, err := c.lookUp(ctx, w.known, resourcesOf(entries), all)
	if err != nil {
		return err
	}
	if len(entries) == 0 && maps.Equal(looked, w.known) {
		return nil
	}
	w.mesh, w.known = mesh, looked
	w.compiled.SetCertificates(looked)
	change := w.compiled.Apply(changesOf(entries))
	if len(entries) == 0 && change.Empty() {
		return c.report(ctx, w) // what it says of certificates may be new
	}
	if w.at, err = w.writer.Append(ctx, w.at, change, w.compiled.Config); err != nil {
		return err
	}
	w.untold = &change
	return c.announce(ctx, w)
}

// start compiles a mesh from its pages and publishes what differs from the newest published state. It returns nil
// for a mesh that was deleted before it was ever published.
func (c *Compiler) start(ctx context.Context, mesh store.Mesh) (*warmConfig, error) {
	state, err := readState(ctx, c.Store, mesh)
	if err != nil {
		return nil, err
	}
	if state.Certificates, err = c.lookUp(ctx, nil, maps.Values(state.Resources), true); err != nil {
		return nil, err
	}
	w := &warmConfig{
		mesh:     mesh,
		known:    state.Certificates,
		compiled: compile.Compile(c.Compile, state),
		writer:   artifact.NewWriter(c.Objects, mesh.UID, artifact.ConfigLog, artifact.WriterOptions{Now: c.Now, Logger: c.Logger}),
	}
	published, at, err := artifact.ReadManifest(ctx, c.Objects, mesh.UID)
	switch {
	case errors.Is(err, artifact.ErrNotFound) && mesh.Deleted:
		return nil, nil
	case errors.Is(err, artifact.ErrNotFound):
		w.at, err = w.writer.NewEpoch(ctx, artifact.Position{}, w.compiled.Config())
		w.untold = new(artifact.Diff(nil, w.compiled.Config()))
		return w, err
	case errors.Is(err, artifact.ErrDamaged):
		c.Logger.Warn("config log is damaged, starting a new epoch", "mesh", mesh.UID, "err", err)
		w.at, err = w.writer.NewEpoch(ctx, at, w.compiled.Config())
		w.untold = new(artifact.Diff(nil, w.compiled.Config()))
		return w, err
	case err != nil:
		return nil, err
	}
	if published.Compiler > compile.Version {
		return nil, fmt.Errorf("its config log was written by compiler %d, this is compiler %d: upgrade this one", published.Compiler, compile.Version)
	}
	change := artifact.Diff(published, w.compiled.Config())
	if change.Empty() && published.Generation == change.Generation && published.Compiler == change.Compiler {
		w.at = at
		return w, nil
	}
	w.at, err = w.writer.Append(ctx, at, change, w.compiled.Config)
	w.untold = &change
	return w, err
}

// announce makes the published state findable: the mesh's name, the readers' wake-up, the report. The outside is told
// last, and also where one of these has to be tried again.
func (c *Compiler) announce(ctx context.Context, w *warmConfig) error {
	defer c.tell(ctx, w)
	c.Appended(events.LogAppended{UID: w.mesh.UID, Log: events.LogConfig})
	if !w.mesh.Deleted && !w.pointed {
		if err := c.point(ctx, w.mesh); err != nil {
			return err
		}
		w.pointed = true
	}
	return c.report(ctx, w)
}
