package onemachine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ownmesh/ownmesh/adapters/eventlog"
	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/core/status"
	"github.com/ownmesh/ownmesh/core/sweep"
	"github.com/ownmesh/ownmesh/events"
)

// This file: what this machine tells the outside, and how it knows.

// convergedEvery is how often a mesh is looked at that has not converged yet.
const convergedEvery = 500 * time.Millisecond

// telling is the event log, what feeds it, and which meshes are yet to converge.
type telling struct {
	*eventlog.Log
	journal   *notice.Journal
	converger *status.Converger
	ending    context.Context // followers are sent away when it ends
	end       context.CancelFunc

	mu      sync.Mutex
	pending map[string]struct{}
}

// tellFrom wires the event log with what it tells of. What the log says was told is not told again.
func (m *Machine) tellFrom(ctx context.Context, log *eventlog.Log, place notice.Place) error {
	t := &telling{Log: log, pending: map[string]struct{}{}}
	t.ending, t.end = context.WithCancel(context.Background())
	t.journal = &notice.Journal{Store: m.store, Events: t, Place: place}
	t.converger = &status.Converger{
		Reader: status.Reader{Objects: m.objects, Now: time.Now, Logger: m.log.With("part", "status")},
		Store:  m.store, Events: t, Place: place,
	}
	m.telling = t
	known := map[string]bool{} // meshes of which the log speaks
	oldest, newest := log.Range()
	for after := oldest - 1; after < newest; {
		const page = 1000
		all, err := log.Read(after, page)
		if err != nil {
			return err
		}
		for _, e := range all {
			if d, ok := e.Detail.(events.ResourceChanged); ok {
				known[d.MeshUID] = true
				t.journal.Told(d.MeshUID, d.Generation)
			}
		}
		if len(all) == 0 {
			break
		}
		after += int64(len(all))
	}
	// Of the others, what happened before today's start is no news.
	uids, err := sweep.Published(ctx, m.store, m.objects)
	if err != nil {
		return fmt.Errorf("find what was told: %w", err)
	}
	for _, uid := range uids {
		if mesh, err := m.store.MeshByUID(ctx, uid); err == nil && !known[uid] {
			t.journal.Told(uid, mesh.Generation)
		}
	}
	return nil
}

// Publish adds events to the log. A mesh of which something new is published has yet to converge.
func (t *telling) Publish(ctx context.Context, all ...events.Event) error {
	for _, e := range all {
		if d, ok := e.Detail.(events.ConfigurationPublished); ok {
			t.watch(d.MeshUID)
		}
	}
	return t.Log.Publish(ctx, all...)
}

// Wait is the log's, but ends when this machine stops answering.
func (t *telling) Wait(ctx context.Context, after int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.ending, cancel)()
	return t.Log.Wait(ctx, after)
}

// watch has a mesh looked at until it has converged.
func (t *telling) watch(uid string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending[uid] = struct{}{}
}

// tellConverged looks at the meshes that have yet to converge.
func (m *Machine) tellConverged(ctx context.Context) {
	t := m.telling
	t.mu.Lock()
	uids := slices.Sorted(maps.Keys(t.pending))
	t.mu.Unlock()
	for _, uid := range uids {
		t.mu.Lock()
		delete(t.pending, uid) // before it is looked at, so that what is published meanwhile is not missed
		t.mu.Unlock()
		done, err := t.converger.Handle(ctx, uid)
		if err != nil && ctx.Err() == nil {
			m.log.Warn("whether a mesh has converged could not be told", "mesh", uid, "err", err)
		}
		if !done {
			t.watch(uid)
		}
	}
}
