package reconcile_test

import (
	"context"
	"testing"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// slept is a store as a handler sees it that read a mesh, slept while the mesh was deleted, and goes on.
type slept struct {
	*bolt.Store
	mesh store.Mesh
}

func (s slept) MeshByUID(context.Context, string) (store.Mesh, error) { return s.mesh, nil }

// A name that came to mean another mesh stays that one's, whatever a handler of the one before goes on to do.
func TestNamesAreNeverPointedBack(t *testing.T) {
	w := newWorld(t)
	old := w.mesh("shop")
	before, err := w.store.MeshByUID(t.Context(), old)
	w.must(err)
	w.remove(old, resource.Key{Kind: resource.KindMesh, Name: "shop"})
	now := w.mesh("shop")
	late := reconcile.NewCompiler(reconcile.CompilerOptions{
		Store: slept{w.store, before}, Objects: w.objects, Now: w.clock, Compile: compile.Options{Interception: resource.Transparent},
	})
	means := func(want string) {
		t.Helper()
		if uid := string(w.objects.Bytes(events.NamePath("shop"))); uid != want {
			t.Errorf("the name means %q, want %q", uid, want)
		}
	}
	w.must(late.Handle(t.Context(), events.MeshChanged{UID: old, Generation: 1}))
	means("")
	w.must(w.compiler().Handle(t.Context(), events.MeshChanged{UID: now, Generation: 1}))
	means(now)
	late = reconcile.NewCompiler(late.CompilerOptions)
	w.must(late.Handle(t.Context(), changed(old)))
	means(now)
}
