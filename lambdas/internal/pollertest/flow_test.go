package pollertest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/adapters/sqs"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/lambdas/internal/batch"
	"github.com/ownmesh/ownmesh/lambdas/internal/dispatch"
	"github.com/ownmesh/ownmesh/lambdas/internal/instances"
	"github.com/ownmesh/ownmesh/lambdas/internal/pollertest"
	"github.com/ownmesh/ownmesh/lambdas/internal/sweep"
)

// installation is everything between a commit and the logs: a table with its stream, the Lambdas' handlers, the queues.
type installation struct {
	t                         *testing.T
	table                     *pollertest.Table
	stream                    *pollertest.Stream
	registry                  *bolt.Registry
	objects                   *artifacttest.Memory
	compile, register, poison *pollertest.Queue
	sweep                     sweep.Handler
	version                   int64
}

var options = compile.Options{Interception: resource.Transparent}

func install(t *testing.T) *installation {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "mesh.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := bolt.OpenRegistry(filepath.Join(t.TempDir(), "instances.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.Close(), r.Close() })
	quiet := slog.New(slog.DiscardHandler)
	i := &installation{t: t, registry: r, objects: artifacttest.NewMemory(), poison: &pollertest.Queue{}}
	i.stream = &pollertest.Stream{BatchSize: 10, Retries: 5}
	i.table = &pollertest.Table{Store: s, Stream: i.stream}
	compiler := batch.Compile(reconcile.NewCompiler(reconcile.CompilerOptions{Store: i.table, Objects: i.objects, Now: time.Now, Compile: options}).Handle, quiet)
	registrar := batch.Register(reconcile.NewRegistrar(reconcile.RegistrarOptions{Store: i.table, Registry: r, Objects: i.objects, Now: time.Now}), quiet)
	compiler.Patience, registrar.Patience = time.Millisecond, time.Millisecond
	i.compile = &pollertest.Queue{Handler: compiler, BatchSize: 10, Visibility: 3, MaxReceive: 5}
	i.register = &pollertest.Queue{Handler: registrar, BatchSize: 10, Visibility: 3, MaxReceive: 5}
	i.stream.Handler = dispatch.Handler{Compile: i.compile, Register: i.register, Poison: i.poison, Logger: quiet}
	i.sweep = sweep.Handler{
		Store: i.table, Objects: i.objects, Compile: i.compile, Register: i.register, Logger: quiet,
		Collector: artifact.NewCollector(i.objects, artifact.CollectorOptions{Now: time.Now}),
	}
	return i
}

func (i *installation) must(err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
}

func (i *installation) mesh(name string) (uid string) {
	uid = uuid.NewString()
	m := store.Mesh{Generation: 1, Owner: "000000000000"}
	m.Resource = record(resource.KindMesh, name, `{}`)
	m.UID = uid
	i.must(i.table.CreateMesh(i.t.Context(), m, nil, uuid.NewString(), "test"))
	return uid
}

func record(kind resource.Kind, name, spec string) resource.Resource {
	now := time.Unix(1_700_000_000, 0).UTC()
	return resource.Resource{Key: resource.Key{Kind: kind, Name: name}, UID: uuid.NewString(), Version: 1, CreatedAt: now, UpdatedAt: now, Spec: json.RawMessage(spec)}
}

func (i *installation) commit(uid string, fill func(*store.Commit)) {
	m, err := i.table.MeshByUID(i.t.Context(), uid)
	i.must(err)
	c := store.Commit{MeshUID: uid, IfGeneration: m.Generation, RequestID: uuid.NewString(), Caller: "test", At: time.Now()}
	fill(&c)
	i.must(i.table.Commit(i.t.Context(), c))
}

// node commits a virtual node that names a service of Cloud Map.
func (i *installation) node(uid, name, service string, port int) {
	r := store.Record{Resource: record(resource.KindVirtualNode, name, fmt.Sprintf(
		`{"listeners":[{"portMapping":{"port":%d,"protocol":"http"}}],"serviceDiscovery":{"awsCloudMap":{"namespaceName":"n","serviceName":%q}}}`, port, service))}
	i.commit(uid, func(c *store.Commit) { c.Put = &r })
}

// instance registers or deregisters one as the API does it.
func (i *installation) instance(service, id string, present bool) {
	key := endpoint.ServiceKey{Namespace: "n", Service: service}
	if i.version++; present {
		i.must(i.registry.Register(i.t.Context(), endpoint.Instance{Namespace: "n", Service: service, ID: id, IPv4: "10.0.0.1", Version: i.version}))
	} else {
		i.must(i.registry.Deregister(i.t.Context(), key, id))
	}
	instances.Tell(i.table, i.register, slog.New(slog.DiscardHandler))(key)
}

// drain lets everything that is under way come to its end.
func (i *installation) drain() {
	i.stream.Drain(i.t.Context())
	i.compile.Drain(i.t.Context())
	i.register.Drain(i.t.Context())
}

// check compares a mesh's logs with what the store and the registry say, compiled offline.
func (i *installation) check(uid string) {
	i.t.Helper()
	m, err := i.table.MeshByUID(i.t.Context(), uid)
	i.must(err)
	state := compile.State{Mesh: m.Resource, Generation: m.Generation, Deleted: m.Deleted, Resources: map[resource.Key]resource.Resource{}}
	page, _, err := i.table.Page(i.t.Context(), uid, "", 1000)
	i.must(err)
	want := map[endpoint.ServiceKey]map[string]endpoint.Instance{}
	for _, r := range page {
		state.Resources[r.Key] = r
		spec, err := resource.Decode[resource.VirtualNodeSpec](r.Spec)
		i.must(err)
		key := endpoint.ServiceKey{Namespace: "n", Service: spec.ServiceDiscovery.AWSCloudMap.ServiceName}
		want[key] = map[string]endpoint.Instance{}
		known, err := i.registry.Instances(i.t.Context(), key)
		i.must(err)
		for _, instance := range known {
			want[key][instance.ID] = instance
		}
	}
	config := artifact.NewReader(i.objects, uid, artifact.ConfigLog, artifact.ReaderOptions{})
	_, err = config.Poll(i.t.Context())
	i.must(err)
	whole := compile.Compile(options, state).Config()
	if d := artifact.Diff(whole, config.State()); !d.Empty() || config.State().Generation != m.Generation {
		i.t.Errorf("mesh %s: its config log is at generation %d of %d and differs: %v", m.Name, config.State().Generation, m.Generation, d)
	}
	endpoints := artifact.NewReader(i.objects, uid, artifact.EndpointsLog, artifact.ReaderOptions{})
	_, err = endpoints.Poll(i.t.Context())
	i.must(err)
	got := endpoints.State().Services
	for _, services := range []map[endpoint.ServiceKey]map[string]endpoint.Instance{got, want} {
		for _, instances := range services {
			for id, instance := range instances {
				instance.Version = 0 // a version alone is no news to proxies, and not written
				instances[id] = instance
			}
		}
	}
	if !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
		i.t.Errorf("mesh %s: its endpoints log says %v, want %v", m.Name, got, want)
	}
}

// TestCommitsReachTheLogs without a fault and without a sweep.
func TestCommitsReachTheLogs(t *testing.T) {
	t.Parallel()
	i := install(t)
	shop, other := i.mesh("shop"), i.mesh("other")
	i.node(shop, "cart", "cart", 8080)
	i.node(other, "cart", "cart", 8080)
	i.drain()
	i.instance("cart", "a", true)
	i.node(shop, "order", "order", 8080)
	i.drain()
	i.check(shop)
	i.check(other)
	if len(i.stream.GivenUp)+i.poison.Len()+len(i.compile.Dead)+len(i.register.Dead)+len(i.compile.Broken)+len(i.register.Broken) > 0 {
		t.Error("something was set aside")
	}
}

// TestWhateverHappensToMessages: they are lost, doubled, late and refused, records are poison, the artifact store fails,
// and everything is polled in any order. After one sweep the logs are what the store says, compiled offline.
func TestWhateverHappensToMessages(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			i := install(t)
			uids := []string{i.mesh("a"), i.mesh("b"), i.mesh("c")}
			rough(i, random)
			for range 250 {
				step(i, random, uids)
			}
			i.drain() // the last messages are lost as those before were
			calm(i)
			_, err := i.sweep.Invoke(t.Context(), []byte(`{}`))
			i.must(err)
			i.drain()
			for _, uid := range uids {
				i.check(uid)
			}
			if len(i.compile.Broken)+len(i.register.Broken) > 0 {
				t.Errorf("order was broken: %v %v", i.compile.Broken, i.register.Broken)
			}
		})
	}
}

// rough makes everything unreliable.
func rough(i *installation, random *rand.Rand) {
	often := func(n int) func(sqs.Message) bool { return func(sqs.Message) bool { return random.IntN(n) == 0 } }
	down := errors.New("down")
	for _, q := range []*pollertest.Queue{i.compile, i.register} {
		q.Lose, q.Double = often(5), often(4)
		q.Refuse = func(sqs.Message) error {
			if random.IntN(10) == 0 {
				return down
			}
			return nil
		}
	}
	faults := rand.New(rand.NewPCG(random.Uint64(), 2)) // meshes are handled beside each other
	var mu sync.Mutex
	i.objects.Inject(func(artifacttest.Call) artifacttest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if faults.IntN(30) == 0 {
			return artifacttest.Fault{Err: down, Lost: faults.IntN(2) == 0}
		}
		return artifacttest.Fault{}
	})
}

func calm(i *installation) {
	for _, q := range []*pollertest.Queue{i.compile, i.register} {
		q.Lose, q.Double, q.Refuse = nil, nil, nil
	}
	i.objects.Inject(nil)
}

func step(i *installation, random *rand.Rand, uids []string) {
	ctx := i.t.Context()
	uid, name := uids[random.IntN(len(uids))], fmt.Sprint("node", random.IntN(4))
	key := resource.Key{Kind: resource.KindVirtualNode, Name: name}
	switch random.IntN(9) {
	case 0, 1:
		i.node(uid, name, fmt.Sprint("service", random.IntN(3)), 8000+random.IntN(100))
	case 2:
		if _, err := i.table.Get(ctx, uid, key); err == nil {
			i.commit(uid, func(c *store.Commit) { c.Delete = &key })
		}
	case 3:
		i.instance(fmt.Sprint("service", random.IntN(3)), fmt.Sprint("i", random.IntN(4)), random.IntN(3) > 0)
	case 4, 5:
		i.stream.Poll(ctx, fmt.Sprint("shard-", random.IntN(2)))
	case 6:
		i.compile.Poll(ctx, random)
		i.compile.Tick()
	case 7:
		i.register.Poll(ctx, random)
		i.register.Tick()
	default: // late, about the past, about nobody, or not to be understood
		i.stream.Put(pollertest.Shard(uid), []byte(`{"eventName":"MODIFY","dynamodb":{"Keys":{"pk":{"S":"`+uid+`"}},"NewImage":{"generation":{"S":"poison"}}}}`))
		for n, body := range []string{`{"uid":"` + uid + `","generation":1}`, `{"uid":"nobody","generation":3}`, `{`} {
			i.compile.Send(ctx, sqs.Message{Group: []string{uid, "nobody", uid}[n], Body: body})
		}
	}
}

// TestAMeshThatFailsHoldsUpNoOther: its log can't be written for as long as it lasts, and the others' are.
func TestAMeshThatFailsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	i := install(t)
	bad, good := i.mesh("bad"), i.mesh("good")
	i.objects.Inject(func(c artifacttest.Call) artifacttest.Fault {
		if strings.HasPrefix(c.Key, events.MeshPrefix(bad)) {
			return artifacttest.Fault{Err: errors.New("access denied")}
		}
		return artifacttest.Fault{}
	})
	i.stream.Drain(t.Context())
	for n := range 5 {
		i.node(bad, "cart", "cart", 8080+n)
		i.node(good, "cart", "cart", 8080+n)
		i.stream.Drain(t.Context())
		i.compile.Poll(t.Context(), nil)
		i.register.Poll(t.Context(), nil)
		i.check(good)
	}
	i.drain()
	dead := map[string]int{}
	for _, m := range i.compile.Dead {
		dead[m.Group]++
	}
	if dead[bad] == 0 || len(dead) != 1 || len(i.stream.GivenUp) > 0 {
		t.Errorf("in the dead-letter queue: %v; the stream gave up %v", maps.Clone(dead), i.stream.GivenUp)
	}
	i.objects.Inject(nil)
	_, err := i.sweep.Invoke(t.Context(), []byte(`{"time":"2026-01-01T00:05:00Z"}`))
	i.must(err)
	i.drain()
	i.check(bad)
}
