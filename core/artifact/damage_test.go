package artifact_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
)

// harms are ways in which an object can be destroyed.
var harms = map[string]func(w *world, key string){
	"lost":     func(w *world, key string) { w.store.Lose(key) },
	"emptied":  func(w *world, key string) { w.store.Put(key, nil) },
	"cut":      func(w *world, key string) { w.store.Put(key, w.store.Bytes(key)[:len(w.store.Bytes(key))/2]) },
	"flipped":  func(w *world, key string) { w.flip(key, 8*len(w.store.Bytes(key))/2+3) },
	"replaced": func(w *world, key string) { w.store.Put(key, w.store.Bytes(w.entry(1))) },
}

// The log is at 18, its checkpoints at 10 and 15. A warm reader has read up to 16. Whatever happens to any object, no
// reader ever serves anything but a state that was published, every reader says what is wrong if it stands in the
// way, and all are current after the writer has healed what it was told.
func TestDamageAnywhere(t *testing.T) {
	for how, harm := range harms {
		for what, key := range map[string]func(*world) string{
			"checkpoint":         func(*world) string { return checkpointKey },
			"full state":         func(w *world) string { return w.full(15) },
			"full state before":  func(w *world) string { return w.full(10) },
			"manifest":           func(w *world) string { return w.full(15) + ".manifest" },
			"old change":         func(w *world) string { return w.entry(3) },
			"change before full": func(w *world) string { return w.entry(14) },
			"change after full":  func(w *world) string { return w.entry(15) },
			"next change":        func(w *world) string { return w.entry(16) },
			"last change":        func(w *world) string { return w.entry(17) },
		} {
			t.Run(how+" "+what, func(t *testing.T) {
				w := newWorld(t)
				w.grow(16)
				warm := w.reader()
				w.current(warm)
				w.grow(2)
				harm(w, key(w))
				damaged(t, w, warm)
			})
		}
	}
}

func damaged(t *testing.T, w *world, warm *reader) {
	fresh := w.reader()
	for _, r := range []*reader{warm, fresh} {
		w.time = w.time.Add(time.Minute)
		_, err := r.Poll(w.ctx)
		for range 3 {
			if err != nil {
				break
			}
			_, err = r.Poll(w.ctx)
		}
		if err != nil && !errors.Is(err, artifact.ErrDamaged) {
			t.Errorf("got %v, want damage", err)
		}
		if err == nil && r.Exists() && r.Position().Seq < w.at.Seq-1 {
			t.Errorf("a reader waits at %s, and nothing is wrong; the log is at %s", r.Position(), w.at)
		}
		if r.Exists() {
			published(t, w, r)
		}
	}
	// The writer: reads as a compiler does that has just started, and heals if it is told that there is damage.
	_, at, err := artifact.ReadManifest(w.ctx, w.store, uid)
	switch {
	case err == nil && at == w.at:
	case err == nil && at.Seq == w.at.Seq-1: // the last change is lost without a trace: it is published again
		last := w.cfg
		w.cfg, w.at = artifacttest.Clone(w.past[at]), at
		c := artifact.Diff(w.cfg, last)
		if err := w.cfg.Apply(c); err != nil {
			t.Fatal(err)
		}
		w.at = w.must(w.writer().Append(w.ctx, w.at, c, w.state))
	case errors.Is(err, artifact.ErrDamaged), errors.Is(err, artifact.ErrNotFound):
		w.heal(at)
	default:
		t.Fatalf("manifest at %s: %v", at, err)
	}
	for range 2 {
		w.time = w.time.Add(time.Minute)
		// A reader that was told of damage goes on; nothing that is wrong now may keep it from the newest state.
		for _, r := range []*reader{warm, fresh, w.reader()} {
			for range 3 {
				_, _ = r.Poll(w.ctx)
			}
			w.stands(r, w.at, w.cfg)
		}
		w.w = w.writer()
		w.grow(6) // a checkpoint is due on the way
	}
	for _, r := range []*reader{warm, fresh} {
		w.poll(r) // and no error is left over
		w.stands(r, w.at, w.cfg)
	}
}

// published says whether the reader's state is one that was published at its position.
func published(t *testing.T, w *world, r *reader) {
	t.Helper()
	want, ok := w.past[r.Position()]
	if !ok {
		t.Errorf("nothing was ever published at %+v", r.Position())
	} else if diff := artifacttest.Difference(want, r.State()); diff != "" {
		t.Errorf("at %s (-want +got):\n%s", r.Position(), diff)
	}
}

// Every bit of every kind of object: either it is found out, or it makes no difference (a bit in a gzip header).
func TestBitFlips(t *testing.T) {
	w := newWorld(t)
	w.grow(12)
	for name, key := range map[string]string{
		"checkpoint": checkpointKey, "full": w.full(10), "manifest": w.full(10) + ".manifest", "change": w.entry(11),
	} {
		whole := w.store.Bytes(key)
		found := 0
		const samples = 150
		for i := range samples {
			w.flip(key, i*len(whole)*8/samples)
			r := w.reader()
			_, err := r.Poll(w.ctx)
			if err == nil {
				_, err = r.Poll(w.ctx)
			}
			if name == "manifest" {
				var cfg *artifact.Config
				cfg, _, err = artifact.ReadManifest(w.ctx, w.store, uid)
				if err != nil || !artifact.Diff(cfg, w.cfg).Empty() {
					t.Errorf("manifest: a flipped bit is not made up for by the full state: %v", err)
				}
				err = artifact.ErrDamaged
			}
			switch {
			case errors.Is(err, artifact.ErrDamaged):
				found++
			case err != nil:
				t.Errorf("%s: bit %d of byte %d: %v", name, i%8, i, err)
			default:
				w.stands(r, w.at, w.cfg)
			}
			if r.Exists() {
				published(t, w, r)
			}
			w.store.Put(key, whole)
		}
		if found < samples*9/10 {
			t.Errorf("%s: %d of %d flipped bits were found", name, found, samples)
		}
	}
}

// A change that is intact but doesn't fit the state is damage like any other, and the same goes for who heals it.
func TestChangeThatDoesNotFit(t *testing.T) {
	w := newWorld(t)
	w.grow(2)
	r := w.reader()
	w.current(r)
	before := artifacttest.Clone(w.cfg)
	wrong := artifact.ConfigChange{Generation: w.cfg.Generation + 1, Compiler: 1, Removed: []artifact.ID{{Type: artifact.Route, Name: "nowhere"}}}
	if _, err := w.w.Append(w.ctx, w.at, wrong, w.state); err != nil {
		t.Fatal(err)
	}
	w.fails(r, artifact.ErrDamaged)
	w.stands(r, w.at, before)
	w.cfg.Generation++
	w.heal(r.Position())
	w.current(r)
	w.current(w.reader())
}

// Damage that is not healed is told at each poll, and does not cost more and more.
func TestStuckReaderStaysCheap(t *testing.T) {
	w := newWorld(t)
	r := w.reader()
	w.current(r)
	w.grow(3)
	w.flip(w.entry(1), 500)
	w.poll(r)
	w.store.Counts()
	for range 20 {
		w.fails(r, artifact.ErrDamaged)
		w.time = w.time.Add(time.Second)
		if n := w.store.Counts(); n.Total() > 10 {
			t.Errorf("a poll costs %v", n.Calls)
		}
	}
	// A person may put the object back.
	w.flip(w.entry(1), 500)
	w.current(r)
}

// A writer that has been at work for long never reads the full state: the sweep's check finds it out.
func TestCheck(t *testing.T) {
	w := newWorld(t)
	if err := w.w.Check(w.ctx); err != nil {
		t.Error(err)
	}
	w.flip(w.full(0), 2000)
	if err := w.w.Verify(w.ctx, w.at); err != nil {
		t.Errorf("verify reads full states: %v", err)
	}
	if err := w.w.Check(w.ctx); !errors.Is(err, artifact.ErrDamaged) {
		t.Errorf("got %v, want damage", err)
	}
	w.heal(w.at)
	if err := w.w.Check(w.ctx); err != nil {
		t.Error(err)
	}
	w.current(w.reader())
}
