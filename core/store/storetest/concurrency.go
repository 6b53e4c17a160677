package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// win commits k at whatever generation the mesh has, and gives the generation that it made.
func win(ctx context.Context, st store.Store, uid, requestID string, r store.Record) (int64, error) {
	for {
		m, err := st.MeshByUID(ctx, uid)
		if err != nil {
			return 0, err
		}
		c := store.Commit{MeshUID: uid, IfGeneration: m.Generation, RequestID: requestID, Caller: "tester", At: at, Put: &r}
		switch err := st.Commit(ctx, c); {
		case err == nil:
			return m.Generation + 1, nil
		case !errors.Is(err, store.ErrConflict):
			return 0, err
		}
	}
}

// concurrently runs work n times at the same time.
func (s *suite) concurrently(n int, work func(i int) error) {
	s.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := work(i); err != nil {
				s.Errorf("worker %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if s.Failed() {
		s.FailNow()
	}
}

func concurrentCommits(s *suite) {
	const writers, each = 10, 10
	m := s.mesh("shop")
	var mu sync.Mutex
	wonBy := map[int64]string{} // generation -> request id
	s.concurrently(writers, func(w int) error {
		for i := range each {
			id := fmt.Sprintf("writer %d, write %d", w, i)
			g, err := win(s.ctx, s.Store, m.UID, id, newRecord(node(id), id))
			if err != nil {
				return err
			}
			mu.Lock()
			if other, ok := wonBy[g]; ok {
				s.Errorf("generation %d was won by %q and by %q", g, other, id)
			}
			wonBy[g] = id
			mu.Unlock()
			// Reads are strongly consistent: what was acknowledged is there at once.
			if _, err := s.Get(s.ctx, m.UID, node(id)); err != nil {
				return fmt.Errorf("read after write: %w", err)
			}
		}
		return nil
	})

	s.same("generation", s.generation(m.UID), int64(1+writers*each))
	entries, err := s.Journal(s.ctx, m.UID, 1, 1000)
	s.must(err)
	if len(entries) != writers*each {
		s.Fatalf("journal has %d entries, want %d", len(entries), writers*each)
	}
	for i, e := range entries {
		if e.Generation != int64(i)+2 || e.RequestID != wonBy[e.Generation] || e.Key != node(e.RequestID) {
			s.Errorf("entry %d is generation %d of %q, which %q won", i, e.Generation, e.RequestID, wonBy[e.Generation])
		}
	}
	if keys := s.pages(m.UID, 7); len(keys) != writers*each {
		s.Errorf("%d resources, want %d", len(keys), writers*each)
	}
}

func concurrentMeshes(s *suite) {
	const meshes, each = 8, 10
	s.concurrently(meshes, func(i int) error {
		uid := fmt.Sprint("u", i)
		if err := s.CreateMesh(s.ctx, newMesh(fmt.Sprint("mesh", i), uid), nil, "create", "tester"); err != nil {
			return err
		}
		for g := range int64(each) { // alone on its mesh, so no commit may conflict
			r := newRecord(node(fmt.Sprint(g)), uid)
			c := store.Commit{MeshUID: uid, IfGeneration: g + 1, RequestID: "r", At: at, Put: &r}
			if err := s.Commit(s.ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range meshes {
		s.same("generation", s.generation(fmt.Sprint("u", i)), int64(1+each))
	}
}

func concurrentCreate(s *suite) {
	const creators = 12
	var mu sync.Mutex
	var winners []string
	s.concurrently(creators, func(i int) error {
		uid := fmt.Sprint("u", i)
		err := s.CreateMesh(s.ctx, newMesh("shop", uid), nil, "r", "tester")
		if errors.Is(err, store.ErrExists) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		winners = append(winners, uid)
		return err
	})
	if len(winners) != 1 {
		s.Fatalf("winners: %v, want exactly one", winners)
	}
	m, err := s.MeshByName(s.ctx, "shop")
	s.must(err)
	s.same("the name means", m.UID, winners[0])
	for i := range creators {
		if uid := fmt.Sprint("u", i); uid != winners[0] {
			_, err := s.MeshByUID(s.ctx, uid)
			s.wants("row of a loser", err, store.ErrNotFound)
		}
	}
}

// readersSeeWholeCommits: each commit rewrites one node with its generation in the spec. Who reads the mesh at g
// and then the node finds it at g or later, and the journal reaches at least as far, without a gap.
func readersSeeWholeCommits(s *suite) {
	const commits = 60
	m := s.mesh("shop")
	s.put(m.UID, node("a"))
	var done atomic.Bool
	s.concurrently(4, func(worker int) error {
		if worker == 0 {
			defer done.Store(true)
			for g := int64(2); g < commits; g++ {
				r := newRecord(node("a"), "a")
				r.Version, r.Spec = g+1, json.RawMessage(`{}`)
				c := store.Commit{MeshUID: m.UID, IfGeneration: g, RequestID: "r", At: at, Put: &r}
				if err := s.Commit(s.ctx, c); err != nil {
					return err
				}
			}
			return nil
		}
		for !done.Load() {
			if err := s.checkConsistent(m.UID, node("a")); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkConsistent reads a mesh, one of its resources whose Version is the generation of its newest commit, and the
// journal.
func (s *suite) checkConsistent(uid string, k resource.Key) error {
	m, err := s.MeshByUID(s.ctx, uid)
	if err != nil {
		return err
	}
	r, err := s.Get(s.ctx, uid, k)
	if err != nil {
		return err
	}
	if m.Generation > 2 && r.Version < m.Generation {
		return fmt.Errorf("the mesh is at generation %d, its resource still at %d", m.Generation, r.Version)
	}
	entries, err := s.Journal(s.ctx, uid, 0, 1000)
	if err != nil {
		return err
	}
	if int64(len(entries)) < max(m.Generation, r.Version) {
		return fmt.Errorf("the journal ends at %d, the mesh was at %d, its resource at %d", len(entries), m.Generation, r.Version)
	}
	for i, e := range entries {
		if e.Generation != int64(i)+1 {
			return fmt.Errorf("entry %d of the journal is generation %d", i, e.Generation)
		}
	}
	return nil
}
