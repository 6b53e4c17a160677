package notice_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// entries is a store with one mesh at a generation.
type entries int64

func (g entries) MeshByUID(_ context.Context, uid string) (store.Mesh, error) {
	if uid != "u" {
		return store.Mesh{}, store.ErrNotFound
	}
	m := store.Mesh{Generation: int64(g)}
	m.Key, m.UID = resource.Key{Kind: resource.KindMesh, Name: "shop"}, uid
	return m, nil
}

func (g entries) Journal(_ context.Context, _ string, after int64, limit int) ([]store.Entry, error) {
	var all []store.Entry
	for n := after + 1; n <= int64(g) && len(all) < limit; n++ {
		all = append(all, store.Entry{Generation: n, Key: resource.Key{Kind: resource.KindVirtualNode, Name: fmt.Sprint(n)}})
	}
	return all, nil
}

func TestTheJournalIsToldOnce(t *testing.T) {
	var told []int64
	var fails error
	j := &notice.Journal{Events: publisher(func(_ context.Context, all ...events.Event) error {
		for _, e := range all {
			about, _ := e.About()
			if fails == nil {
				told = append(told, about.Generation)
			}
		}
		return fails
	})}
	look := func(uid string, generation int64) error {
		t.Helper()
		j.Store = entries(generation)
		return j.Handle(t.Context(), events.MeshChanged{UID: uid})
	}
	j.Told("u", 3)
	j.Told("u", 2)
	for _, g := range []int64{3, 4, 4, 4 + 250} {
		if err := look("u", g); err != nil {
			t.Fatal(err)
		}
	}
	if err := look("never", 9); err != nil {
		t.Error(err)
	}
	fails = errors.New("full")
	if err := look("u", 256); !errors.Is(err, fails) {
		t.Errorf("got %v", err)
	}
	fails = nil
	if err := look("u", 256); err != nil {
		t.Error(err)
	}
	var want []int64
	for g := int64(4); g <= 256; g++ {
		want = append(want, g)
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %v", told)
	}
}
