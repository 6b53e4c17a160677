package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// guards: writers that do as the API does (read the generation, check, commit at that generation) never bring about
// what their checks forbid: here, a route to a node that is not there. They create and delete one node and two
// routes to it at random; the journal is the witness.
func guards(s *suite) {
	const writers, enough, tries = 6, 60, 3000
	m := s.mesh("shop")
	var commits atomic.Int32
	s.concurrently(writers, func(int) error {
		for i := 0; i < tries && commits.Load() < enough; i++ {
			m, err := s.MeshByUID(s.ctx, m.UID)
			if err != nil {
				return err
			}
			c := store.Commit{MeshUID: m.UID, IfGeneration: m.Generation, RequestID: "r", At: at}
			if which := rand.IntN(4); which < 2 {
				err = s.toggleNode(&c)
			} else {
				err = s.toggleRoute(&c, route("r", fmt.Sprint(which)))
			}
			if err != nil {
				return err
			}
			if c.Put == nil && c.Delete == nil {
				continue // the check forbids it
			}
			switch err := s.Commit(s.ctx, c); {
			case err == nil:
				commits.Add(1)
			case !errors.Is(err, store.ErrConflict):
				return err
			}
		}
		return nil
	})

	entries, err := s.Journal(s.ctx, m.UID, 0, 10_000)
	s.must(err)
	there, nodes, routes := map[resource.Key]bool{}, 0, 0
	s.same("journal entries", int64(len(entries)), s.generation(m.UID))
	for i, e := range entries {
		s.same("generation", e.Generation, int64(i)+1)
		there[e.Key] = e.Resource != nil
		switch {
		case e.Key == node("a") && e.Resource == nil:
			nodes++
			for k, is := range there {
				if is && k.Kind == resource.KindRoute {
					s.Errorf("generation %d deletes the node, and %s refers to it", e.Generation, k)
				}
			}
		case e.Key.Kind == resource.KindRoute && e.Resource != nil:
			routes++
			if !there[node("a")] {
				s.Errorf("generation %d creates %s without its node", e.Generation, e.Key)
			}
		}
	}
	if nodes == 0 || routes == 0 {
		s.Errorf("%d deletions of the node and %d routes: nothing was put to the test", nodes, routes)
	}
}

// toggleNode creates node a, or deletes it if nobody refers to it.
func (s *suite) toggleNode(c *store.Commit) error {
	_, err := s.Get(s.ctx, c.MeshUID, node("a"))
	if errors.Is(err, store.ErrNotFound) {
		r := newRecord(node("a"), "a")
		c.Put = &r
		return nil
	}
	if err != nil {
		return err
	}
	referrers, err := s.Referrers(s.ctx, c.MeshUID, node("a"), 1)
	if err == nil && len(referrers) == 0 {
		k := node("a")
		c.Delete = &k
	}
	return err
}

// toggleRoute deletes a route, or creates it if node a is there.
func (s *suite) toggleRoute(c *store.Commit, k resource.Key) error {
	ref := []store.Ref{{Target: node("a"), Referrer: k}}
	switch _, err := s.Get(s.ctx, c.MeshUID, k); {
	case err == nil:
		c.Delete, c.RemoveRefs = &k, ref
		return nil
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	switch _, err := s.Get(s.ctx, c.MeshUID, node("a")); {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	r := newRecord(k, "route")
	c.Put, c.AddRefs = &r, ref
	return nil
}
