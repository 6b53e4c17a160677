package artifact_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
)

func TestStepsAreTheChanges(t *testing.T) {
	w := newWorld(t)
	r := w.reader()
	if steps := w.poll(r); len(steps) != 1 || !steps[0].Jump {
		t.Fatalf("opening: %+v, want one jump", steps)
	}
	follower := artifacttest.Clone(r.State())
	w.grow(23)
	steps := w.poll(r)
	if len(steps) != 23 {
		t.Fatalf("%d steps, want 23", len(steps))
	}
	for i, s := range steps {
		if s.Seq != int64(i+1) || s.Jump || s.Generation != s.Change.Generation || s.At.IsZero() {
			t.Errorf("step %d: %+v", i, s)
		}
		if err := follower.Apply(s.Change); err != nil {
			t.Error(err)
		}
	}
	w.current(r)
	w.stands(r, w.at, follower)
	if len(steps[0].Change.Causes) != 1 || steps[0].Change.Causes[0].Caller == "" {
		t.Errorf("causes: %+v", steps[0].Change.Causes)
	}
}

// Polling is what a relay does all the time.
func TestPollIsCheap(t *testing.T) {
	w := newWorld(t)
	r := w.reader()
	w.current(r)
	cost := func(what string, want int) {
		t.Helper()
		w.store.Counts()
		w.poll(r)
		if got := w.store.Counts().Total(); got != want {
			t.Errorf("%s costs %d calls, want %d", what, got, want)
		}
	}
	cost("nothing new", 1)
	w.time = w.time.Add(29 * time.Second)
	cost("nothing new, before the interval", 1)
	w.time = w.time.Add(time.Second)
	cost("nothing new, at the interval", 3)
	cost("nothing new, after the interval", 1)
	w.grow(1)
	cost("one change", 2)
	w.grow(100)
	w.store.Counts()
	w.poll(r)
	if c := w.store.Counts(); c.Calls[artifacttest.OpGet] > 100+16 {
		t.Errorf("100 changes cost %v", c.Calls)
	}
	w.current(r)
}

func TestLogThatIsNotYetThere(t *testing.T) {
	w := newWorld(t)
	w.store.Lose("")
	r := w.reader()
	for range 3 {
		w.store.Counts()
		if steps := w.poll(r); len(steps) > 0 || r.Exists() || w.store.Counts().Total() != 1 {
			t.Errorf("no log: %d steps, exists %t", len(steps), r.Exists())
		}
	}
	w.heal(artifact.Position{})
	w.current(r)
}

func TestRefusalIsNeverNothingNew(t *testing.T) {
	w := newWorld(t)
	r := w.reader()
	w.breakDown(artifacttest.OpGetIfChanged, "", artifacttest.Fault{}, -1)
	w.fails(r, errBoom)
	w.store.Inject(nil)
	w.current(r)
	w.breakDown(artifacttest.OpGet, "", artifacttest.Fault{}, -1)
	w.fails(r, errBoom)
	w.grow(3)
	w.fails(r, errBoom)
	// A fault halfway: what was read before it comes first.
	w.breakDown(artifacttest.OpGet, w.entry(2), artifacttest.Fault{}, -1)
	if steps := w.poll(r); len(steps) != 2 {
		t.Errorf("%d steps before the fault, want 2", len(steps))
	}
	w.fails(r, errBoom)
	w.store.Inject(nil)
	w.current(r)
	// Only the checkpoint can't be read: the log goes on, and the fault shows when there is nothing else to say.
	w.time = w.time.Add(time.Minute)
	w.breakDown(artifacttest.OpGetIfChanged, "", artifacttest.Fault{}, -1)
	w.grow(1)
	w.poll(r)
	w.stands(r, w.at, w.cfg)
	w.fails(r, errBoom)
	w.store.Inject(nil)
	w.current(r)
}

func TestFaultWhileJumping(t *testing.T) {
	for _, op := range []artifacttest.Op{artifacttest.OpGet, artifacttest.OpGetIfChanged} {
		for skip := range 4 {
			w := newWorld(t)
			r := w.reader()
			w.current(r)
			w.grow(2)
			w.heal(w.at)
			w.grow(7)
			var left atomic.Int64
			left.Store(int64(skip))
			w.store.Inject(func(c artifacttest.Call) artifacttest.Fault {
				if n := left.Add(-1); c.Op == op && n < 0 {
					return artifacttest.Fault{Err: errBoom}
				}
				return artifacttest.Fault{}
			})
			_, err := r.Poll(w.ctx)
			if err != nil && !errors.Is(err, errBoom) {
				t.Errorf("got %v", err)
			}
			w.store.Inject(nil)
			w.current(r)
		}
	}
}

// A new epoch is seen at once, not only when the checkpoint is asked for next.
func TestReaderBehindANewEpoch(t *testing.T) {
	w := newWorld(t)
	head, behind := w.reader(), w.reader()
	w.current(behind)
	w.grow(3)
	w.current(head)
	w.heal(w.at)
	w.current(head)
	w.grow(2)
	w.current(head)
	w.current(behind)
}

func TestReaderBehindTheCollector(t *testing.T) {
	w := newWorld(t)
	r := w.reader()
	w.current(r)
	w.grow(21)
	w.store.Lose(w.entry(0)) // the collector's work, done at the worst moment
	w.store.Lose(w.entry(1))
	if steps := w.poll(r); len(steps) > 0 {
		t.Fatalf("%d steps", len(steps))
	}
	w.time = w.time.Add(artifact.DefaultCheckpointInterval)
	if steps := w.poll(r); len(steps) != 1 || !steps[0].Jump {
		t.Errorf("%+v, want one jump", steps)
	}
	w.current(r)
}

// While a full state is read, the collector deletes it: the checkpoint has moved on by then.
func TestFullStateDeletedUnderAReader(t *testing.T) {
	w := newWorld(t)
	r, full := w.reader(), w.full(0)
	done := false
	w.store.Inject(func(c artifacttest.Call) artifacttest.Fault {
		if c.Key == full && c.Op == artifacttest.OpGet && !done {
			done = true
			w.grow(12)
			w.store.Lose(full)
		}
		return artifacttest.Fault{}
	})
	w.fails(r, artifact.ErrDamaged)
	w.current(r)
}

func TestWipedLog(t *testing.T) {
	for _, clocked := range []bool{true, false} {
		w := newWorld(t)
		if !clocked { // then a log that is begun anew takes the same numbers again
			w.store.Lose("")
			w.w = artifact.NewWriter(w.store, uid, artifact.ConfigLog, artifact.WriterOptions{CheckpointChanges: 5})
			w.at = w.must(w.w.NewEpoch(w.ctx, artifact.Position{}, w.cfg))
		}
		w.grow(13)
		r := w.reader()
		w.current(r)
		w.store.Lose("")
		w.time = w.time.Add(time.Minute)
		w.fails(r, artifact.ErrDamaged)
		w.stands(r, w.at, w.cfg)
		w.time = w.time.Add(time.Second)
		if !clocked {
			w.w = artifact.NewWriter(w.store, uid, artifact.ConfigLog, artifact.WriterOptions{CheckpointChanges: 5})
		}
		w.at = w.must(w.w.NewEpoch(w.ctx, artifact.Position{}, w.cfg))
		w.current(r)
		w.grow(3)
		w.current(r)
		w.current(w.reader())
	}
}

// The checkpoint alone is lost: the next change that is appended writes it again.
func TestLostCheckpoint(t *testing.T) {
	for _, harm := range []func(*world){
		func(w *world) { w.store.Lose(checkpointKey) },
		func(w *world) { w.flip(checkpointKey, 333) },
	} {
		w := newWorld(t)
		w.grow(3)
		r := w.reader()
		w.current(r)
		harm(w)
		w.time = w.time.Add(time.Minute)
		w.fails(r, artifact.ErrDamaged)
		w.w = w.writer()
		w.grow(1)
		w.current(r)
		w.current(w.reader())
		// Or a writer heals it by a new epoch.
		harm(w)
		w.time = w.time.Add(time.Minute)
		w.fails(r, artifact.ErrDamaged)
		w.heal(r.Position())
		w.current(r)
		w.current(w.reader())
	}
}

// Somebody reads a change, it is lost, and another is written in its place.
func TestFork(t *testing.T) {
	w := newWorld(t)
	w.grow(2)
	r := w.reader()
	before, at := artifacttest.Clone(w.cfg), w.at
	w.grow(1)
	w.current(r)
	w.store.Lose(w.entry(at.Seq))
	w.cfg, w.at = before, at
	other := artifacttest.Touch(w.cfg, 0)
	other.Causes = nil
	if err := w.cfg.Apply(other); err != nil {
		t.Fatal(err)
	}
	w.at = w.must(w.writer().Append(w.ctx, w.at, other, w.state))
	w.grow(1)
	w.current(r)
}

func TestNewerFormat(t *testing.T) {
	w := newWorld(t)
	r := w.reader()
	w.current(r)
	w.store.Put(w.entry(0), artifact.NewerChange(uid, w.at))
	w.fails(r, artifact.ErrNewer)
	if _, err := r.Poll(w.ctx); errors.Is(err, artifact.ErrDamaged) {
		t.Errorf("a newer version is taken for damage: %v", err)
	}
	w.time = w.time.Add(time.Second)
	if _, err := w.writer().NewEpoch(w.ctx, w.at, w.cfg); !errors.Is(err, artifact.ErrNewer) {
		t.Errorf("an old writer heals what a newer one wrote: %v", err)
	}
	_, _, err := artifact.ReadManifest(w.ctx, w.store, uid)
	if !errors.Is(err, artifact.ErrNewer) {
		t.Errorf("manifest: %v", err)
	}
}

// The same, where the two changes have the same size: their checksums tell them apart.
func TestForkOfEqualSize(t *testing.T) {
	w := newWorld(t)
	w.grow(2)
	r := w.reader()
	before, at := artifacttest.Clone(w.cfg), w.at
	w.grow(1)
	w.current(r)
	size := w.at.Bytes
	w.store.Lose(w.entry(at.Seq))
	w.cfg, w.at = before, at
	other := artifacttest.Touch(w.cfg, int(w.cfg.Generation+1)%4)
	if err := w.cfg.Apply(other); err != nil {
		t.Fatal(err)
	}
	w.at = w.must(w.writer().Append(w.ctx, w.at, other, w.state))
	if w.at.Bytes != size {
		t.Fatalf("the changes differ in size: %d, %d", size, w.at.Bytes)
	}
	w.grow(1)
	w.current(r)
}
