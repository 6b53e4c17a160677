package reconcile_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/task"
	"github.com/ownmesh/ownmesh/events"
)

// throttled is an account whose ECS takes a while for a listing: so long does the SDK wait and ask again.
type throttled struct{ *account }

func (s throttled) Running(ctx context.Context, cluster, service string) ([]task.Task, error) {
	select {
	case <-time.After(600 * time.Millisecond):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.account.Running(ctx, cluster, service)
}

// RunningIn never ends: a cluster with many tasks.
func (s throttled) RunningIn(ctx context.Context, _ string, _ int) ([]task.Task, bool, error) {
	<-ctx.Done()
	return nil, false, ctx.Err()
}

// TestManyBindings: what ECS has no time to answer holds up neither the log nor what comes behind it; when the message
// comes again, it goes on where it stopped. A change asks about the bindings that it reaches alone.
func TestManyBindings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 300
		const lambda = 27 * time.Second // what register's function has
		w, a := newWorldIn(t, t.TempDir()), newAccount()
		mesh := w.mesh("shop")
		for n := range many {
			name := fmt.Sprintf("s%03d", n)
			w.node(mesh, name+"-vn", name)
			w.bind(mesh, name, name, name+"-vn", "")
			a.run(name, name)
		}
		r := reconcile.NewRegistrar(reconcile.RegistrarOptions{
			Store: w.store, Registry: endpoint.Overlay{Ledger: w.registry, Foreign: a}, Directory: a, Tasks: throttled{a},
			Objects: w.objects, Now: time.Now,
		})
		handle := func(generation int64) (asked, there int, err error) {
			clear(a.calls)
			start := time.Now()
			err = r.Handle(t.Context(), events.MeshChanged{UID: mesh, Generation: generation})
			if took := time.Since(start); took > lambda/2 {
				t.Errorf("took %v", took)
			}
			state, _ := w.instances(mesh)
			for _, instances := range state.Services {
				there += len(instances)
			}
			if len(state.Services) < many {
				t.Errorf("the log knows %d services, want %d", len(state.Services), many)
			}
			return a.calls["Running"], there, err
		}
		first, there, err := handle(0)
		if err == nil || there < 100 || there != first {
			t.Errorf("the first time: %v, asked about %d services, %d tasks are there", err, first, there)
		}
		if second, there, err := handle(0); err != nil || there != many || first+second != many {
			t.Errorf("the second time: %v, asked about %d services and %d, %d tasks are there", err, first, second, there)
		}
		w.node(mesh, "more-vn", "more")
		if asked, _, err := handle(1 << 20); err != nil || asked != 0 || a.calls["Instances"] != 1 || a.calls["Ensure"] != 1 {
			t.Errorf("after a change of one node: %v, calls %v", err, a.calls)
		}
		w.node(mesh, "s000-vn", "moved")
		if asked, _, err := handle(1 << 20); err != nil || asked != 1 || a.calls["Instances"] > 3 {
			t.Errorf("after a change of one bound node: %v, calls %v", err, a.calls)
		}

		// A sweep begins anew, also after one that was not through, and then with what that one missed.
		time.Sleep(5 * time.Minute)
		if asked, _, err := handle(0); err == nil || asked < 100 {
			t.Errorf("a sweep: %v, asked about %d services", err, asked)
		}
		time.Sleep(5 * time.Minute)
		a.run("s299", "new")
		if _, there, err := handle(0); err == nil || there != many+1 {
			t.Errorf("the next sweep: %v, %d tasks are there", err, there)
		}
	})
}

// TestFindingsOutlastChangesElsewhere: what stands in the way of what a change does not reach is still found.
func TestFindingsOutlastChangesElsewhere(t *testing.T) {
	w, a := newWorld(t), newAccount()
	a.ecs("stock", service("stock"))
	mesh := w.mesh("shop")
	for _, name := range []string{"cart", "stock"} {
		w.node(mesh, name+"-vn", name)
		w.bind(mesh, name, name, name+"-vn", "")
	}
	w.put(mesh, resource.KindResolvableName, "", "away", `{"namespaceName":"away.local"}`)
	a.run("cart", "t1")
	a.fault = func(call string) error {
		if call == "Publish" {
			return &endpoint.RefusalError{Code: "instance-refused", Message: "no", Hint: "yes"}
		}
		return nil
	}
	r := w.inAWS(a)
	want := []string{
		"resolvableName/away spec.namespaceName namespace-missing", "taskBinding/stock spec task-binding-needless",
		"virtualNode/cart-vn spec.serviceDiscovery.awsCloudMap instance-refused",
	}
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantFindings(mesh, want...)
	w.node(mesh, "other-vn", "other")
	clear(a.calls)
	w.must(r.Handle(t.Context(), events.MeshChanged{UID: mesh, Generation: 1 << 20}))
	w.wantFindings(mesh, want...)
	if a.calls["EnsureNames"]+a.calls["Running"]+a.calls["Publish"] > 0 {
		t.Errorf("a change elsewhere made the calls %v", a.calls)
	}
	a.fault = nil
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantFindings(mesh, want[:2]...)
}
