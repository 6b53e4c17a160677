package reconcile_test

import (
	"testing"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/task"
)

// Two meshes with one Cloud Map service, and with bindings of one name: each takes back and makes known what its own
// binding registered, and leaves the other's alone.
func TestMeshesBesideEachOtherInOneService(t *testing.T) {
	w, a := newWorld(t), newAccount()
	first, second := w.mesh("first"), w.mesh("second")
	for _, mesh := range []string{first, second} {
		w.node(mesh, "cart-vn", "cart")
	}
	w.bind(first, "cart", "one", "cart-vn", "")
	w.bind(second, "cart", "two", "cart-vn", "")
	r := w.inAWS(a)
	both := []string{first, second}
	sweep := func() {
		t.Helper()
		for _, mesh := range both {
			w.must(r.Handle(t.Context(), changed(mesh)))
		}
	}
	sweep() // the first makes the service
	run := []task.Task{a.run("one", "t1"), a.run("two", "t2")}
	for _, mesh := range both {
		w.must(r.TasksChanged(t.Context(), mesh, run))
	}
	sweep()
	sweep()
	for _, mesh := range both {
		w.wantInstances(mesh, "cart: t1 t2")
	}
	if _, ok := a.instances[endpoint.InstanceKey{ServiceKey: service("cart"), ID: "t1"}]; !ok || len(a.instances) != 1 {
		t.Errorf("Cloud Map has %v, want what the mesh that made the service bound", a.instances)
	}

	// Without its binding the second has nothing of its own there, and takes nothing of the first's.
	w.remove(second, resource.Key{Kind: resource.KindTaskBinding, Name: "cart"})
	sweep()
	sweep()
	for _, mesh := range both {
		w.wantInstances(mesh, "cart: t1")
	}
}

// A mesh that has nothing to do with a service or with tasks costs no request for news of them.
func TestNewsForOthersCostNothing(t *testing.T) {
	w, a := newWorld(t), newAccount()
	idle, busy := w.mesh("idle"), w.mesh("busy")
	w.put(idle, resource.KindVirtualNode, "", "dns-vn", `{"listeners":[{"portMapping":{"port":80,"protocol":"http"}}],"serviceDiscovery":{"dns":{"hostname":"a"}}}`)
	w.node(busy, "stock-vn", "stock")
	r := w.inAWS(a)
	both := []string{idle, busy}
	for _, mesh := range both {
		w.must(r.Handle(t.Context(), changed(mesh)))
	}
	for what, news := range map[string]func() error{
		"tasks":     func() error { return r.TasksChanged(t.Context(), idle, []task.Task{a.run("cart", "t1")}) },
		"instances": func() error { return r.InstancesChanged(t.Context(), both, service("cart")) },
	} {
		w.objects.Counts()
		w.must(news())
		if calls := w.objects.Counts().Calls; len(calls) > 0 {
			t.Errorf("%s: %v", what, calls)
		}
	}
}
