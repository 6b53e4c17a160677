package storetest

import (
	"fmt"
	"slices"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

func listResources(s *suite) {
	m, other := s.mesh("shop"), s.mesh("shop2")
	for _, name := range []string{"c", "a", "b10", "b", "b2", "B", "d"} {
		s.put(m.UID, node(name))
	}
	s.put(m.UID, router("a"), router("zz"), route("a", "x"))
	s.put(other.UID, node("a"), node("other"))
	s.remove(m.UID, node("d"))

	list := func(kind resource.Kind, after string, limit int) []string {
		s.Helper()
		records, err := s.List(s.ctx, m.UID, kind, "", after, limit)
		s.must(err)
		return namesOf(records)
	}
	all := []string{"B", "a", "b", "b10", "b2", "c"} // by bytes
	s.same("all", list(resource.KindVirtualNode, "", 100), all)
	s.same("the limit is exact", list(resource.KindVirtualNode, "", 6), all)
	s.same("the first two", list(resource.KindVirtualNode, "", 2), all[:2])
	for i, name := range all {
		s.same("two after "+name, list(resource.KindVirtualNode, name, 2), all[i+1:min(i+3, len(all))])
	}
	s.same("after a deleted one", list(resource.KindVirtualNode, "d", 2), []string(nil))
	s.same("after one that never was", list(resource.KindVirtualNode, "b1", 2), []string{"b10", "b2"})
	s.same("another kind", list(resource.KindVirtualRouter, "", 10), []string{"a", "zz"})
	s.same("a kind without any", list(resource.KindVirtualGateway, "", 10), []string(nil))
	s.same("routes without their router", list(resource.KindRoute, "", 10), []string(nil))

	records, err := s.List(s.ctx, "no such uid", resource.KindVirtualNode, "", "", 10)
	s.must(err)
	s.same("an unknown mesh", namesOf(records), []string(nil))
}

func listByParent(s *suite) {
	m := s.mesh("shop")
	s.put(m.UID, route("r", "b"), route("r", "a"), route("r2", "c"), route("r/a", "d"), route("r#a", "e"), route("", "f"))
	for parent, want := range map[string][]string{
		"r": {"a", "b"}, "r2": {"c"}, "r/a": {"d"}, "r#a": {"e"}, "": {"f"}, "r/": nil, "R": nil,
	} {
		records, err := s.List(s.ctx, m.UID, resource.KindRoute, parent, "", 10)
		s.must(err)
		s.same(fmt.Sprintf("routes of %q", parent), namesOf(records), want)
		for _, r := range records {
			s.same("parent", r.Parent, parent)
		}
	}
}

// manyKeys are n keys of several kinds.
func manyKeys(n int) (keys []resource.Key) {
	for i := range n {
		switch name := fmt.Sprintf("name/%d", i); i % 3 {
		case 0:
			keys = append(keys, node(name))
		case 1:
			keys = append(keys, router(name))
		default:
			keys = append(keys, route(fmt.Sprint("router#", i%2), name))
		}
	}
	return keys
}

func sorted(keys []resource.Key) []resource.Key {
	keys = slices.Clone(keys)
	slices.SortFunc(keys, resource.Key.Compare)
	return keys
}

func pages(s *suite) {
	m, other := s.mesh("shop"), s.mesh("shop2")
	s.same("an empty mesh", s.pages(m.UID, 10), []resource.Key(nil))
	keys := manyKeys(23)
	s.put(m.UID, keys...)
	s.put(other.UID, node("other"))
	for _, limit := range []int{1, 2, 5, 22, 23, 24, 1000} {
		s.same(fmt.Sprintf("pages of %d", limit), sorted(s.pages(m.UID, limit)), sorted(keys))
	}
	_, next, err := s.Page(s.ctx, m.UID, "", 23)
	s.must(err)
	for i := 0; next != ""; i++ { // a store may say "maybe more", but not forever
		var page []resource.Resource
		if page, next, err = s.Page(s.ctx, m.UID, next, 23); err != nil || len(page) > 0 || i > 3 {
			s.Fatalf("after the last resource: page %v, next %q, error %v", page, next, err)
		}
	}
	s.same("an unknown mesh", s.pages("no such uid", 10), []resource.Key(nil))
}

func pagesUnderChange(s *suite) {
	m := s.mesh("shop")
	keys := manyKeys(20)
	s.put(m.UID, keys...)
	first, cursor, err := s.Page(s.ctx, m.UID, "", 6)
	s.must(err)
	if len(first) != 6 || cursor == "" {
		s.Fatalf("a first page of %d with cursor %q, want 6 and a cursor", len(first), cursor)
	}

	// Everything of the first page goes, the one that the cursor names included, and so does one that was not
	// read yet.
	before := sorted(keys)
	gone := keysOf(first)
	for _, k := range before {
		if !slices.Contains(gone, k) {
			gone = append(gone, k)
			break
		}
	}
	for _, k := range gone {
		s.remove(m.UID, k)
	}
	var rest []resource.Key
	for cursor != "" {
		page, next, err := s.Page(s.ctx, m.UID, cursor, 6)
		s.must(err)
		rest, cursor = append(rest, keysOf(page)...), next
	}
	want := slices.DeleteFunc(before, func(k resource.Key) bool { return slices.Contains(gone, k) })
	s.same("the rest", sorted(rest), want)
}

func foreignCursors(s *suite) {
	m := s.mesh("shop")
	s.put(m.UID, manyKeys(5)...)
	_, good, err := s.Page(s.ctx, m.UID, "", 2)
	s.must(err)
	for what, cursor := range map[string]string{
		"a word":        "garbage",
		"a space":       " ",
		"a NUL":         "\x00",
		"not in utf-8":  "\xff\xfe",
		"base64":        "AAAAAAAAAAAAAAAAAAAAAA",
		"padded":        good + "=",
		"cut":           good[:len(good)-2],
		"longer":        good + "AAAA",
		"changed":       "A" + good[1:] + "B",
		"a name":        "name/1",
		"much too long": string(make([]byte, 1<<16)),
	} {
		_, _, err := s.Page(s.ctx, m.UID, cursor, 2)
		s.wants("cursor: "+what, err, store.ErrCursor)
	}
	if _, _, err := s.Page(s.ctx, m.UID, good, 2); err != nil {
		s.Errorf("the good one: %v", err)
	}
}

func badLimits(s *suite) {
	m := s.mesh("shop")
	s.put(m.UID, node("a"))
	for _, limit := range []int{0, -1} {
		results := map[string]error{}
		_, results["meshes"] = s.Meshes(s.ctx, "", limit)
		_, results["list"] = s.List(s.ctx, m.UID, resource.KindVirtualNode, "", "", limit)
		_, results["referrers"] = s.Referrers(s.ctx, m.UID, node("a"), limit)
		_, _, results["page"] = s.Page(s.ctx, m.UID, "", limit)
		_, results["journal"] = s.Journal(s.ctx, m.UID, 0, limit)
		for what, err := range results {
			if err == nil {
				s.Errorf("%s with limit %d: no error", what, limit)
			}
		}
	}
}
