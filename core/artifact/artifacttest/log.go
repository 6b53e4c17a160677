package artifacttest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/events"
)

// RunLog tests that the logs work over the artifact store that open gives: an empty one of its own for each test.
// What needs faults is tested over Memory, beside the logs themselves.
func RunLog(t *testing.T, open func(t *testing.T) artifact.Objects) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, artifact.Objects)
	}{
		{"follow and open", logFollow},
		{"exactly one change follows each", logRace},
		{"a new epoch", logEpoch},
		{"endpoints and tombstone", logEndpoints},
		{"collect and rebuild", logCollect},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

const logUID = "6e1f"

func openLog(o artifact.Objects) *artifact.Reader[*artifact.Config, artifact.ConfigChange] {
	return artifact.NewReader(o, logUID, artifact.ConfigLog, artifact.ReaderOptions{})
}

func writeLog(o artifact.Objects, now func() time.Time) *artifact.Writer[*artifact.Config, artifact.ConfigChange] {
	return artifact.NewWriter(o, logUID, artifact.ConfigLog, artifact.WriterOptions{Now: now, CheckpointChanges: 4})
}

func clock() func() time.Time {
	now := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	return func() time.Time { now = now.Add(time.Second); return now }
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// grow appends changes one after the other.
func grow(t *testing.T, w *artifact.Writer[*artifact.Config, artifact.ConfigChange], at artifact.Position, cfg *artifact.Config, changes int) artifact.Position {
	t.Helper()
	for i := range changes {
		c := Touch(cfg, i%len(cfg.Proxies))
		if err := cfg.Apply(c); err != nil {
			t.Fatal(err)
		}
		at = must[artifact.Position](t)(w.Append(context.Background(), at, c, func() *artifact.Config { return cfg }))
	}
	return at
}

func reads(t *testing.T, r *artifact.Reader[*artifact.Config, artifact.ConfigChange], at artifact.Position, cfg *artifact.Config) {
	t.Helper()
	must[any](t)(r.Poll(context.Background()))
	if r.Position() != at {
		t.Errorf("reader is at %+v, want %+v", r.Position(), at)
	}
	if diff := Difference(cfg, r.State()); diff != "" {
		t.Errorf("reader's state (-want +got):\n%s", diff)
	}
}

func logFollow(t *testing.T, o artifact.Objects) {
	ctx, r := context.Background(), openLog(o)
	if steps, err := r.Poll(ctx); err != nil || len(steps) > 0 || r.Exists() {
		t.Fatalf("no log: %v, %v, %v", steps, err, r.Exists())
	}
	if _, _, err := artifact.ReadManifest(ctx, o, logUID); !errors.Is(err, artifact.ErrNotFound) {
		t.Fatalf("manifest of no log: %v", err)
	}
	w, cfg := writeLog(o, clock()), Mesh(logUID, 5)
	at := must[artifact.Position](t)(w.NewEpoch(ctx, artifact.Position{}, cfg))
	reads(t, r, at, cfg)
	for range 11 {
		at = grow(t, w, at, cfg, 1)
		reads(t, r, at, cfg)
		reads(t, openLog(o), at, cfg)
		manifest, place, err := artifact.ReadManifest(ctx, o, logUID)
		if err != nil || place != at {
			t.Fatalf("manifest at %v, %v, want %v", place, err, at)
		}
		if c := artifact.Diff(manifest, cfg); !c.Empty() || c.Generation != manifest.Generation {
			t.Errorf("the manifest differs from the state: %+v", c)
		}
		if err := w.Verify(ctx, at); err != nil {
			t.Errorf("verify: %v", err)
		}
	}
}

func logRace(t *testing.T, o artifact.Objects) {
	ctx, cfg := context.Background(), Mesh(logUID, 5)
	first := must[artifact.Position](t)(writeLog(o, clock()).NewEpoch(ctx, artifact.Position{}, cfg))
	const writers, each = 3, 8
	var all sync.WaitGroup
	for n := range writers {
		all.Go(func() {
			r, w := openLog(o), writeLog(o, clock())
			for won := 0; won < each; {
				if _, err := r.Poll(ctx); err != nil {
					t.Error(err)
					return
				}
				state := Clone(r.State())
				c := Touch(state, n)
				if err := state.Apply(c); err != nil {
					t.Error(err)
					return
				}
				switch _, err := w.Append(ctx, r.Position(), c, func() *artifact.Config { return state }); {
				case err == nil:
					won++
				case !errors.Is(err, artifact.ErrLost):
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	r := openLog(o)
	must[any](t)(r.Poll(ctx))
	if r.Position().Seq != first.Seq+writers*each || r.State().Generation != 1+writers*each {
		t.Errorf("ended at %s, generation %d, after %d changes", r.Position(), r.State().Generation, writers*each)
	}
}

func logEpoch(t *testing.T, o artifact.Objects) {
	ctx, now, cfg := context.Background(), clock(), Mesh(logUID, 5)
	w := writeLog(o, now)
	at := must[artifact.Position](t)(w.NewEpoch(ctx, artifact.Position{}, cfg))
	at = grow(t, w, at, cfg, 2)
	behind, late := openLog(o), writeLog(o, now)
	must[any](t)(behind.Poll(ctx))
	old := at
	at = must[artifact.Position](t)(w.NewEpoch(ctx, at, cfg))
	if at.Compare(old) <= 0 {
		t.Errorf("the new epoch is at %s, the old one was at %s", at, old)
	}
	if _, err := late.Append(ctx, old, Touch(cfg, 0), func() *artifact.Config { return cfg }); !errors.Is(err, artifact.ErrLost) {
		t.Errorf("append to an epoch that has ended: %v", err)
	}
	if _, err := late.NewEpoch(ctx, old, cfg); !errors.Is(err, artifact.ErrLost) {
		t.Errorf("a second epoch after the same place: %v", err)
	}
	if err := late.Verify(ctx, old); !errors.Is(err, artifact.ErrLost) {
		t.Errorf("verify a place in an epoch that has ended: %v", err)
	}
	at = grow(t, w, at, cfg, 1)
	reads(t, behind, at, cfg)
	reads(t, openLog(o), at, cfg)
}

func logEndpoints(t *testing.T, o artifact.Objects) {
	ctx := context.Background()
	w := artifact.NewWriter(o, logUID, artifact.EndpointsLog, artifact.WriterOptions{Now: clock()})
	r := artifact.NewReader(o, logUID, artifact.EndpointsLog, artifact.ReaderOptions{})
	cart := endpoint.ServiceKey{Namespace: "shop.local", Service: "cart"}
	state := &endpoint.State{Services: map[endpoint.ServiceKey]map[string]endpoint.Instance{cart: {}}}
	at := must[artifact.Position](t)(w.NewEpoch(ctx, artifact.Position{}, state))
	for _, c := range []endpoint.Change{
		{Put: []endpoint.Instance{{Namespace: "shop.local", Service: "cart", ID: "i-1", IPv4: "10.0.0.1", Version: 1, Ports: map[int]int{8080: 18080}}}},
		{AddServices: []endpoint.ServiceKey{{Namespace: "shop.local", Service: "stock"}}},
		{Deleted: true},
	} {
		state.Apply(c)
		state.Deleted = c.Deleted
		at = must[artifact.Position](t)(w.Append(ctx, at, c, func() *endpoint.State { return state }))
		must[any](t)(r.Poll(ctx))
		fresh := artifact.NewReader(o, logUID, artifact.EndpointsLog, artifact.ReaderOptions{})
		must[any](t)(fresh.Poll(ctx))
		for _, r := range []*artifact.Reader[*endpoint.State, endpoint.Change]{r, fresh} {
			if diff := cmp.Diff(len(state.Services), len(r.State().Services)); diff != "" || r.Position() != at {
				t.Errorf("at %s, want %s: services (-want +got): %s", r.Position(), at, diff)
			}
		}
	}
	if _, err := w.Append(ctx, at, endpoint.Change{}, nil); !errors.Is(err, artifact.ErrBehind) {
		t.Errorf("append behind a tombstone: %v", err)
	}
}

func logCollect(t *testing.T, o artifact.Objects) {
	ctx, now, cfg := context.Background(), clock(), Mesh(logUID, 5)
	w := writeLog(o, now)
	at := must[artifact.Position](t)(w.NewEpoch(ctx, artifact.Position{}, cfg))
	kept := map[artifact.Position]*artifact.Config{at: Clone(cfg)}
	for range 14 {
		at = grow(t, w, at, cfg, 1)
		kept[at] = Clone(cfg)
	}
	far := func() time.Time { return now().Add(40 * 24 * time.Hour) }
	deleted := must[int](t)(artifact.NewCollector(o, artifact.CollectorOptions{Now: far}).Collect(ctx, logUID))
	if deleted == 0 {
		t.Fatal("nothing was collected")
	}
	r, rebuilt := openLog(o), 0
	for place, want := range kept {
		got, at, err := r.Rebuild(ctx, place.Epoch, place.Seq)
		if errors.Is(err, artifact.ErrNotFound) {
			continue
		}
		if err != nil || at != place {
			t.Fatalf("rebuild %s: %s, %v", place, at, err)
		}
		if diff := Difference(want, got); diff != "" {
			t.Errorf("rebuild %s (-want +got):\n%s", place, diff)
		}
		rebuilt++
	}
	if rebuilt == 0 || rebuilt == len(kept) {
		t.Errorf("%d of %d states can be rebuilt", rebuilt, len(kept))
	}
	reads(t, openLog(o), at, cfg)
	if keys, err := o.List(ctx, events.LogPrefix(logUID, events.LogConfig), "", 1); err != nil || len(keys) == 0 {
		t.Errorf("list: %v, %v", keys, err)
	}
}
