package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/task"
	"github.com/ownmesh/ownmesh/events"
)

// mute is Cloud Map that can't say what its services are.
type mute struct {
	*account
	silent bool
}

var errSilent = errors.New("no answer")

func (m *mute) ARN(ctx context.Context, s endpoint.ServiceKey) (string, bool, error) {
	if m.silent {
		return "", false, errSilent
	}
	return m.account.ARN(ctx, s)
}

// Where ECS or Cloud Map don't say who registers a task, one that ECS is known to have registered is not registered again,
// and news of tasks of a service come again, whose mesh may be concerned; those of tasks without a service do not.
func TestNobodySaysWhoRegisters(t *testing.T) {
	w, a := newWorld(t), newAccount()
	m := &mute{account: a}
	a.ecs("cart", service("cart"))
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.bind(mesh, "cart", "cart", "cart-vn", "")
	a.run("cart", "t1")
	r := reconcile.NewRegistrar(reconcile.RegistrarOptions{
		Store: w.store, Registry: endpoint.Overlay{Ledger: w.registry, Foreign: a}, Directory: m, Tasks: a,
		Objects: w.objects, Now: w.clock, Relook: time.Millisecond,
	})
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: t1")

	a.fault = func(call string) error {
		if call == "Registries" {
			return &endpoint.RefusalError{Kind: endpoint.Denied, Code: "ecs-denied", Message: "no", Hint: "allow it"}
		}
		return nil
	}
	w.must(r.TasksChanged(t.Context(), mesh, []task.Task{a.run("cart", "t1")}))
	if rows, err := w.registry.Rows(t.Context(), service("cart")); err != nil || len(rows) > 0 {
		t.Errorf("our own registry has %v, %v", rows, err)
	}

	a.fault, m.silent = nil, true
	bound, alone := a.run("other", "t2"), a.run("", "t3")
	err := r.TasksChanged(t.Context(), mesh, []task.Task{bound, alone})
	var of *reconcile.TasksError
	if !errors.As(err, &of) || !errors.Is(err, errSilent) || !of.Tasks[bound.ARN] || of.Tasks[alone.ARN] {
		t.Errorf("got %v, about %+v", err, of)
	}
}

// What Cloud Map could not be told is told when the message comes again, and by each sweep: tasks that run, and those that
// became unhealthy. What it knows better is left.
func TestCloudMapIsToldAgain(t *testing.T) {
	w, a := newWorld(t), newAccount()
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.bind(mesh, "cart", "cart", "cart-vn", "")
	a.run("cart", "t1")
	r := w.inAWS(a)
	there := func(what string, want bool) {
		t.Helper()
		if _, ok := a.instances[endpoint.InstanceKey{ServiceKey: service("cart"), ID: "t1"}]; ok != want {
			t.Errorf("%s: in Cloud Map is %v", what, a.instances)
		}
	}
	failing := func(failing string) func(string) error {
		return func(call string) error {
			if call == failing {
				return errThrottled
			}
			return nil
		}
	}
	change := events.MeshChanged{UID: mesh, Generation: 1 << 20}
	a.fault = failing("Publish")
	if err := r.Handle(t.Context(), change); !errors.Is(err, errThrottled) {
		t.Errorf("got %v", err)
	}
	w.wantInstances(mesh, "cart: t1")
	there("not told", false)
	a.fault = nil
	w.must(r.Handle(t.Context(), change))
	there("told when the message came again", true)

	a.fault = failing("Withdraw")
	sick := a.change("cart", "t1", func(t *task.Task) { t.Unhealthy = true })
	if err := r.TasksChanged(t.Context(), mesh, []task.Task{sick}); !errors.Is(err, errThrottled) {
		t.Errorf("got %v", err)
	}
	there("not told that it is unhealthy", true)
	a.fault = nil
	w.must(r.Handle(t.Context(), changed(mesh)))
	there("the sweep told it", false)

	a.change("cart", "t1", func(t *task.Task) { t.Unhealthy = false })
	w.must(r.Handle(t.Context(), changed(mesh)))
	key := endpoint.InstanceKey{ServiceKey: service("cart"), ID: "t1"}
	newer := a.instances[key]
	newer.Version, newer.IPv4 = newer.Version+1, "10.9.9.9"
	a.instances[key] = newer
	clear(a.calls)
	w.must(r.Handle(t.Context(), changed(mesh)))
	if a.calls["Publish"] > 0 || a.instances[key].IPv4 != "10.9.9.9" {
		t.Errorf("calls %v, in Cloud Map is %v", a.calls, a.instances)
	}
}
