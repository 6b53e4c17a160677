package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// Meshes is what a Teller reads of the store.
type Meshes interface {
	MeshByUID(ctx context.Context, uid string) (store.Mesh, error)
}

// Teller tells the outside of commits.
type Teller struct {
	Store  Meshes
	Events notice.Publisher // nil: nobody listens
	Place  notice.Place
	Logger *slog.Logger

	mu    sync.Mutex
	known map[string]store.Mesh // by uid; a mesh's name and owner never change
}

const (
	// knownMax bounds what is kept of meshes between calls.
	knownMax = 1000
	// patience is how long names of meshes are looked for in a call: a batch that is not answered in time comes again,
	// and what it tells of has been told to the queues already.
	patience = 3 * time.Second
)

// Committed publishes an event for each entry. Where a mesh can't be read, its events say no more than its uid.
func (t *Teller) Committed(ctx context.Context, entries []Committed) {
	if t.Events == nil {
		return
	}
	looking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	meshes := map[string]store.Mesh{} // each is asked for once, also one that can't be read
	all := make([]events.Event, len(entries))
	for i, e := range entries {
		m, asked := meshes[e.UID]
		if !asked {
			m = t.mesh(looking, e.UID)
			meshes[e.UID] = m
		}
		all[i] = notice.ResourceChanged(t.Place, m.Owner, m.Name, e.UID, e.Entry)
	}
	notice.Tell(ctx, t.Events, t.Logger, all...)
}

func (t *Teller) mesh(ctx context.Context, uid string) store.Mesh {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m, ok := t.known[uid]; ok {
		return m
	}
	m, err := t.Store.MeshByUID(ctx, uid)
	if err != nil {
		t.Logger.Warn("mesh can't be read, its events don't name it", "mesh", uid, "err", err)
		return store.Mesh{}
	}
	if len(t.known) >= knownMax || t.known == nil {
		t.known = map[string]store.Mesh{}
	}
	t.known[uid] = m
	return m
}
