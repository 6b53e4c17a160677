package reconcile_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/task"
)

// inAWS is a registrar over an account.
func (w *world) inAWS(a *account) *reconcile.Registrar {
	return reconcile.NewRegistrar(reconcile.RegistrarOptions{
		Store: w.store, Registry: endpoint.Overlay{Ledger: w.registry, Foreign: a}, Directory: a, Tasks: a,
		Objects: w.objects, Now: w.clock, Appended: w.note, Relook: time.Millisecond,
	})
}

// bind commits a task binding of an ECS service to a virtual node.
func (w *world) bind(mesh, name, service, node, more string) {
	w.t.Helper()
	w.put(mesh, resource.KindTaskBinding, "", name, fmt.Sprintf(`{"cluster":"ecs","service":%q,"virtualNode":{"virtualNodeName":%q}%s}`, service, node, more))
}

// one is the instance in the endpoints log.
func (w *world) one(mesh, service_, id string) (endpoint.Instance, bool) {
	w.t.Helper()
	state, _ := w.instances(mesh)
	i, ok := state.Services[service(service_)][id]
	return i, ok
}

// A bound task's life: it is registered with what the node asks for, in Cloud Map too, and gone as soon as it is told to
// stop; what is heard late changes nothing.
func TestBoundTasks(t *testing.T) {
	w, a := newWorld(t), newAccount()
	mesh := w.mesh("shop")
	w.put(mesh, resource.KindVirtualNode, "", "cart-vn", `{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}],
		"serviceDiscovery":{"awsCloudMap":{"namespaceName":"shop.local","serviceName":"cart","attributes":[{"key":"stage","value":"blue"}]}}}`)
	w.bind(mesh, "cart", "cart", "cart-vn", `,"port":9000,"container":"app"`)
	r := w.inAWS(a)
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: ")
	if a.services[service("cart")] != mesh {
		t.Error("the node's service was not made")
	}

	starting := a.change("cart", "t1", func(t *task.Task) { t.Containers = []task.Container{{Name: "app", Running: true}} })
	w.must(r.TasksChanged(t.Context(), mesh, []task.Task{starting}))
	w.wantInstances(mesh, "cart: ")
	running := a.run("cart", "t1")
	w.must(r.TasksChanged(t.Context(), mesh, []task.Task{running}))
	got, _ := w.one(mesh, "cart", "t1")
	want := endpoint.Instance{
		Namespace: "shop.local", Service: "cart", ID: "t1", IPv4: "10.0.0.0", Zone: "us-east-1a", Ports: map[int]int{8080: 9000},
		Attributes: map[string]string{"stage": "blue", "ECS_CLUSTER_NAME": "ecs", "ECS_TASK_DEFINITION_FAMILY": "cart",
			reconcile.AttributeMesh: mesh, reconcile.AttributeBinding: "cart", reconcile.AttributeTask: running.ARN},
		Version: 2<<32 | 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	key := endpoint.InstanceKey{ServiceKey: service("cart"), ID: "t1"}
	if published, ok := a.instances[key]; !ok || a.ports[key] != 9000 || published.Version != want.Version {
		t.Errorf("Cloud Map has %+v", published)
	}

	ailing := a.change("cart", "t1", func(t *task.Task) { t.Containers = []task.Container{{Name: "app", Running: true, Unhealthy: true}} })
	w.must(r.TasksChanged(t.Context(), mesh, []task.Task{ailing}))
	if i, _ := w.one(mesh, "cart", "t1"); !i.Unhealthy || len(a.instances) > 0 {
		t.Errorf("an ailing task is %+v, and in Cloud Map %v", i, a.instances)
	}

	stopping := a.stop("cart", "t1")
	w.must(w.inAWS(a).TasksChanged(t.Context(), mesh, []task.Task{stopping}))
	w.wantInstances(mesh, "cart: ")
	_, at := w.instances(mesh)
	for _, late := range []task.Task{starting, running, ailing, stopping} {
		w.must(r.TasksChanged(t.Context(), mesh, []task.Task{late}))
	}
	w.must(r.Handle(t.Context(), changed(mesh)))
	if _, now := w.instances(mesh); now != at || len(a.instances) > 0 {
		t.Errorf("late news moved the log from %s to %s, Cloud Map has %v", at, now, a.instances)
	}
}

// A task that stops before anybody heard of it never comes to be there.
func TestStoppedBeforeItIsKnown(t *testing.T) {
	w, a := newWorld(t), newAccount()
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.bind(mesh, "cart", "cart", "cart-vn", "")
	r := w.inAWS(a)
	running, stopping := a.run("cart", "t1"), a.stop("cart", "t1")
	for _, e := range []task.Task{stopping, running} {
		w.must(r.TasksChanged(t.Context(), mesh, []task.Task{e}))
	}
	w.wantInstances(mesh, "cart: ")
}

// What ECS registers itself is read, never registered twice, and gone at the event, whatever listings say for how long.
func TestTasksThatECSRegisters(t *testing.T) {
	w, a := newWorld(t), newAccount()
	a.ecs("cart", service("cart"))
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.bind(mesh, "cart", "cart", "cart-vn", "")
	r := w.inAWS(a)
	w.must(r.TasksChanged(t.Context(), mesh, []task.Task{a.run("cart", "t1"), a.run("cart", "t2")}))
	w.wantInstances(mesh, "cart: t1 t2")
	if rows, err := w.registry.Rows(t.Context(), service("cart")); err != nil || len(rows) > 0 {
		t.Errorf("our own registry has %v, %v", rows, err)
	}

	a.stale = maps.Clone(a.instances)
	listings := a.calls["Instances"]
	w.must(r.TasksChanged(t.Context(), mesh, []task.Task{a.stop("cart", "t1")}))
	w.wantInstances(mesh, "cart: t2")
	if a.calls["Instances"] != listings {
		t.Error("a task that stops needs no listing")
	}
	for _, again := range []*reconcile.Registrar{r, w.inAWS(a)} { // the listing still has it
		w.must(again.Handle(t.Context(), changed(mesh)))
		w.must(again.InstancesChanged(t.Context(), []string{mesh}, service("cart")))
		w.wantInstances(mesh, "cart: t2")
	}
	w.wantFindings(mesh, "taskBinding/cart spec task-binding-needless")

	// The listing lacks what runs already: it is looked for again.
	third := a.run("cart", "t3")
	done := make(chan error, 1)
	go func() { done <- w.inAWS(a).TasksChanged(t.Context(), mesh, []task.Task{third}) }()
	a.mu.Lock()
	a.stale = nil
	a.mu.Unlock()
	w.must(<-done)
	w.wantInstances(mesh, "cart: t2 t3")
}

// Cloud Map being throttled keeps no stopping task in the log. What could not be told there is told later.
func TestThrottlingHoldsNothingUp(t *testing.T) {
	w, a := newWorld(t), newAccount()
	a.ecs("stock", service("stock"))
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.node(mesh, "stock-vn", "stock")
	w.bind(mesh, "cart", "cart", "cart-vn", "")
	r := w.inAWS(a)
	w.must(r.TasksChanged(t.Context(), mesh, []task.Task{a.run("cart", "c1"), a.run("cart", "c2"), a.run("stock", "s1")}))
	w.wantInstances(mesh, "cart: c1 c2", "stock: s1")
	a.fault = func(string) error { return errThrottled }
	err := r.TasksChanged(t.Context(), mesh, []task.Task{a.stop("cart", "c1"), a.stop("stock", "s1"), a.run("cart", "c3")})
	if !errors.Is(err, errThrottled) {
		t.Errorf("got %v", err)
	}
	w.wantInstances(mesh, "cart: c2 c3", "stock: ")
	if err := r.Handle(t.Context(), changed(mesh)); !errors.Is(err, errThrottled) {
		t.Errorf("got %v", err)
	}
	w.wantInstances(mesh, "cart: c2 c3", "stock: ")
	// Of a service that is new to the log, half would look like all: it waits until it can be read.
	w.register("late", "ours", "10.0.0.9")
	w.node(mesh, "late-vn", "late")
	if err := r.Handle(t.Context(), changed(mesh)); !errors.Is(err, errThrottled) {
		t.Errorf("got %v", err)
	}
	w.wantInstances(mesh, "cart: c2 c3", "stock: ")
	w.remove(mesh, resource.Key{Kind: resource.KindVirtualNode, Name: "late-vn"})
	a.fault = nil
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: c2 c3", "stock: ")
	ids := []string{}
	for key := range a.instances {
		ids = append(ids, key.ID)
	}
	if slices.Sort(ids); !slices.Equal(ids, []string{"c2", "c3"}) {
		t.Errorf("Cloud Map has %v", ids)
	}
}

// TestAnyOrder: whatever happens to events, after a sweep the endpoints are those of the tasks that run. Without losses
// that holds before the sweep, too.
func TestAnyOrder(t *testing.T) {
	for seed := range uint64(12) {
		for _, lose := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed %d, losses %v", seed, lose), func(t *testing.T) {
				t.Parallel()
				w, a := newWorld(t), newAccount()
				a.ecs("stock", service("stock"))
				mesh := w.mesh("shop")
				w.node(mesh, "cart-vn", "cart")
				w.node(mesh, "stock-vn", "stock")
				w.bind(mesh, "cart", "cart", "cart-vn", "")
				random := rand.New(rand.NewPCG(seed, 7))
				one, two := w.inAWS(a), w.inAWS(a)
				var events []task.Task
				var want [2][]string
				for n := range 20 {
					service, id := []string{"cart", "stock"}[n%2], fmt.Sprintf("t%02d", n)
					for range random.IntN(3) {
						events = append(events, a.run(service, id))
					}
					if random.IntN(2) == 0 {
						events = append(events, a.stop(service, id))
					} else {
						events = append(events, a.run(service, id))
						want[n%2] = append(want[n%2], id)
					}
				}
				a.stale = maps.Clone(a.instances) // no listing is newer than this
				events = shuffled(random, events, lose)
				for len(events) > 0 {
					count := min(len(events), 1+random.IntN(8))
					w.must(persist(func() error {
						return []*reconcile.Registrar{one, two}[random.IntN(2)].TasksChanged(t.Context(), mesh, events[:count])
					}))
					events = events[count:]
				}
				lines := []string{"cart: " + join(want[0]), "stock: " + join(want[1])}
				if !lose {
					w.wantInstances(mesh, lines...)
				}
				w.must(one.Handle(t.Context(), changed(mesh)))
				w.wantInstances(mesh, lines...)
				w.must(two.Handle(t.Context(), changed(mesh)))
				w.wantInstances(mesh, lines...)
			})
		}
	}
}

func join(ids []string) string {
	var s string
	for n, id := range ids {
		if n > 0 {
			s += " "
		}
		s += id
	}
	return s
}
