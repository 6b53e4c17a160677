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

// fullStates is how many KB full states may add to each change: the artifact package's promise.
const fullStates = 64

// logCost is what one change costs in calls and bytes, from the store to the log.
type logCost struct {
	storeCalls, storeItems    int64
	objectCalls, objectWrites int64
	read, written             int64 // bytes
}

// measureLog lets a warm compiler publish changes, as the compile handler does, and counts what it reads and writes.
func measureLog(ctx context.Context, b *bench) error {
	sizes := b.sizes()
	if !b.quick {
		sizes = []int{sizes[0], sizes[len(sizes)-1]}
	}
	e := edits()[0]
	times := 700
	if b.quick {
		times = 80
	}
	var costs []logCost
	for _, nodes := range sizes {
		b.progress("log: %d changes of a mesh of %s nodes", times, count(int64(nodes)))
		one, mean, err := publishEdit(ctx, e, nodes, times)
		if err != nil {
			return err
		}
		costs = append(costs, one)
		b.report.gate(result{
			Measure: "log", What: "written a change, full states included", At: count(int64(nodes)) + " nodes",
			Value: kb(float64(mean)), Unit: "KB", Bar: kb(float64(one.written)) + fullStates,
			Note: fmt.Sprintf("the change itself %.3g KB; mean of %d", kb(float64(one.written)), times),
		})
	}
	first, last := costs[0], costs[len(costs)-1]
	for _, x := range []struct {
		what        string
		first, last int64
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
			Measure: "log", What: x.what + ", a change", At: fmt.Sprintf("%s to %s nodes", count(int64(sizes[0])), count(int64(sizes[len(sizes)-1]))),
			Value: ratio(x.first, x.last), Unit: "x", Bar: x.bar, Note: fmt.Sprintf("%s and %s", count(x.first), count(x.last)),
		})
	}
	return nil
}

// publishEdit publishes a mesh, then the same kind of change many times over. It counts an early one, and the mean of
// all: now and then the log gets a full state, too.
func publishEdit(ctx context.Context, e edit, nodes, times int) (one logCost, mean int64, err error) {
	const early = 5 // no full state is due that soon
	meshes := newMeshes(nodes)
	objects := artifacttest.NewMemory()
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	compiler := reconcile.NewCompiler(reconcile.CompilerOptions{
		Store: meshes, Objects: objects,
		Now: func() time.Time { clock = clock.Add(time.Second); return clock },
	})
	written := int64(0)
	for n := range times + 1 {
		if n > 0 {
			meshes.commit(e, nodes, n)
		}
		meshes.calls, meshes.items = 0, 0
		objects.Counts()
		if err := compiler.Handle(ctx, events.MeshChanged{UID: meshes.mesh.UID, Generation: meshes.mesh.Generation}); err != nil {
			return logCost{}, 0, err
		}
		counts := objects.Counts()
		if n > 0 { // the first is the whole mesh
			written += int64(counts.Written)
		}
		if n == early {
			one = logCost{
				storeCalls: meshes.calls, storeItems: meshes.items,
				objectCalls:  int64(counts.Total()),
				objectWrites: int64(counts.Calls[artifacttest.OpCreate] + counts.Calls[artifacttest.OpReplace]),
				read:         int64(counts.Read), written: int64(counts.Written),
			}
		}
	}
	return one, written / int64(times), nil
}

// meshes is a store with one mesh, of which a compiler can only read; it counts how much it does.
type meshes struct {
	mesh    store.Mesh
	all     []resource.Resource
	journal []store.Entry // those after the generation where the mesh began
	calls   int64
	items   int64
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
	m.calls, m.items = m.calls+1, m.items+int64(len(m.all))
	return m.all, "", nil
}

func (m *meshes) Journal(_ context.Context, _ string, after int64, limit int) ([]store.Entry, error) {
	m.calls++
	from := min(max(int(after-generation), 0), len(m.journal))
	entries := m.journal[from:min(from+limit, len(m.journal))]
	m.items += int64(len(entries))
	return entries, nil
}
