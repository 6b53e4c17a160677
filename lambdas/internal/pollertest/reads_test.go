package pollertest_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// counted counts what is read of a store.
type counted struct {
	store.Store
	mu    sync.Mutex
	calls map[string]int
	rows  int
}

func (c *counted) note(call string, rows int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[call]++
	c.rows += rows
}

// since gives what was read, and begins anew.
func (c *counted) since() (calls map[string]int, rows int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls, rows = c.calls, c.rows
	c.calls, c.rows = map[string]int{}, 0
	return calls, rows
}

func (c *counted) MeshByUID(ctx context.Context, uid string) (store.Mesh, error) {
	c.note("mesh", 1)
	return c.Store.MeshByUID(ctx, uid)
}

func (c *counted) MeshByName(ctx context.Context, name string) (store.Mesh, error) {
	c.note("name", 1)
	return c.Store.MeshByName(ctx, name)
}

func (c *counted) Page(ctx context.Context, uid, cursor string, limit int) ([]resource.Resource, string, error) {
	page, next, err := c.Store.Page(ctx, uid, cursor, limit)
	c.note("page", len(page))
	return page, next, err
}

func (c *counted) Journal(ctx context.Context, uid string, after int64, limit int) ([]store.Entry, error) {
	entries, err := c.Store.Journal(ctx, uid, after, limit)
	c.note("journal", len(entries))
	return entries, err
}

// TestWhatACompileReads: cold, a mesh's pages and what the journal says since; warm, the journal alone, however large the
// mesh is.
func TestWhatACompileReads(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 1200} {
		i := install(t)
		uid := i.mesh("shop")
		for n := range size {
			i.node(uid, fmt.Sprint("node", n), "cart", 8080)
		}
		reads := &counted{Store: i.table.Store, calls: map[string]int{}}
		i.table.Store = reads
		check := func(what string, want map[string]int, wantRows int) {
			t.Helper()
			i.stream.Drain(t.Context())
			reads.since()
			i.compile.Drain(t.Context())
			if calls, rows := reads.since(); !maps.Equal(calls, want) || rows != wantRows {
				t.Errorf("%s, %d nodes: %v calls read %d rows, want %v and %d", what, size, calls, rows, want, wantRows)
			}
		}
		pages := (size + 499) / 500
		i.stream.BatchSize = 10_000 // one message for all of it
		check("cold", map[string]int{"mesh": 1, "name": 1, "page": pages, "journal": 1}, 2+size)
		i.node(uid, "node3", "cart", 9090)
		check("warm, one change", map[string]int{"mesh": 1, "journal": 1}, 2)
		for n := range 5 {
			i.node(uid, fmt.Sprint("node", n), "cart", 7070)
		}
		check("warm, five changes in one batch", map[string]int{"mesh": 1, "journal": 1}, 6)
	}
}
