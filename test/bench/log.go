package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// logCost is what one change costs in calls and bytes, from the store to the log.
type logCost struct {
	storeCalls, storeItems    int
	objectCalls, objectWrites int
	read, written             int // bytes
}

// measureLog lets a warm compiler publish changes, as the compile handler does, and counts what it reads and writes.
func measureLog(ctx context.Context, b *bench) error {
	sizes := b.sizes()
	if !b.quick {
		sizes = []int{sizes[0], sizes[len(sizes)-1]}
	}
	e := edits()[0]
	var costs []logCost
	for _, nodes := range sizes {
		b.progress("log: %s nodes", count(nodes))
		c, err := publishEdit(ctx, e, nodes)
		if err != nil {
			return err
		}
		costs = append(costs, c)
	}
	first, last := costs[0], costs[len(costs)-1]
	for _, x := range []struct {
		what        string
		first, last int
		bar         float64
	}{
		{"calls to the store", first.storeCalls, last.storeCalls, equalBar},
		{"items read from the store", first.storeItems, last.storeItems, equalBar},
		{"calls to the artifact store", first.objectCalls, last.objectCalls, equalBar},
		{"objects written", first.objectWrites, last.objectWrites, equalBar},
		{"bytes read from the artifact store", first.read, last.read, sizeBar},
		{"bytes written to the artifact store", first.written, last.written, sizeBar},
	} {
		b.report.gate(result{
			Measure: "log", What: x.what + ", a change", At: fmt.Sprintf("%s to %s nodes", count(sizes[0]), count(sizes[len(sizes)-1])),
			Value: ratio(x.first, x.last), Unit: "x", Bar: x.bar, Note: fmt.Sprintf("%s and %s", count(x.first), count(x.last)),
		})
	}
	return nil
}

// publishEdit publishes a mesh, then a few changes of it, and counts the last. No full state is due that soon.
func publishEdit(ctx context.Context, e edit, nodes int) (logCost, error) {
	const times = 5
	meshes := newMeshes(nodes)
	objects := artifacttest.NewMemory()
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	compiler := reconcile.NewCompiler(reconcile.CompilerOptions{
		Store: meshes, Objects: objects,
		Now: func() time.Time { clock = clock.Add(time.Second); return clock },
	})
	var counts artifacttest.Counts
	for n := range times {
		if n > 0 {
			meshes.commit(e, nodes, n)
		}
		meshes.calls, meshes.items = 0, 0
		objects.Counts()
		if err := compiler.Handle(ctx, events.MeshChanged{UID: meshes.mesh.UID, Generation: meshes.mesh.Generation}); err != nil {
			return logCost{}, err
		}
		counts = objects.Counts()
	}
	return logCost{
		storeCalls: meshes.calls, storeItems: meshes.items,
		objectCalls:  counts.Total(),
		objectWrites: counts.Calls[artifacttest.OpCreate] + counts.Calls[artifacttest.OpReplace],
		read:         counts.Read, written: counts.Written,
	}, nil
}

// meshes is a store with one mesh, of which a compiler can only read; it counts how much it does.
type meshes struct {
	mesh    store.Mesh
	all     []resource.Resource
	journal []store.Entry // those after the generation where the mesh began
	calls   int
	items   int
}

func newMeshes(nodes int) *meshes {
	state := grid(nodes)
	m := &meshes{mesh: store.Mesh{Record: store.Record{Resource: state.Mesh}, Owner: "000000000000", Generation: generation}}
	for _, r := range state.Resources {
		m.all = append(m.all, r)
	}
	return m
}

// commit makes an edit.
func (m *meshes) commit(e edit, nodes, n int) {
	m.mesh.Generation++
	m.journal = append(m.journal, store.Entry{
		Generation: m.mesh.Generation, RequestID: fmt.Sprintf("request-%d", n), Caller: "bench", Key: e.key, Resource: e.resource(nodes, n),
	})
}

func (m *meshes) MeshByUID(_ context.Context, uid string) (store.Mesh, error) {
	m.calls, m.items = m.calls+1, m.items+1
	if uid != m.mesh.UID {
		return store.Mesh{}, store.ErrNotFound
	}
	return m.mesh, nil
}

func (m *meshes) MeshByName(ctx context.Context, name string) (store.Mesh, error) {
	if name != m.mesh.Name {
		m.calls++
		return store.Mesh{}, store.ErrNotFound
	}
	return m.MeshByUID(ctx, m.mesh.UID)
}

// Page gives all resources at once, whatever the limit.
func (m *meshes) Page(context.Context, string, string, int) ([]resource.Resource, string, error) {
	m.calls, m.items = m.calls+1, m.items+len(m.all)
	return m.all, "", nil
}

func (m *meshes) Journal(_ context.Context, _ string, after int64, limit int) ([]store.Entry, error) {
	m.calls++
	from := min(max(int(after-generation), 0), len(m.journal))
	entries := m.journal[from:min(from+limit, len(m.journal))]
	m.items += len(entries)
	return entries, nil
}
