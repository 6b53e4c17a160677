package reconcile

import (
	"context"
	"fmt"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

const pageSize = 500

type journal interface {
	Journal(ctx context.Context, meshUID string, after int64, limit int) ([]store.Entry, error)
}

type pager interface {
	journal
	Page(ctx context.Context, meshUID, cursor string, limit int) ([]resource.Resource, string, error)
}

// readState reads a mesh at its newest generation: pages, which are no snapshot, overlaid with the journal from
// the generation that was read before the first page.
func readState(ctx context.Context, s pager, mesh store.Mesh) (compile.State, error) {
	state := compile.State{
		Mesh: mesh.Resource, Generation: mesh.Generation, Deleted: mesh.Deleted,
		Resources: map[resource.Key]resource.Resource{},
	}
	if mesh.Deleted {
		return state, nil
	}
	for cursor := ""; ; {
		page, next, err := s.Page(ctx, mesh.UID, cursor, pageSize)
		if err != nil {
			return state, fmt.Errorf("read its resources: %w", err)
		}
		for _, r := range page {
			state.Resources[r.Key] = r
		}
		if next == "" {
			break
		}
		cursor = next
	}
	entries, err := readJournal(ctx, s, mesh.UID, mesh.Generation)
	if err != nil {
		return state, err
	}
	for _, e := range entries {
		overlay(&state, e)
	}
	return state, nil
}

func overlay(state *compile.State, e store.Entry) {
	state.Generation = e.Generation
	switch {
	case e.Key.Kind == resource.KindMesh && e.Resource == nil:
		state.Deleted = true // what is left of its resources isn't looked at any more
	case e.Key.Kind == resource.KindMesh:
		state.Mesh = *e.Resource
	case e.Resource == nil:
		delete(state.Resources, e.Key)
	default:
		state.Resources[e.Key] = *e.Resource
	}
}

// readJournal reads all entries after a generation. A gap would mean that the store broke its word.
func readJournal(ctx context.Context, s journal, uid string, after int64) ([]store.Entry, error) {
	var all []store.Entry
	for {
		entries, err := s.Journal(ctx, uid, after, pageSize)
		if err != nil {
			return nil, fmt.Errorf("read its journal after generation %d: %w", after, err)
		}
		for _, e := range entries {
			if e.Generation != after+1 {
				return nil, fmt.Errorf("its journal has a gap: generation %d follows %d", e.Generation, after)
			}
			after = e.Generation
		}
		all = append(all, entries...)
		if len(entries) < pageSize {
			return all, nil
		}
	}
}

func changesOf(entries []store.Entry) []compile.Change {
	changes := make([]compile.Change, len(entries))
	for i, e := range entries {
		changes[i] = compile.Change{Generation: e.Generation, Key: e.Key, Resource: e.Resource, Caller: e.Caller}
	}
	return changes
}
