package status_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/status"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

const uid = "0b8b6c6e"

// world is one mesh named shop, and what relays say of it.
type world struct {
	t       *testing.T
	objects *artifacttest.Memory
	mesh    store.Mesh

	mu    sync.Mutex
	told  []events.Event
	fails error
}

func (w *world) MeshByUID(context.Context, string) (store.Mesh, error) {
	if w.mesh.UID == "" {
		return w.mesh, store.ErrNotFound
	}
	return w.mesh, nil
}

func (w *world) Publish(_ context.Context, all ...events.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails != nil {
		return w.fails
	}
	w.told = append(w.told, all...)
	return nil
}

var now = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	w := &world{t: t, objects: artifacttest.NewMemory()}
	w.mesh.Key, w.mesh.UID, w.mesh.Owner = resource.Key{Kind: resource.KindMesh, Name: "shop"}, uid, "123456789012"
	return w
}

func (w *world) converger() *status.Converger {
	return &status.Converger{
		Reader: status.Reader{Objects: w.objects, Now: func() time.Time { return now }},
		Store:  w, Events: w, Place: notice.Place{Partition: "aws", Region: "eu-west-1"},
	}
}

func (w *world) put(key string, v any) {
	w.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	w.objects.Put(key, data)
}

func (w *world) published(generation int64) {
	w.put(events.ReportPath(uid), resource.Report{MeshUID: uid, Generation: generation})
}

func (w *world) relay(name string, age time.Duration, proxies ...events.ProxyStatus) {
	w.put(events.StatusPath(uid, name), events.RelayStatus{Relay: name, MeshUID: uid, At: now.Add(-age), Proxies: proxies})
}

func proxy(instance string, generation int64, state events.ProxyState) events.ProxyStatus {
	return events.ProxyStatus{Resource: "virtualNode/cart", Instance: instance, Generation: generation, State: state}
}

// look has the mesh looked at, and says how many events were told of in all.
func (w *world) look(wantDone bool) int {
	w.t.Helper()
	done, err := w.converger().Handle(w.t.Context(), uid)
	if err != nil || done != wantDone {
		w.t.Errorf("done is %v, want %v; %v", done, wantDone, err)
	}
	return len(w.told)
}

func TestToldOnceAGeneration(t *testing.T) {
	w := newWorld(t)
	steps := []struct {
		what string
		do   func()
		done bool
		told int
	}{
		{"nothing is published", func() {}, true, 0},
		{"nobody is connected", func() { w.published(2) }, false, 0},
		{"one of two is behind", func() {
			w.relay("a", 0, proxy("1", 2, events.Current))
			w.relay("b", 0, proxy("2", 1, events.Behind))
		}, false, 0},
		{"one has refused", func() { w.relay("b", 0, proxy("2", 1, events.Rejected)) }, false, 0},
		{"one has not heard of it", func() { w.relay("b", 0, proxy("2", 1, events.Current)) }, false, 0},
		{"all have it", func() { w.relay("b", 0, proxy("2", 2, events.Current)) }, true, 1},
		{"and still do", func() {}, true, 1},
		{"one more comes and is behind", func() { w.relay("b", 0, proxy("2", 2, events.Current), proxy("3", 0, events.Behind)) }, true, 1},
		{"the next is published", func() { w.published(3) }, false, 1},
		{"all have it but one of a relay that is gone", func() {
			w.relay("a", 0, proxy("1", 3, events.Current))
			w.relay("b", 91*time.Second, proxy("2", 2, events.Current))
		}, true, 2},
		{"an older one is published again", func() { w.published(2); w.relay("a", 0, proxy("1", 2, events.Current)) }, true, 2},
		{"the mesh is deleted", func() { w.published(4); w.relay("a", 0, proxy("1", 4, events.Current)); w.mesh.Deleted = true }, true, 2},
		{"and forgotten", func() { w.mesh = store.Mesh{} }, true, 2},
	}
	for _, s := range steps {
		s.do()
		if told := w.look(s.done); told != s.told {
			t.Errorf("%s: %d events, want %d", s.what, told, s.told)
		}
	}
	want := events.MeshConverged{
		About:   events.About{Mesh: "shop", MeshUID: uid, Generation: 2, Time: now},
		Proxies: 2, Relays: 2,
	}.Event("arn:aws:appmesh:eu-west-1:123456789012:mesh/shop")
	if got := w.told[0]; got.Detail != want.Detail || got.Resources[0] != want.Resources[0] {
		t.Errorf("told %+v, want %+v", got, want)
	}
}

// Whoever is told to look at the same time, one of them tells.
func TestManyLookAndOneTells(t *testing.T) {
	w := newWorld(t)
	w.published(1)
	w.relay("a", 0, proxy("1", 1, events.Current))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := w.converger().Handle(t.Context(), uid); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(w.told) != 1 {
		t.Errorf("told %d times", len(w.told))
	}
}

// A store that has done what it was asked, and whose answer was lost, says of the next attempt that somebody was faster.
func TestLostAnswersLoseNoEvent(t *testing.T) {
	for _, op := range []artifacttest.Op{artifacttest.OpCreate, artifacttest.OpReplace} {
		for _, mine := range []bool{true, false} {
			w := newWorld(t)
			if op == artifacttest.OpReplace {
				w.put(events.ConvergedPath(uid), map[string]any{"generation": 1})
			}
			w.published(2)
			w.relay("a", 0, proxy("1", 2, events.Current))
			w.objects.Inject(func(c artifacttest.Call) artifacttest.Fault {
				if c.Op != op {
					return artifacttest.Fault{}
				}
				if !mine {
					w.objects.Put(events.ConvergedPath(uid), []byte(`{"generation":2,"by":"another"}`))
				}
				return artifacttest.Fault{Err: map[artifacttest.Op]error{artifacttest.OpCreate: artifact.ErrExists, artifacttest.OpReplace: artifact.ErrChanged}[op], Lost: mine}
			})
			want := 0
			if mine {
				want = 1
			}
			if got := w.look(mine); got != want {
				t.Errorf("%s, its own word %v: told %d times", op, mine, got)
			}
			w.objects.Inject(nil)
			if got := w.look(true); got != want {
				t.Errorf("%s, its own word %v, at the next look: told %d times", op, mine, got)
			}
		}
	}
}

func TestWhatCouldNotBeToldIsToldLater(t *testing.T) {
	w := newWorld(t)
	w.published(1)
	w.relay("a", 0, proxy("1", 1, events.Current))
	w.fails = errors.New("the bus is gone")
	for range 2 {
		if done, err := w.converger().Handle(t.Context(), uid); done || !errors.Is(err, w.fails) {
			t.Fatalf("done is %v, %v", done, err)
		}
	}
	w.fails = nil
	if w.look(true) != 1 {
		t.Errorf("told %d times", len(w.told))
	}
	w.objects.Put(events.ConvergedPath(uid), []byte("damage"))
	w.published(2)
	w.relay("a", 0, proxy("1", 2, events.Current))
	if w.look(true) != 2 {
		t.Errorf("after damage: told %d times", len(w.told))
	}
}
