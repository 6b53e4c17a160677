package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
)

// wantInstances compares the endpoints log with lines like "cart: a b".
func (w *world) wantInstances(mesh string, want ...string) {
	w.t.Helper()
	state, _ := w.instances(mesh)
	var got []string
	for _, s := range slices.SortedFunc(maps.Keys(state.Services), endpoint.CompareServices) {
		ids := slices.Sorted(maps.Keys(state.Services[s]))
		got = append(got, s.Service+": "+strings.Join(ids, " "))
	}
	if !slices.Equal(got, want) {
		w.t.Fatalf("the endpoints log holds %q, want %q", got, want)
	}
}

func TestRegistrarFollowsNodesAndInstances(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	r := w.registrar()
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh)

	w.register("cart", "a", "10.0.0.1")
	w.register("other", "x", "10.0.0.9")
	w.node(mesh, "cart-vn", "cart")
	w.node(mesh, "late-vn", "late")
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: a", "late: ") // a service without instances is known to have none

	w.register("cart", "b", "10.0.0.2")
	w.must(r.InstancesChanged(t.Context(), []string{mesh}, service("cart")))
	w.wantInstances(mesh, "cart: a b", "late: ")

	_, before := w.instances(mesh)
	w.must(r.InstancesChanged(t.Context(), []string{mesh}, service("other")))
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.must(w.registrar().Handle(t.Context(), changed(mesh)))
	if _, at := w.instances(mesh); at != before {
		t.Errorf("nothing changed, yet the log moved from %s to %s", before, at)
	}

	w.node(mesh, "late-vn", "cart") // now both nodes name cart
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: a b")
	w.remove(mesh, resource.Key{Kind: resource.KindVirtualNode, Name: "cart-vn"})
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: a b")
	w.must(w.registry.Deregister(t.Context(), service("cart"), "a"))
	w.must(r.InstancesChanged(t.Context(), []string{mesh}, service("cart")))
	w.wantInstances(mesh, "cart: b")
}

func TestRegistrarsRaceAndHeal(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	one, two := w.registrar(), w.registrar()
	var want []string
	var wg sync.WaitGroup
	for i := range 20 {
		id := fmt.Sprintf("i%02d", i)
		want = append(want, id)
		w.register("cart", id, "10.0.0.1")
		for _, r := range []interface {
			InstancesChanged(context.Context, []string, endpoint.ServiceKey) error
		}{one, two} {
			wg.Go(func() {
				if err := persist(func() error { return r.InstancesChanged(t.Context(), []string{mesh}, service("cart")) }); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	w.wantInstances(mesh, "cart: "+strings.Join(want, " "))

	_, at := w.instances(mesh)
	w.objects.Put(events.FullPath(mesh, events.LogEndpoints, at.Epoch, 0), []byte("not what was written"))
	w.must(one.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: "+strings.Join(want, " "))

	w.objects.Lose("")
	w.must(one.Handle(t.Context(), changed(mesh)))
	w.must(w.registrar().Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: "+strings.Join(want, " "))
}

func TestRegistrarEndsADeletedMesh(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	warm := w.registrar()
	w.must(warm.Handle(t.Context(), changed(mesh)))
	w.remove(mesh, resource.Key{Kind: resource.KindVirtualNode, Name: "cart-vn"})
	w.remove(mesh, resource.Key{Kind: resource.KindMesh, Name: "shop"})
	w.must(warm.Handle(t.Context(), changed(mesh)))
	w.must(w.registrar().Handle(t.Context(), changed(mesh)))
	if state, _ := w.instances(mesh); !state.Deleted {
		t.Error("the deleted mesh's endpoints log has no tombstone")
	}
	w.must(warm.InstancesChanged(t.Context(), []string{mesh}, service("cart")))
}

func TestRegistrarReportsFaults(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.register("cart", "a", "10.0.0.1")
	down := errors.New("the artifact store is down")
	r := w.registrar()
	w.objects.Inject(func(artifacttest.Call) artifacttest.Fault { return artifacttest.Fault{Err: down, Lost: true} })
	if err := r.Handle(t.Context(), changed(mesh)); !errors.Is(err, down) {
		t.Errorf("with the store down the handler said: %v", err)
	}
	w.objects.Inject(nil)
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: a")
}
