package storetest

import (
	"context"
	"errors"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// ErrLost is what a store made by LoseAnswers says of a write that did happen.
var ErrLost = errors.New("the answer got lost")

// LoseAnswers gives a store whose successful writes are answered with ErrLost whenever lose says so: what the writer
// sees when the connection breaks after the commit. Refusals (ErrConflict …) and reads come through.
func LoseAnswers(s store.Store, lose func() bool) store.Store { return &loser{Store: s, lose: lose} }

type loser struct {
	store.Store
	lose func() bool
}

func (l *loser) answer(err error) error {
	if err == nil && l.lose() {
		return ErrLost
	}
	return err
}

func (l *loser) CreateMesh(ctx context.Context, m store.Mesh, tags map[string]string, requestID, caller string) error {
	return l.answer(l.Store.CreateMesh(ctx, m, tags, requestID, caller))
}

func (l *loser) Commit(ctx context.Context, c store.Commit) error {
	return l.answer(l.Store.Commit(ctx, c))
}

func (l *loser) UpdateTags(ctx context.Context, uid string, k resource.Key, change func(map[string]string) (map[string]string, error)) error {
	return l.answer(l.Store.UpdateTags(ctx, uid, k, change))
}

// lostAnswers does what a writer does that doesn't know whether its commit happened: the journal's entry at the
// generation that it wanted to make says so by its request id.
func lostAnswers(s *suite) {
	losing := true
	st := LoseAnswers(s.Store, func() bool { return losing })
	m := newMesh("shop", "u1")
	s.wants("create", st.CreateMesh(s.ctx, m, nil, "create 1", "me"), ErrLost)
	s.wants("create again", st.CreateMesh(s.ctx, m, nil, "create 1", "me"), store.ErrExists)
	found, err := st.MeshByName(s.ctx, "shop")
	s.must(err)
	s.same("it was ours", s.requestAt(found.UID, 1), "create 1")

	c := s.putting("u1", node("a"))
	s.wants("commit", st.Commit(s.ctx, c), ErrLost)
	s.wants("the same commit again", st.Commit(s.ctx, c), store.ErrConflict)
	s.same("it was ours", s.requestAt("u1", c.IfGeneration+1), c.RequestID)
	s.same("it happened once", s.generation("u1"), int64(2))

	losing = false
	lost := c // this one loses against another writer, and its answer is lost as well: it must not take it for its own
	lost.IfGeneration, lost.RequestID = 2, "never happened"
	s.put("u1", node("b"))
	s.wants("commit", st.Commit(s.ctx, lost), store.ErrConflict)
	if s.requestAt("u1", 3) == lost.RequestID {
		s.Error("a commit that never happened is in the journal")
	}

	losing = true
	d := s.deleting("u1", m.Key)
	s.wants("deletion of the mesh", st.Commit(s.ctx, d), ErrLost)
	s.wants("the same again", st.Commit(s.ctx, d), store.ErrConflict)
	s.same("it was ours", s.requestAt("u1", d.IfGeneration+1), d.RequestID)
}

// requestAt is the request id of the commit that made this generation.
func (s *suite) requestAt(uid string, generation int64) string {
	s.Helper()
	entries, err := s.Journal(s.ctx, uid, generation-1, 1)
	s.must(err)
	if len(entries) != 1 || entries[0].Generation != generation {
		s.Fatalf("journal at %d: %v", generation, entries)
	}
	return entries[0].RequestID
}
