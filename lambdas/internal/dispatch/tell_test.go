package dispatch_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/lambdas/internal/dispatch"
)

// meshes is a store that knows meshes by uid, or hangs.
type meshes struct {
	known map[string]store.Mesh
	hangs bool
	asked int
}

func (m *meshes) MeshByUID(ctx context.Context, uid string) (store.Mesh, error) {
	m.asked++
	if m.hangs {
		<-ctx.Done()
		return store.Mesh{}, ctx.Err()
	}
	if mesh, ok := m.known[uid]; ok {
		return mesh, nil
	}
	return store.Mesh{}, errors.New("throttled")
}

// published is a bus that keeps what it is told.
type published []events.Event

func (p *published) Publish(_ context.Context, all ...events.Event) error {
	*p = append(*p, all...)
	return nil
}

func committed(uids ...string) (entries []dispatch.Committed) {
	for _, uid := range uids {
		entries = append(entries, dispatch.Committed{UID: uid, Entry: store.Entry{Generation: 1, Key: resource.Key{Kind: resource.KindMesh, Name: "shop"}}})
	}
	return entries
}

// A mesh that can't be read is asked for once a batch, and its events are told by its uid.
func TestTellsOfMeshesThatCanNotBeRead(t *testing.T) {
	known := store.Mesh{}
	known.Name = "shop"
	m, bus := &meshes{known: map[string]store.Mesh{"known": known}}, &published{}
	teller := &dispatch.Teller{Store: m, Events: bus, Logger: slog.New(slog.DiscardHandler)}
	teller.Committed(t.Context(), committed("lost", "known", "lost", "lost", "known"))
	if m.asked != 2 || len(*bus) != 5 {
		t.Errorf("asked %d times, told %d events, want 2 and 5", m.asked, len(*bus))
	}
	teller.Committed(t.Context(), committed("lost", "known"))
	if m.asked != 3 {
		t.Errorf("asked %d times, want once more, for the mesh that could not be read", m.asked)
	}
}

// A store that hangs costs the batch some seconds, however many meshes it is about.
func TestAStoreThatHangsHoldsUpNoBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &published{}
		teller := &dispatch.Teller{Store: &meshes{hangs: true}, Events: bus, Logger: slog.New(slog.DiscardHandler)}
		began := time.Now()
		teller.Committed(t.Context(), committed("a", "b", "c", "d", "e"))
		if took := time.Since(began); took > 5*time.Second || len(*bus) != 5 {
			t.Errorf("took %v and told %d events", took, len(*bus))
		}
	})
}
