package reconcile_test

import (
	"maps"
	"testing"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/task"
	"github.com/ownmesh/ownmesh/events"
)

// A task that a binding registered, and that ECS registers too, as it does once its service was changed: it stays, in Cloud
// Map as well, whether the binding does or not, and goes with its own end.
func TestECSTakesOver(t *testing.T) {
	for name, test := range map[string]struct{ ours, removed bool }{
		"needless": {}, "removed": {removed: true}, "needless, our service": {ours: true}, "removed, our service": {ours: true, removed: true},
	} {
		t.Run(name, func(t *testing.T) {
			w, a := newWorld(t), newAccount()
			mesh := w.mesh("shop")
			w.node(mesh, "cart-vn", "cart")
			w.bind(mesh, "cart", "cart", "cart-vn", "")
			if !test.ours {
				a.services[service("cart")] = ""
			}
			r := w.inAWS(a)
			w.must(r.Handle(t.Context(), changed(mesh)))
			w.must(r.TasksChanged(t.Context(), mesh, []task.Task{a.run("cart", "t1")}))
			a.registries["cart"] = []endpoint.ServiceKey{service("cart")}
			a.run("cart", "t1")
			if test.removed {
				w.remove(mesh, resource.Key{Kind: resource.KindTaskBinding, Name: "cart"})
			}
			for range 2 {
				w.must(r.Handle(t.Context(), changed(mesh)))
				w.wantInstances(mesh, "cart: t1")
			}
			if i, ok := a.instances[endpoint.InstanceKey{ServiceKey: service("cart"), ID: "t1"}]; !ok || i.Attributes["ECS_SERVICE_NAME"] == "" {
				t.Errorf("Cloud Map has %v, want what ECS registered", a.instances)
			}
			a.stale = maps.Clone(a.instances)
			w.must(r.TasksChanged(t.Context(), mesh, []task.Task{a.stop("cart", "t1")}))
			w.wantInstances(mesh, "cart: ")
			w.must(r.Handle(t.Context(), changed(mesh)))
			w.wantInstances(mesh, "cart: ")
			if rows, err := w.registry.Instances(t.Context(), service("cart")); err != nil || len(rows) > 0 {
				t.Errorf("our own registry has %v, %v", rows, err)
			}
		})
	}
}

// A task whose end nobody heard of goes with the next sweep, also where its binding has become needless.
func TestNeedlessBindingsForgetTasks(t *testing.T) {
	w, a := newWorld(t), newAccount()
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.bind(mesh, "cart", "cart", "cart-vn", "")
	r := w.inAWS(a)
	w.must(r.TasksChanged(t.Context(), mesh, []task.Task{a.run("cart", "t1"), a.run("cart", "t2")}))
	a.ecs("cart", service("cart"))
	a.stop("cart", "t1")
	delete(a.tasks, a.stop("cart", "t2").ARN) // an hour later
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: ")
}

// What Cloud Map could not be told when a binding was removed, it is told by the next sweep, of whichever process.
func TestCloudMapHearsOfRemovedBindingsLater(t *testing.T) {
	w, a := newWorld(t), newAccount()
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.bind(mesh, "cart", "cart", "cart-vn", "")
	r := w.inAWS(a)
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.must(r.TasksChanged(t.Context(), mesh, []task.Task{a.run("cart", "t1")}))
	if len(a.instances) != 1 {
		t.Fatalf("Cloud Map has %v", a.instances)
	}
	w.remove(mesh, resource.Key{Kind: resource.KindTaskBinding, Name: "cart"})
	a.fault = func(call string) error {
		if call == "Withdraw" {
			return errThrottled
		}
		return nil
	}
	if err := r.Handle(t.Context(), events.MeshChanged{UID: mesh, Generation: 99}); err == nil {
		t.Error("nothing was said of the fault")
	}
	w.wantInstances(mesh, "cart: ")
	a.fault = nil
	w.must(w.inAWS(a).Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: ")
	if len(a.instances) > 0 {
		t.Errorf("Cloud Map has %v", a.instances)
	}
}
