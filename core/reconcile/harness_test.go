package reconcile_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// world is a store, a registry and an artifact store, with handlers over them.
type world struct {
	t        *testing.T
	store    *bolt.Store
	registry *bolt.Registry
	objects  *artifacttest.Memory

	mu       sync.Mutex
	appended []events.LogAppended
	now      time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	s, err := bolt.Open(filepath.Join(dir, "mesh.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := bolt.OpenRegistry(filepath.Join(dir, "instances.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.Close(), r.Close() })
	return &world{t: t, store: s, registry: r, objects: artifacttest.NewMemory(), now: time.Unix(1_700_000_000, 0).UTC()}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(time.Second)
	return w.now
}

func (w *world) note(e events.LogAppended) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.appended = append(w.appended, e)
}

func (w *world) compiler() *reconcile.Compiler {
	return reconcile.NewCompiler(reconcile.CompilerOptions{
		Store: w.store, Objects: w.objects, Now: w.clock, Appended: w.note,
		Compile: compile.Options{Interception: resource.Transparent},
	})
}

func (w *world) registrar() *reconcile.Registrar {
	return reconcile.NewRegistrar(reconcile.RegistrarOptions{
		Store: w.store, Registry: w.registry, Objects: w.objects, Now: w.clock, Appended: w.note,
	})
}

// mesh makes a mesh and returns its uid.
func (w *world) mesh(name string) string {
	w.t.Helper()
	uid := uuid.NewString()
	m := store.Mesh{Generation: 1, Owner: "000000000000"}
	m.Resource = w.record(resource.KindMesh, "", name, `{}`)
	m.UID = uid
	w.must(w.store.CreateMesh(w.t.Context(), m, nil, uuid.NewString(), "test"))
	return uid
}

func (w *world) record(kind resource.Kind, parent, name, spec string) resource.Resource {
	now := w.clock()
	return resource.Resource{
		Key: resource.Key{Kind: kind, Parent: parent, Name: name}, UID: uuid.NewString(), Version: 1,
		CreatedAt: now, UpdatedAt: now, Spec: json.RawMessage(spec),
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// put commits a resource, whoever else is committing.
func (w *world) put(mesh string, kind resource.Kind, parent, name, spec string) {
	w.t.Helper()
	r := store.Record{Resource: w.record(kind, parent, name, spec)}
	w.commit(mesh, func(c *store.Commit) { c.Put = &r })
}

func (w *world) remove(mesh string, k resource.Key) {
	w.t.Helper()
	w.commit(mesh, func(c *store.Commit) { c.Delete = &k })
}

func (w *world) commit(mesh string, fill func(*store.Commit)) {
	w.t.Helper()
	for {
		m, err := w.store.MeshByUID(w.t.Context(), mesh)
		w.must(err)
		c := store.Commit{MeshUID: mesh, IfGeneration: m.Generation, RequestID: uuid.NewString(), Caller: "test", At: w.clock()}
		fill(&c)
		if err = w.store.Commit(w.t.Context(), c); err == nil {
			return
		}
		if m2, _ := w.store.MeshByUID(w.t.Context(), mesh); m2.Generation == m.Generation {
			w.t.Fatal(err)
		}
	}
}

// node commits a virtual node found in Cloud Map.
func (w *world) node(mesh, name, service string) {
	w.t.Helper()
	w.put(mesh, resource.KindVirtualNode, "", name, fmt.Sprintf(`{
		"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}],
		"serviceDiscovery":{"awsCloudMap":{"namespaceName":"shop.local","serviceName":%q}}}`, service))
}

func service(name string) endpoint.ServiceKey {
	return endpoint.ServiceKey{Namespace: "shop.local", Service: name}
}

func (w *world) register(name, id, address string) {
	w.t.Helper()
	w.must(w.registry.Register(w.t.Context(), endpoint.Instance{
		Namespace: "shop.local", Service: name, ID: id, IPv4: address, Version: w.clock().UnixNano(),
	}))
}

// published reads the config log from its start.
func (w *world) published(mesh string) (*artifact.Config, artifact.Position) {
	w.t.Helper()
	r := artifact.NewReader(w.objects, mesh, artifact.ConfigLog, artifact.ReaderOptions{})
	_, err := r.Poll(w.t.Context())
	w.must(err)
	return r.State(), r.Position()
}

// instances reads the endpoints log from its start.
func (w *world) instances(mesh string) (*endpoint.State, artifact.Position) {
	w.t.Helper()
	r := artifact.NewReader(w.objects, mesh, artifact.EndpointsLog, artifact.ReaderOptions{})
	_, err := r.Poll(w.t.Context())
	w.must(err)
	return r.State(), r.Position()
}

// whole compiles what the store holds now from nothing.
func (w *world) whole(mesh string) *artifact.Config {
	w.t.Helper()
	m, err := w.store.MeshByUID(w.t.Context(), mesh)
	w.must(err)
	state := compile.State{Mesh: m.Resource, Generation: m.Generation, Deleted: m.Deleted, Resources: map[resource.Key]resource.Resource{}}
	page, _, err := w.store.Page(w.t.Context(), mesh, "", 1000)
	w.must(err)
	for _, r := range page {
		state.Resources[r.Key] = r
	}
	return compile.Compile(compile.Options{Interception: resource.Transparent}, state).Config()
}

func changed(uid string) events.MeshChanged { return events.MeshChanged{UID: uid} }

// persist does what a feed does with a handler that lost its place too often: the message comes again.
func persist(handle func() error) error {
	err := handle()
	for tries := 0; err != nil && tries < 5; tries++ {
		err = handle()
	}
	return err
}
