package storetest

import (
	"fmt"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

func journal(s *suite) {
	m := s.mesh("shop")
	const commits = 300 // beyond one byte of the generation
	for i := 2; i <= commits; i++ {
		c := s.putting(m.UID, node(fmt.Sprint(i%7)))
		if i%10 == 0 {
			c = s.deleting(m.UID, node("0"))
		}
		c.Caller, c.RequestID = fmt.Sprint("caller ", i), fmt.Sprint("request ", i)
		s.must(s.Commit(s.ctx, c))
	}
	window := func(after int64, limit int) (generations []int64) {
		s.Helper()
		entries, err := s.Journal(s.ctx, m.UID, after, limit)
		s.must(err)
		for _, e := range entries {
			generations = append(generations, e.Generation)
			if e.Generation == 1 {
				continue
			}
			s.same("caller and request", []string{e.Caller, e.RequestID}, []string{fmt.Sprint("caller ", e.Generation), fmt.Sprint("request ", e.Generation)})
			if deleted := e.Resource == nil; deleted != (e.Generation%10 == 0) {
				s.Errorf("entry %d: deletion is %v", e.Generation, deleted)
			}
		}
		return generations
	}
	count := func(from, to int64) (want []int64) {
		for g := from; g <= to; g++ {
			want = append(want, g)
		}
		return want
	}
	s.same("all", window(0, 1000), count(1, commits))
	s.same("the limit is exact", window(0, commits), count(1, commits))
	s.same("from before the beginning", window(-5, 3), count(1, 3))
	s.same("a window", window(254, 5), count(255, 259))
	s.same("the last one", window(commits-1, 5), count(commits, commits))
	s.same("at the end", window(commits, 5), []int64(nil))
	s.same("beyond the end", window(commits+100, 5), []int64(nil))

	entries, err := s.Journal(s.ctx, "no such uid", 0, 5)
	s.must(err)
	s.same("an unknown mesh", entries, []store.Entry(nil))
}

func referrers(s *suite) {
	m, other := s.mesh("shop"), s.mesh("other")
	commit := func(uid string, add, remove []store.Ref) {
		s.Helper()
		c := s.putting(uid, node("changed"))
		c.AddRefs, c.RemoveRefs = add, remove
		s.must(s.Commit(s.ctx, c))
	}
	read := func(uid string, target resource.Key, limit int) []resource.Key {
		s.Helper()
		keys, err := s.Referrers(s.ctx, uid, target, limit)
		s.must(err)
		return keys
	}
	ref := func(target, referrer resource.Key) store.Ref { return store.Ref{Target: target, Referrer: referrer} }
	service := resource.Key{Kind: resource.KindVirtualService, Name: "s"}

	s.same("none", read(m.UID, node("a"), 10), []resource.Key(nil))
	commit(m.UID, []store.Ref{
		ref(node("a"), service), ref(node("a"), route("r2", "a")), ref(node("a"), route("r", "b")), ref(node("a"), route("r", "a")),
		ref(node("b"), route("r", "a")), ref(router("a"), service),
	}, nil)
	commit(other.UID, []store.Ref{ref(node("a"), route("other", "x"))}, nil)

	all := []resource.Key{route("r", "a"), route("r", "b"), route("r2", "a"), service} // in the order of Key.Compare
	s.same("all", read(m.UID, node("a"), 10), all)
	s.same("the limit is exact", read(m.UID, node("a"), 4), all)
	s.same("the first two", read(m.UID, node("a"), 2), all[:2])
	s.same("another target", read(m.UID, node("b"), 10), []resource.Key{route("r", "a")})
	s.same("another kind", read(m.UID, router("a"), 10), []resource.Key{service})
	s.same("another mesh", read(other.UID, node("a"), 10), []resource.Key{route("other", "x")})

	commit(m.UID, []store.Ref{ref(node("a"), route("r", "a")), ref(node("c"), route("r", "b"))}, // one that is there already
		[]store.Ref{ref(node("a"), route("r", "b")), ref(node("a"), route("never", "was"))})
	s.same("after a change", read(m.UID, node("a"), 10), []resource.Key{route("r", "a"), route("r2", "a"), service})
	s.same("moved", read(m.UID, node("c"), 10), []resource.Key{route("r", "b")})

	c := s.deleting(m.UID, node("changed"))
	c.RemoveRefs = []store.Ref{ref(node("c"), route("r", "b"))}
	s.must(s.Commit(s.ctx, c))
	s.same("removed with a deletion", read(m.UID, node("c"), 10), []resource.Key(nil))
}

func ambiguousRefs(s *suite) {
	m := s.mesh("shop")
	long := strings.Repeat("x", 255)
	targets := []resource.Key{node("a"), node("a#b"), node("a/b"), node("a\x00"), node("a\x00\x01"), node("aa"), node(long), node(long[1:])}
	for i, target := range targets {
		c := s.putting(m.UID, route("r", fmt.Sprint(i)))
		c.AddRefs = []store.Ref{
			{Target: target, Referrer: c.Put.Key}, {Target: target, Referrer: route("b#c", "d")},
			{Target: target, Referrer: route(long, long)}, {Target: target, Referrer: route("b", "c#d")},
		}
		s.must(s.Commit(s.ctx, c))
	}
	for i, target := range targets {
		got, err := s.Referrers(s.ctx, m.UID, target, 10)
		s.must(err)
		want := []resource.Key{route("b", "c#d"), route("b#c", "d"), route("r", fmt.Sprint(i)), route(long, long)}
		s.same(fmt.Sprintf("referrers of %q", target.Name), got, want)
	}
}
