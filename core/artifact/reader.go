package artifact

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// DefaultCheckpointInterval is how often a reader asks for the checkpoint.
const DefaultCheckpointInterval = 30 * time.Second

const (
	maxSteps  = 4096 // what one Poll returns at most
	maxWindow = 16   // changes that are fetched at the same time
)

// ReaderOptions may be zero.
type ReaderOptions struct {
	// Now is the clock. Without one the checkpoint is asked for at each Poll.
	Now func() time.Time
	// CheckpointInterval is how often the checkpoint is asked for; DefaultCheckpointInterval if zero. It bounds how long
	// anything but a plain next change can go unnoticed.
	CheckpointInterval time.Duration
}

// Reader follows a log. It is for one goroutine at a time.
type Reader[S, C any] struct {
	log    log
	format Format[S, C]
	now    func() time.Time
	every  time.Duration

	exists bool
	state  S
	at     Position

	etag    string    // of the checkpoint that was dealt with
	seen    *target   // what that one named
	asked   time.Time // when
	faulty  error     // what is wrong with the checkpoint, or with what it names
	stuck   error     // why the changes can't be followed beyond at
	stuckAt int       // how many polls have found it so
	forked  time.Time // when a fork was last looked into
}

// NewReader makes a reader of the log of the mesh with this uid. It reads nothing yet.
func NewReader[S, C any](objects Objects, uid string, format Format[S, C], o ReaderOptions) *Reader[S, C] {
	if o.CheckpointInterval <= 0 {
		o.CheckpointInterval = DefaultCheckpointInterval
	}
	if o.Now == nil {
		o.Now = func() time.Time { return time.Time{} }
		o.CheckpointInterval = 0
	}
	return &Reader[S, C]{log: log{objects, uid, format.name}, format: format, now: o.Now, every: o.CheckpointInterval}
}

// State is what the steps so far have led to: the live state, which the next Poll changes in place. Don't change it.
// The zero value if the log doesn't exist.
func (r *Reader[S, C]) State() S { return r.state }

// Position is where State is.
func (r *Reader[S, C]) Position() Position { return r.at }

// Exists says whether the log was there when it was last looked for.
func (r *Reader[S, C]) Exists() bool { return r.exists }

// Poll reads on as far as the log goes now. It returns either the changes that it followed, in order, or a single
// step with Jump, whose position and State include everything that was read after the jump, or an error, or nothing
// of these: then there is nothing new. An error never comes with steps: what was read before it is returned first,
// and the next Poll says what is still wrong.
//
// A log that doesn't exist yet gives no step and no error. With ErrDamaged the state stays as it was, and each Poll
// looks whether the log has been healed. ErrNewer is for people; any other error is a fault of the store.
//
// When nothing is new, a Poll costs one GET; every CheckpointInterval two more. After a tombstone it costs nothing.
func (r *Reader[S, C]) Poll(ctx context.Context) ([]Step[C], error) {
	if r.at.Deleted {
		return nil, nil
	}
	opening := !r.exists
	asked := r.due()
	var jumped bool
	var faults []error
	consult := func() bool {
		j, err := r.consult(ctx)
		faults, jumped = append(faults, err), jumped || j
		return j
	}
	if asked {
		consult()
	}
	if !r.exists {
		return nil, errors.Join(append(faults, r.faulty)...)
	}
	steps, err := r.tail(ctx)
	if err == nil && asked && r.stuck == nil && !r.at.Deleted && (opening || len(steps) == 0) {
		err = r.probe(ctx, opening)
	}
	if r.stuck != nil && !asked && consult() {
		_, err = r.tail(ctx)
	}
	if errors.Is(r.stuck, errFork) {
		j, e := r.leaveFork(ctx)
		faults, jumped = append(faults, e), jumped || j
	}
	switch {
	case jumped:
		return []Step[C]{{Position: r.at, Jump: true}}, nil
	case len(steps) > 0:
		return steps, nil
	}
	return nil, errors.Join(append(faults, err, r.trouble())...)
}

// trouble is what is wrong with the log as it was last read. A proper end of an epoch is seen by chance in the moment
// before the checkpoint follows, so it is no trouble yet when it is first seen.
func (r *Reader[S, C]) trouble() error {
	if errors.Is(r.stuck, errEnd) && r.stuckAt < 2 {
		return r.faulty
	}
	return errors.Join(r.stuck, r.faulty)
}

// due says whether to ask for the checkpoint before reading on.
func (r *Reader[S, C]) due() bool {
	return !r.exists || r.stuck != nil || r.faulty != nil || r.intervalOver(r.asked)
}

func (r *Reader[S, C]) intervalOver(since time.Time) bool {
	return r.now().Sub(since) >= r.every
}

// consult asks for the checkpoint, and jumps if it is ahead. The error is a fault; damage goes to r.faulty.
func (r *Reader[S, C]) consult(ctx context.Context) (jumped bool, err error) {
	if r.faulty != nil && r.intervalOver(r.asked) {
		r.etag = "" // look at the whole of it again, though it is unchanged
	}
	c, tag, err := r.log.readCheckpoint(ctx, r.etag)
	if isFault(err) {
		return false, err
	}
	if r.intervalOver(r.asked) {
		r.asked = r.now()
	}
	switch {
	case errors.Is(err, ErrNotFound):
		r.etag, r.faulty = "", nil
		if r.exists {
			r.faulty = damaged("its checkpoint is gone: %w", err)
		}
		return false, nil
	case err != nil:
		r.etag, r.faulty = tag, err
		return false, nil
	case c == nil:
		return false, nil
	}
	if jumped, err = r.reach(ctx, c); err != nil {
		r.etag = "" // so that the next consultation tries again
		return false, err
	}
	r.etag, r.seen = tag, &c.target
	return jumped, nil
}

// reach goes to what a checkpoint names if that is ahead, or if the log was begun anew since the last checkpoint.
func (r *Reader[S, C]) reach(ctx context.Context, c *checkpoint) (jumped bool, err error) {
	r.faulty = nil
	if !r.leads(c.target) && !r.anew(c.target) {
		return false, nil
	}
	state, err := readFull(ctx, r.log, r.format, c.target)
	if err == nil {
		r.adopt(state, c.Position)
		return true, nil
	}
	if isFault(err) {
		return false, err
	}
	r.faulty = damaged("the full state that its checkpoint names: %w", err)
	if c.Before == nil || !r.leads(*c.Before) {
		return false, nil
	}
	// The full state before that one is kept for this, and so are the changes after it.
	state, err = readFull(ctx, r.log, r.format, *c.Before)
	if err == nil {
		r.adopt(state, c.Before.Position)
		return true, nil
	}
	if isFault(err) {
		return false, err
	}
	return false, nil
}

// leads says whether t is ahead of what was read, or another state at the same place.
func (r *Reader[S, C]) leads(t target) bool {
	order := t.Compare(r.at)
	return !r.exists || order > 0 || order == 0 && t.Sum != r.at.Sum
}

// anew says whether the log was wiped and begun anew: checkpoints only go forward, so one that is behind the last
// that was seen is another log's.
func (r *Reader[S, C]) anew(t target) bool {
	if r.seen == nil {
		return false
	}
	order := t.Compare(r.seen.Position)
	return order < 0 || order == 0 && t.Full != r.seen.Full
}

func (r *Reader[S, C]) adopt(state S, at Position) {
	r.state, r.at, r.exists = state, at, true
	r.stuck, r.stuckAt = nil, 0
}

// tail follows changes until there are no more. Damage goes to r.stuck; the error is a fault.
func (r *Reader[S, C]) tail(ctx context.Context) ([]Step[C], error) {
	var steps []Step[C]
	for len(steps) < maxSteps && !r.at.Deleted {
		for _, object := range r.fetch(ctx, max(1, min(len(steps), maxWindow))) {
			if errors.Is(object.err, ErrNotFound) {
				return steps, r.recheck(ctx)
			}
			if object.err != nil {
				return steps, object.err
			}
			step, err := follow(r.log, r.format, r.state, r.at, object.data)
			if errors.Is(err, ErrDamaged) {
				r.stuck = err
				r.stuckAt++
				return steps, nil
			}
			if err != nil {
				return steps, err
			}
			r.at, r.stuck, r.stuckAt = step.Position, nil, 0
			steps = append(steps, step)
		}
	}
	return steps, nil
}

type fetched struct {
	data []byte
	err  error
}

// fetch gets the next n changes at the same time.
func (r *Reader[S, C]) fetch(ctx context.Context, n int) []fetched {
	objects := make([]fetched, n)
	get := func(i int) {
		key := r.log.entryKey(r.at.Epoch, r.at.Seq+int64(i))
		data, _, err := r.log.objects.Get(ctx, key)
		if err != nil {
			err = fmt.Errorf("read %s: %w", key, err)
		}
		objects[i] = fetched{data, err}
	}
	var others sync.WaitGroup
	for i := 1; i < n; i++ {
		others.Go(func() { get(i) })
	}
	get(0)
	others.Wait()
	return objects
}
