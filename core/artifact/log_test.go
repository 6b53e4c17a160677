package artifact_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/events"
)

const uid = "0b5c"

var errBoom = errors.New("boom")

type (
	reader = artifact.Reader[*artifact.Config, artifact.ConfigChange]
	writer = artifact.Writer[*artifact.Config, artifact.ConfigChange]
	step   = artifact.Step[artifact.ConfigChange]
)

// world is a store with a config log in it, and what a writer that never fails knows of it.
type world struct {
	failer
	ctx   context.Context
	store *artifacttest.Memory
	time  time.Time
	w     *writer
	cfg   *artifact.Config // the newest state
	at    artifact.Position
	past  map[artifact.Position]*artifact.Config
}

// failer is testing.TB, or a *rapid.T.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func newWorld(t testing.TB) *world { return newWorldIn(t) }

func newWorldIn(t failer) *world {
	w := &world{
		failer: t, ctx: context.Background(), store: artifacttest.NewMemory(), cfg: artifacttest.Mesh(uid, 4),
		time: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), past: map[artifact.Position]*artifact.Config{},
	}
	w.w = w.writer()
	w.at = w.must(w.w.NewEpoch(w.ctx, artifact.Position{}, w.cfg))
	w.past[w.at] = artifacttest.Clone(w.cfg)
	return w
}

func (w *world) now() time.Time { return w.time }

func (w *world) writer() *writer {
	return artifact.NewWriter(w.store, uid, artifact.ConfigLog, artifact.WriterOptions{Now: w.now, CheckpointChanges: 5})
}

func (w *world) reader() *reader {
	return artifact.NewReader(w.store, uid, artifact.ConfigLog, artifact.ReaderOptions{Now: w.now})
}

func (w *world) must(at artifact.Position, err error) artifact.Position {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	return at
}

// grow appends changes, a second each.
func (w *world) grow(changes int) {
	w.Helper()
	for range changes {
		w.time = w.time.Add(time.Second)
		c := artifacttest.Touch(w.cfg, int(w.cfg.Generation)%4)
		if err := w.cfg.Apply(c); err != nil {
			w.Fatal(err)
		}
		w.at = w.must(w.w.Append(w.ctx, w.at, c, w.state))
		w.past[w.at] = artifacttest.Clone(w.cfg)
	}
}

func (w *world) state() *artifact.Config { return w.cfg }

// heal begins a new epoch, as a writer does whose reader found damage.
func (w *world) heal(at artifact.Position) {
	w.Helper()
	w.time = w.time.Add(time.Second)
	w.at = w.must(w.writer().NewEpoch(w.ctx, at, w.cfg))
	w.past[w.at] = artifacttest.Clone(w.cfg)
}

func (w *world) poll(r *reader) []step {
	w.Helper()
	steps, err := r.Poll(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	return steps
}

// fails polls, and wants an error and a reader that stays where it is.
func (w *world) fails(r *reader, want error) {
	w.Helper()
	at := r.Position()
	steps, err := r.Poll(w.ctx)
	if !errors.Is(err, want) || len(steps) > 0 || r.Position() != at {
		w.Errorf("poll: %d steps, from %s to %s, error: %v, want: %v", len(steps), at, r.Position(), err, want)
	}
}

// current polls, and wants the reader at the newest state.
func (w *world) current(r *reader) {
	w.Helper()
	w.poll(r)
	w.stands(r, w.at, w.cfg)
}

func (w *world) stands(r *reader, at artifact.Position, cfg *artifact.Config) {
	w.Helper()
	if r.Position() != at {
		w.Errorf("reader is at %+v, want %+v", r.Position(), at)
	}
	if diff := artifacttest.Difference(cfg, r.State()); diff != "" {
		w.Errorf("reader's state (-want +got):\n%s", diff)
	}
}

func (w *world) entry(seq int64) string {
	return events.EntryPath(uid, events.LogConfig, w.at.Epoch, seq)
}

func (w *world) full(seq int64) string {
	return events.FullPath(uid, events.LogConfig, w.at.Epoch, seq)
}

var checkpointKey = events.CheckpointPath(uid, events.LogConfig)

// flip damages one bit of an object.
func (w *world) flip(key string, bit int) {
	w.Helper()
	data := w.store.Bytes(key)
	if data == nil {
		w.Fatalf("nothing lies at %s", key)
	}
	data[bit/8%len(data)] ^= 1 << (bit % 8)
	w.store.Put(key, data)
}

// breakDown makes so many calls of op on keys that contain part fail with errBoom; all of them if times is negative.
func (w *world) breakDown(op artifacttest.Op, part string, f artifacttest.Fault, times int) {
	f.Err = errBoom
	var hits atomic.Int64
	w.store.Inject(func(c artifacttest.Call) artifacttest.Fault {
		if c.Op == op && strings.Contains(c.Key, part) && (times < 0 || hits.Add(1) <= int64(times)) {
			return f
		}
		return artifacttest.Fault{}
	})
}
