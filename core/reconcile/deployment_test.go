package reconcile_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/core/task"
)

// The settings of the queue of task events and of the relay, as infra/ has them, and how long AWS's services take to
// answer: rather more than they do.
const (
	batchSize   = 500
	batchWindow = 2 * time.Second
	pollers     = 2
	relayEvery  = time.Second
	tableTakes  = 15 * time.Millisecond
	bucketTakes = 60 * time.Millisecond
	othersTake  = 150 * time.Millisecond
)

// slowObjects, slowLedger and slowStore answer as late as AWS does.
type slowObjects struct{ artifact.Objects }

func (s slowObjects) GetIfChanged(ctx context.Context, key, etag string) ([]byte, string, error) {
	time.Sleep(bucketTakes)
	return s.Objects.GetIfChanged(ctx, key, etag)
}

func (s slowObjects) Get(ctx context.Context, key string) ([]byte, string, error) {
	time.Sleep(bucketTakes)
	return s.Objects.Get(ctx, key)
}

func (s slowObjects) Create(ctx context.Context, key string, data []byte) (string, error) {
	time.Sleep(bucketTakes)
	return s.Objects.Create(ctx, key, data)
}

type slowLedger struct{ endpoint.Ledger }

func (s slowLedger) Register(ctx context.Context, i endpoint.Instance) error {
	time.Sleep(tableTakes)
	return s.Ledger.Register(ctx, i)
}

func (s slowLedger) Remove(ctx context.Context, k endpoint.InstanceKey, version int64) error {
	time.Sleep(tableTakes)
	return s.Ledger.Remove(ctx, k, version)
}

func (s slowLedger) Rows(ctx context.Context, k endpoint.ServiceKey) ([]endpoint.Row, error) {
	time.Sleep(tableTakes)
	return s.Ledger.Rows(ctx, k)
}

type slowStore struct{ reconcile.Meshes }

func (s slowStore) MeshByUID(ctx context.Context, uid string) (store.Mesh, error) {
	time.Sleep(tableTakes)
	return s.Meshes.MeshByUID(ctx, uid)
}

// sent is an event, and when it was sent.
type sent struct {
	task.Task
	at time.Time
}

// poll does what Lambda does with a queue: it gathers a batch for as long as its window, and hands it over.
func poll(queue <-chan sent, handle func([]task.Task)) {
	for first := range queue {
		batch := []task.Task{first.Task}
		window := time.After(batchWindow)
	gather:
		for len(batch) < batchSize {
			select {
			case e, open := <-queue:
				if !open {
					break gather
				}
				batch = append(batch, e.Task)
			case <-window:
				break gather
			}
		}
		handle(batch)
	}
}

// TestDeployment: 200 tasks are replaced, at the pace at which Fargate starts them. That is a handful of changes to the
// log, and a relay has heard of each task that stops within 5 s of its event. Tasks of cart are registered by a
// binding, those of stock by ECS.
func TestDeployment(t *testing.T) {
	for _, service := range []string{"cart", "stock"} {
		t.Run(service+" at Fargate's pace", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { deploy(t, service, 20, 20) })
		})
		t.Run(service+" at once", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { deploy(t, service, 1000, 6) })
		})
	}
}

const deployed = 200

// deploy replaces the tasks of an ECS service, some a second, which must not take more log objects than most.
func deploy(t *testing.T, name string, pace int, most int64) {
	w, a := newWorldIn(t, t.TempDir()), newAccount()
	a.ecs("stock", service("stock"))
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.node(mesh, "stock-vn", "stock")
	w.bind(mesh, "cart", "cart", "cart-vn", "")
	for n := range deployed {
		a.run(name, fmt.Sprintf("old%03d", n))
	}
	w.must(w.inAWS(a).Handle(t.Context(), changed(mesh)))
	a.fault = func(string) error { // answers late; outside the account's lock
		a.mu.Unlock()
		time.Sleep(othersTake)
		a.mu.Lock()
		return nil
	}
	_, before := w.instances(mesh)

	queue := make(chan sent, 10_000)
	var handlers sync.WaitGroup
	batches := make(chan int, 10_000)
	for range pollers {
		r := reconcile.NewRegistrar(reconcile.RegistrarOptions{
			Store: slowStore{w.store}, Registry: endpoint.Overlay{Ledger: slowLedger{w.registry}, Foreign: a}, Directory: a, Tasks: a,
			Objects: slowObjects{w.objects}, Now: time.Now,
		})
		handlers.Go(func() {
			poll(queue, func(batch []task.Task) {
				w.must(persist(func() error { return r.TasksChanged(t.Context(), mesh, batch) }))
				batches <- len(batch)
			})
		})
	}
	stopped := map[string]time.Time{}
	var mu sync.Mutex
	gone := make(chan []time.Duration)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { gone <- relayLags(ctx, w.objects, mesh, service(name), &mu, stopped) }()
	for n := range 2 * deployed {
		time.Sleep(time.Second / time.Duration(pace))
		var e task.Task
		if n < deployed {
			e = a.run(name, fmt.Sprintf("new%03d", n))
		} else {
			e = a.stop(name, fmt.Sprintf("old%03d", n-deployed))
			mu.Lock()
			stopped[e.ID()] = time.Now()
			mu.Unlock()
		}
		queue <- sent{e, time.Now()}
	}
	close(queue)
	handlers.Wait()
	time.Sleep(3 * relayEvery)
	cancel()
	lags := <-gone
	slices.Sort(lags)
	state, after := w.instances(mesh)
	objects := after.Seq - before.Seq
	if len(lags) != deployed || len(state.Services[service(name)]) != deployed {
		t.Fatalf("%d of %d tasks are gone, %d are there", len(lags), deployed, len(state.Services[service(name)]))
	}
	p50, p99, worst := lags[deployed/2], lags[deployed*99/100], lags[deployed-1]
	t.Logf("%s at %d a second: %d events in %d batches, %d log objects; gone at the relay after p50 %v, p99 %v, worst %v; Cloud Map and ECS: %v",
		name, pace, 2*deployed, len(batches), objects, p50, p99, worst, a.calls)
	if p99 > 5*time.Second {
		t.Errorf("a task that stops is gone after %v (p99), want 5 s at most", p99)
	}
	if objects > most {
		t.Errorf("%d log objects for %d events, want %d at most", objects, 2*deployed, most)
	}
}

// relayLags polls the endpoints log as a relay does, until ctx ends, and says how long each stopped task was there still.
func relayLags(ctx context.Context, objects artifact.Objects, mesh string, s endpoint.ServiceKey, mu *sync.Mutex, stopped map[string]time.Time) []time.Duration {
	r := artifact.NewReader(objects, mesh, artifact.EndpointsLog, artifact.ReaderOptions{Now: time.Now})
	var lags []time.Duration
	done := map[string]bool{}
	for ctx.Err() == nil {
		time.Sleep(relayEvery)
		if _, err := r.Poll(context.WithoutCancel(ctx)); err != nil {
			continue
		}
		mu.Lock()
		for id, at := range stopped {
			if _, there := r.State().Services[s][id]; !there && !done[id] {
				done[id] = true
				lags = append(lags, time.Since(at))
			}
		}
		mu.Unlock()
	}
	return lags
}

// newWorldIn is newWorld with its files opened here, so that they live in the bubble of a test with a clock of its own.
func newWorldIn(t *testing.T, dir string) *world {
	t.Helper()
	s, err := bolt.Open(filepath.Join(dir, "mesh.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := bolt.OpenRegistry(filepath.Join(dir, "instances.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.Close(), r.Close() })
	return &world{t: t, store: s, registry: r, objects: artifacttest.NewMemory(), now: time.Now()}
}
