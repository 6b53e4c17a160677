package notice

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// Entries is what a Journal reads of the store.
type Entries interface {
	MeshByUID(ctx context.Context, uid string) (store.Mesh, error)
	Journal(ctx context.Context, meshUID string, after int64, limit int) ([]store.Entry, error)
}

// Journal tells Resource Changed for each entry of the journals, where no stream does: on one machine. Calls for one
// mesh must come one after the other.
type Journal struct {
	Store  Entries
	Events Publisher
	Place  Place

	mu   sync.Mutex
	told map[string]int64 // by uid: up to which generation
}

// journalPage is how many entries are told at once.
const journalPage = 100

// Told says that everything of a mesh was told up to this generation. A mesh of which nothing was said is told whole.
func (j *Journal) Told(uid string, generation int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.told == nil {
		j.told = map[string]int64{}
	}
	j.told[uid] = max(j.told[uid], generation)
}

// Handle tells what is new in the journal of a mesh.
func (j *Journal) Handle(ctx context.Context, e events.MeshChanged) error {
	mesh, err := j.Store.MeshByUID(ctx, e.UID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // a message about a mesh that never was
	}
	if err != nil {
		return fmt.Errorf("read mesh %s: %w", e.UID, err)
	}
	for {
		j.mu.Lock()
		after := j.told[e.UID]
		j.mu.Unlock()
		if after >= mesh.Generation {
			return nil
		}
		entries, err := j.Store.Journal(ctx, e.UID, after, journalPage)
		if err != nil || len(entries) == 0 {
			return err
		}
		all := make([]events.Event, len(entries))
		for i, entry := range entries {
			all[i] = ResourceChanged(j.Place, mesh.Owner, mesh.Name, mesh.UID, entry)
		}
		if err := j.Events.Publish(ctx, all...); err != nil {
			return fmt.Errorf("tell what changed in mesh %s: %w", mesh.Name, err)
		}
		j.Told(e.UID, entries[len(entries)-1].Generation)
	}
}
