package artifact

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ownmesh/ownmesh/events"
)

// What a Collector keeps unless told otherwise.
const (
	DefaultKeep        = 30 * 24 * time.Hour
	DefaultKeepDeleted = 7 * 24 * time.Hour
	DefaultMaxDeletes  = 1000
)

// CollectorOptions may be zero but for Now.
type CollectorOptions struct {
	Now func() time.Time
	// Keep is for how long history is kept, and with it the chance to rebuild, compare or serve it again.
	Keep time.Duration
	// KeepDeleted is how long after its tombstone a mesh's objects are kept.
	KeepDeleted time.Duration
	// MaxDeletes bounds one call of Collect. What remains is for the next.
	MaxDeletes int
}

// Collector deletes what nobody needs any more. Nothing else ever deletes from a log.
//
// It works in segments: a full state and the changes that lead on from it, up to the next full state. A segment goes
// when its last change is older than Keep and two checkpoints cover it, the newest and the one before. So the newest
// two full states and everything after the older of them stay whatever their age; and what is left can be rebuilt,
// for within a segment the full state goes last.
//
// Readers need not be asked: one that is so far behind finds no next change, and jumps to the checkpoint.
type Collector struct {
	objects Objects
	CollectorOptions
}

// NewCollector returns a collector over all logs in objects.
func NewCollector(objects Objects, o CollectorOptions) *Collector {
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	if o.KeepDeleted <= 0 {
		o.KeepDeleted = DefaultKeepDeleted
	}
	if o.MaxDeletes <= 0 {
		o.MaxDeletes = DefaultMaxDeletes
	}
	return &Collector{objects: objects, CollectorOptions: o}
}

// UIDs lists the uids of all meshes of which anything is there, deleted ones included: what there is to collect.
func UIDs(ctx context.Context, objects Objects) ([]string, error) {
	var uids []string
	for after := ""; ; {
		keys, err := objects.List(ctx, events.MeshesPrefix, after, 1)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", events.MeshesPrefix, err)
		}
		if len(keys) == 0 {
			return uids, nil
		}
		uid, _, _ := strings.Cut(strings.TrimPrefix(keys[0], events.MeshesPrefix), "/")
		uids, after = append(uids, uid), events.MeshPrefix(uid)+"z" // behind everything in it
	}
}

// Collect deletes what can go of the mesh with this uid, and says how many objects that were. It may be called at any
// time, by several at once. A log whose checkpoint is missing or damaged is left alone.
func (c *Collector) Collect(ctx context.Context, uid string) (deleted int, err error) {
	run := &collection{Collector: c, left: c.MaxDeletes, now: c.Now()}
	tombstone, name, err := c.tombstone(ctx, uid)
	if err != nil {
		return 0, err
	}
	if tombstone != nil {
		if run.older(tombstone.At, c.KeepDeleted) {
			err = run.mesh(ctx, uid, name)
		}
		return run.deleted, err
	}
	for _, name := range []events.LogName{events.LogConfig, events.LogEndpoints} {
		if err := run.log(ctx, log{c.objects, uid, name}); err != nil {
			return run.deleted, err
		}
	}
	return run.deleted, run.statuses(ctx, uid)
}

// tombstone finds the checkpoint that says that the mesh is deleted, nil if there is none: that of the config log or, if
// the mesh was deleted before it had one, that of the endpoints log.
func (c *Collector) tombstone(ctx context.Context, uid string) (*checkpoint, events.LogName, error) {
	for _, name := range []events.LogName{events.LogConfig, events.LogEndpoints} {
		newest, _, err := log{c.objects, uid, name}.readCheckpoint(ctx, "")
		switch {
		case isFault(err):
			return nil, "", err
		case err == nil && newest.Deleted:
			return newest, name, nil
		case !errors.Is(err, ErrNotFound):
			return nil, "", nil
		}
	}
	return nil, "", nil
}

// collection is one run of a Collector.
type collection struct {
	*Collector
	now     time.Time
	left    int
	deleted int
}

// older says whether something written at a time has been kept for long enough. What has no date stays.
func (r *collection) older(written time.Time, keep time.Duration) bool {
	return !written.IsZero() && written.Add(keep).Before(r.now)
}

var errBounded = errors.New("enough for this time")

func (r *collection) delete(ctx context.Context, key string) error {
	if r.left == 0 {
		return errBounded
	}
	if err := r.objects.Delete(ctx, key); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	r.left--
	r.deleted++
	return nil
}

// mesh deletes everything of a deleted mesh, and the checkpoint that says that it is deleted last.
func (r *collection) mesh(ctx context.Context, uid string, tombstone events.LogName) error {
	last := events.CheckpointPath(uid, tombstone)
	var failed error
	err := log{objects: r.objects}.list(ctx, events.MeshPrefix(uid), "", func(key string) bool {
		if key != last {
			failed = r.delete(ctx, key)
		}
		return failed == nil
	})
	if err == nil && failed == nil {
		failed = r.delete(ctx, last)
	}
	if errors.Is(failed, errBounded) {
		failed = nil
	}
	return errors.Join(err, failed)
}
