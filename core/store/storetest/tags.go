package storetest

import (
	"errors"
	"fmt"
	"maps"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

func keepTags(tags map[string]string) (map[string]string, error) { return tags, nil }

func setTag(key, value string) func(map[string]string) (map[string]string, error) {
	return func(tags map[string]string) (map[string]string, error) {
		tags = maps.Clone(tags)
		if tags == nil {
			tags = map[string]string{}
		}
		tags[key] = value
		return tags, nil
	}
}

func tags(s *suite) {
	m := s.mesh("shop")
	has := func(what string, k resource.Key, want map[string]string) {
		s.Helper()
		got, err := s.Tags(s.ctx, m.UID, k)
		s.must(err)
		s.same(what, got, want)
	}
	c := s.putting(m.UID, node("a"))
	c.Tags = map[string]string{"a": "1", "<ä/#>": "\u2028"}
	s.must(s.Commit(s.ctx, c))
	has("on create", node("a"), map[string]string{"a": "1", "<ä/#>": "\u2028"})
	has("of the mesh", m.Key, nil)

	s.put(m.UID, node("b"))
	has("of one without tags", node("b"), nil)
	s.must(s.UpdateTags(s.ctx, m.UID, node("b"), setTag("b", "2")))
	s.must(s.UpdateTags(s.ctx, m.UID, m.Key, setTag("m", "3")))
	has("first tag", node("b"), map[string]string{"b": "2"})
	has("of the mesh", m.Key, map[string]string{"m": "3"})
	s.must(s.UpdateTags(s.ctx, m.UID, node("a"), setTag("b", "")))
	has("of a, one more", node("a"), map[string]string{"a": "1", "<ä/#>": "\u2028", "b": ""})
	s.same("tags bump no generation", s.generation(m.UID), int64(3))

	s.put(m.UID, node("a"))
	has("after an update", node("a"), map[string]string{"a": "1", "<ä/#>": "\u2028", "b": ""})
	update := s.putting(m.UID, m.Key)
	update.Put.UID = m.UID
	s.must(s.Commit(s.ctx, update))
	has("of the mesh after its update", m.Key, map[string]string{"m": "3"})

	none := func(map[string]string) (map[string]string, error) { return nil, nil }
	s.must(s.UpdateTags(s.ctx, m.UID, node("b"), none))
	has("all removed", node("b"), nil)

	s.remove(m.UID, node("a"))
	s.put(m.UID, node("a"))
	has("of a resource made again", node("a"), nil)
}

func tagsNotFound(s *suite) {
	m := s.mesh("shop")
	s.put(m.UID, node("gone"))
	s.remove(m.UID, node("gone"))
	for what, k := range map[string]resource.Key{
		"never there": node("a"), "deleted": node("gone"), "another mesh's key": meshKey("other"), "empty": {},
	} {
		_, err := s.Tags(s.ctx, m.UID, k)
		s.wants("tags: "+what, err, store.ErrNotFound)
		s.wants("update: "+what, s.UpdateTags(s.ctx, m.UID, k, setTag("a", "b")), store.ErrNotFound)
	}
	_, err := s.Tags(s.ctx, "no such uid", m.Key)
	s.wants("unknown mesh", err, store.ErrNotFound)
	s.wants("unknown mesh", s.UpdateTags(s.ctx, "no such uid", m.Key, keepTags), store.ErrNotFound)

	s.put(m.UID, node("a"))
	got, err := s.Tags(s.ctx, m.UID, node("a"))
	s.must(err)
	s.same("refused tags stay away", got, map[string]string(nil))
}

func tagsConcurrent(s *suite) {
	const workers, each = 8, 5
	m := s.mesh("shop")
	s.put(m.UID, node("a"))
	s.concurrently(workers, func(w int) error {
		for i := range each {
			if err := s.UpdateTags(s.ctx, m.UID, node("a"), setTag(fmt.Sprintf("%d/%d", w, i), "x")); err != nil {
				return err
			}
		}
		return nil
	})
	got, err := s.Tags(s.ctx, m.UID, node("a"))
	s.must(err)
	if len(got) != workers*each {
		s.Errorf("%d tags, want %d: an update was lost", len(got), workers*each)
	}
}

func tagsRefused(s *suite) {
	m := s.mesh("shop")
	s.must(s.UpdateTags(s.ctx, m.UID, m.Key, setTag("a", "b")))
	refusal := errors.New("too many tags")
	err := s.UpdateTags(s.ctx, m.UID, m.Key, func(tags map[string]string) (map[string]string, error) {
		s.same("what change is given", tags, map[string]string{"a": "b"})
		tags["c"] = "d" // it may even write into what it got
		return tags, refusal
	})
	if err != refusal { //nolint:errorlint // it must come back as it is
		s.Errorf("got %v, want the refusal itself", err)
	}
	got, err := s.Tags(s.ctx, m.UID, m.Key)
	s.must(err)
	s.same("tags", got, map[string]string{"a": "b"})
}
