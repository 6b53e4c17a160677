package artifact_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
)

func TestLoserGetsErrLost(t *testing.T) {
	w := newWorld(t)
	old, before := w.at, artifacttest.Clone(w.cfg)
	w.grow(1)
	c := artifacttest.Touch(before, 3)
	at, err := w.writer().Append(w.ctx, old, c, nil)
	if !errors.Is(err, artifact.ErrLost) || at != old {
		t.Errorf("got %v, %v, want ErrLost", at, err)
	}
	w.current(w.reader())
}

// A doubled handler makes the same change at the same place, at another time.
func TestDoubledHandler(t *testing.T) {
	w := newWorld(t)
	old, c := w.at, artifacttest.Touch(w.cfg, 1)
	w.grow(1)
	w.time = w.time.Add(1)
	if _, err := w.writer().Append(w.ctx, old, c, w.state); !errors.Is(err, artifact.ErrLost) {
		t.Errorf("got %v, want ErrLost", err)
	}
	w.current(w.reader())
}

func TestLostAnswers(t *testing.T) {
	for _, test := range []struct {
		op   artifacttest.Op
		part string
	}{{artifacttest.OpCreate, "0000000000"}, {artifacttest.OpReplace, "checkpoint"}, {artifacttest.OpCreate, "full-"}, {artifacttest.OpCreate, "manifest"}} {
		for _, lost := range []bool{true, false} {
			w := newWorld(t)
			w.grow(4)
			w.breakDown(test.op, test.part, artifacttest.Fault{Lost: lost}, 1)
			w.grow(1) // a checkpoint is due
			w.store.Inject(nil)
			if w.store.Bytes(w.full(5)) == nil || !strings.Contains(string(w.store.Bytes(checkpointKey)), `"seq":5`) {
				t.Errorf("%s of %s, lost %t: there is no checkpoint", test.op, test.part, lost)
			}
			w.current(w.reader())
			w.grow(7)
			w.current(w.reader())
		}
	}
}

func TestLostAnswersOfNewEpoch(t *testing.T) {
	for _, exists := range []bool{true, false} {
		for _, op := range []artifacttest.Op{artifacttest.OpCreate, artifacttest.OpReplace} {
			w := newWorld(t)
			if exists {
				w.grow(3)
			} else {
				w.store.Lose("")
				w.at = artifact.Position{}
			}
			seen := map[artifacttest.Call]bool{}
			w.store.Inject(func(c artifacttest.Call) artifacttest.Fault {
				if c.Op != op || seen[c] {
					return artifacttest.Fault{}
				}
				seen[c] = true
				return artifacttest.Fault{Err: errBoom, Lost: true}
			})
			w.heal(w.at)
			w.store.Inject(nil)
			w.current(w.reader())
			w.grow(1)
			w.current(w.reader())
		}
	}
}

// A store that fails for good gives an error, and the change is found later: in the log, or not.
func TestAppendFails(t *testing.T) {
	for _, lost := range []bool{true, false} {
		w := newWorld(t)
		c := artifacttest.Touch(w.cfg, 1)
		w.breakDown(artifacttest.OpCreate, "", artifacttest.Fault{Lost: lost}, -1)
		w.store.Counts()
		_, err := w.w.Append(w.ctx, w.at, c, w.state)
		if lost != (err == nil) || err != nil && !errors.Is(err, errBoom) {
			t.Errorf("lost %t: got %v", lost, err)
		}
		if n := w.store.Counts().Total(); n > 8 {
			t.Errorf("%d calls", n)
		}
		w.store.Inject(nil)
		r := w.reader()
		w.poll(r)
		if want := map[bool]int64{true: 1, false: 0}[lost]; r.Position().Seq != want {
			t.Errorf("lost %t: the log ends at %s", lost, r.Position())
		}
	}
}

func TestAppendCancelled(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(w.ctx)
	hold := make(chan struct{})
	w.store.Inject(func(c artifacttest.Call) artifacttest.Fault { cancel(); return artifacttest.Fault{Wait: hold} })
	if _, err := w.w.Append(ctx, w.at, artifacttest.Touch(w.cfg, 1), w.state); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Whatever breaks off while a checkpoint is written, the change is in the log, and the next one writes it.
func TestCrashAroundCheckpoint(t *testing.T) {
	for _, test := range []struct {
		op   artifacttest.Op
		part string
	}{{artifacttest.OpCreate, "full-"}, {artifacttest.OpCreate, "manifest"}, {artifacttest.OpReplace, "checkpoint"}} {
		w := newWorld(t)
		w.grow(4)
		w.breakDown(test.op, test.part, artifacttest.Fault{}, -1)
		w.grow(1)
		w.store.Inject(nil)
		if strings.Contains(string(w.store.Bytes(checkpointKey)), `"seq":5`) {
			t.Fatalf("%s of %s: the checkpoint is written all the same", test.op, test.part)
		}
		w.current(w.reader())
		w.w = w.writer() // the process is gone
		w.grow(1)
		if !strings.Contains(string(w.store.Bytes(checkpointKey)), `"seq":6`) {
			t.Errorf("%s of %s: the checkpoint was not made up for", test.op, test.part)
		}
		w.current(w.reader())
	}
}

// A new epoch that breaks off anywhere leaves a log that can be read, and that the next attempt heals.
func TestCrashInNewEpoch(t *testing.T) {
	for calls := range 30 {
		w := newWorld(t)
		w.grow(7)
		warm := w.reader()
		w.current(warm)
		var left atomic.Int64
		left.Store(int64(calls))
		w.store.Inject(func(artifacttest.Call) artifacttest.Fault {
			if left.Add(-1) < 0 {
				return artifacttest.Fault{Err: errBoom}
			}
			return artifacttest.Fault{}
		})
		w.time = w.time.Add(1e9)
		_, err := w.writer().NewEpoch(w.ctx, w.at, w.cfg)
		w.store.Inject(nil)
		if err == nil {
			if calls < 8 {
				t.Errorf("it took only %d calls", calls)
			}
			return
		}
		fresh := w.reader()
		w.poll(fresh) // the old epoch is still good to read
		w.stands(fresh, w.at, w.cfg)
		w.heal(fresh.Position())
		w.grow(1)
		w.current(fresh)
		w.current(warm)
		w.current(w.reader())
	}
	t.Error("NewEpoch never succeeded")
}

func TestNeverBehind(t *testing.T) {
	w := newWorld(t)
	w.grow(3)
	for name, c := range map[string]artifact.ConfigChange{
		"a lower generation": {Generation: w.cfg.Generation - 1, Compiler: 1},
		"an older compiler":  {Generation: w.cfg.Generation + 1, Compiler: 0},
	} {
		if _, err := w.w.Append(w.ctx, w.at, c, nil); !errors.Is(err, artifact.ErrBehind) {
			t.Errorf("append %s: %v", name, err)
		}
		cfg := artifacttest.Clone(w.cfg)
		cfg.Generation, cfg.Compiler = c.Generation, c.Compiler
		if _, err := w.writer().NewEpoch(w.ctx, w.at, cfg); !errors.Is(err, artifact.ErrBehind) {
			t.Errorf("a new epoch with %s: %v", name, err)
		}
	}
	if _, err := w.w.Append(w.ctx, artifact.Position{}, artifact.ConfigChange{}, nil); err == nil {
		t.Error("append to a log that does not exist")
	}
	// The same generation again is fine: a new compiler, or nothing at all.
	c := artifact.ConfigChange{Generation: w.cfg.Generation, Compiler: 2}
	w.at = w.must(w.w.Append(w.ctx, w.at, c, w.state))
	w.cfg.Compiler = 2
	w.current(w.reader())
}

// The head of a log that is damaged before it holds a higher generation than who heals it knows of.
func TestNewEpochNeverHidesAHigherGeneration(t *testing.T) {
	w := newWorld(t)
	w.grow(2)
	late, at := artifacttest.Clone(w.cfg), w.at
	w.grow(2)
	w.flip(w.entry(at.Seq), 777)
	if _, err := w.writer().NewEpoch(w.ctx, at, late); !errors.Is(err, artifact.ErrBehind) {
		t.Errorf("got %v, want ErrBehind", err)
	}
	w.heal(at)
	w.current(w.reader())
}

func TestTombstone(t *testing.T) {
	w := newWorld(t)
	w.grow(2)
	r := w.reader()
	w.current(r)
	gone := artifact.ConfigChange{Generation: w.cfg.Generation + 1, Compiler: 1, Deleted: true}
	if err := w.cfg.Apply(gone); err != nil {
		t.Fatal(err)
	}
	w.at = w.must(w.w.Append(w.ctx, w.at, gone, w.state))
	w.current(r)
	if !r.State().Deleted || len(r.State().Resources)+len(r.State().Proxies) > 0 {
		t.Errorf("state behind a tombstone: %+v", r.State())
	}
	w.store.Counts()
	w.poll(r)
	if n := w.store.Counts().Total(); n > 0 {
		t.Errorf("%d calls to poll a log that has ended", n)
	}
	w.current(w.reader())
	again := artifact.ConfigChange{Generation: w.cfg.Generation + 1, Compiler: 1}
	if _, err := w.w.Append(w.ctx, w.at, again, w.state); !errors.Is(err, artifact.ErrBehind) {
		t.Errorf("append behind a tombstone: %v", err)
	}
	alive := artifacttest.Mesh(uid, 1)
	alive.Generation = 99
	if _, err := w.writer().NewEpoch(w.ctx, w.at, alive); !errors.Is(err, artifact.ErrBehind) {
		t.Errorf("a new epoch behind a tombstone: %v", err)
	}
}

// What state returns must be what the change leads to, else the checkpoint would tell something else than the chain.
func TestWrongStateIsNeverWritten(t *testing.T) {
	w := newWorld(t)
	w.grow(4)
	wrong := artifacttest.Clone(w.cfg)
	c := artifacttest.Touch(w.cfg, 1)
	w.at = w.must(w.w.Append(w.ctx, w.at, c, func() *artifact.Config { return wrong }))
	if w.store.Bytes(w.full(5)) != nil {
		t.Error("a state that is behind the change was written")
	}
	if err := w.cfg.Apply(c); err != nil {
		t.Fatal(err)
	}
	w.current(w.reader())
}

func TestVerify(t *testing.T) {
	w := newWorld(t)
	w.grow(3)
	other, at := w.writer(), w.at
	for range 2 {
		w.store.Counts()
		if err := other.Verify(w.ctx, at); err != nil {
			t.Error(err)
		}
		if n := w.store.Counts().Total(); n != 2 {
			t.Errorf("%d calls", n)
		}
	}
	w.breakDown(artifacttest.OpGetIfChanged, "", artifacttest.Fault{}, -1)
	if err := other.Verify(w.ctx, at); !errors.Is(err, errBoom) || errors.Is(err, artifact.ErrLost) {
		t.Errorf("a fault: %v", err)
	}
	w.store.Inject(nil)
	saved := w.store.Bytes(checkpointKey)
	for what, harm := range map[string]func(){
		"checkpoint damaged": func() { w.flip(checkpointKey, 99) },
		"checkpoint lost":    func() { w.store.Lose(checkpointKey) },
		"log wiped":          func() { w.store.Lose("") },
	} {
		harm()
		if err := other.Verify(w.ctx, at); !errors.Is(err, artifact.ErrLost) {
			t.Errorf("%s: %v", what, err)
		}
		w.store.Put(checkpointKey, saved)
	}
	w.grow(1)
	if err := other.Verify(w.ctx, at); !errors.Is(err, artifact.ErrLost) {
		t.Errorf("grown: %v", err)
	}
}

// A writer that slept so long that the collector took what follows learns from the checkpoint that it was overtaken.
func TestVerifyBehindTheCollector(t *testing.T) {
	w := newWorld(t)
	w.grow(1)
	other, at := w.writer(), w.at
	w.grow(200) // several checkpoints
	for _, key := range w.store.Keys("") {
		if key == w.entry(at.Seq) {
			w.store.Lose(key)
		}
	}
	if err := other.Verify(w.ctx, at); !errors.Is(err, artifact.ErrLost) {
		t.Errorf("overtaken by 200 changes: %v", err)
	}
}
