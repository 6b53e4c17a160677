package storetest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

func createMesh(s *suite) {
	_, err := s.MeshByName(s.ctx, "shop")
	s.wants("by name, before", err, store.ErrNotFound)
	_, err = s.MeshByUID(s.ctx, "u1")
	s.wants("by uid, before", err, store.ErrNotFound)

	m := newMesh("shop", "u1")
	m.CreateToken = store.Token{Value: "token", SpecHash: "hash", Version: 1, UpdatedAt: at}
	given := m
	given.Generation = 0 // what the caller thinks of it doesn't matter
	s.must(s.CreateMesh(s.ctx, given, map[string]string{"team": "cart", "empty": ""}, "r1", "arn:me"))

	got, err := s.MeshByName(s.ctx, "shop")
	s.must(err)
	s.same("by name", got, m)
	got, err = s.MeshByUID(s.ctx, "u1")
	s.must(err)
	s.same("by uid", got, m)
	tags, err := s.Tags(s.ctx, "u1", m.Key)
	s.must(err)
	s.same("tags", tags, map[string]string{"team": "cart", "empty": ""})
	entries, err := s.Journal(s.ctx, "u1", 0, 10)
	s.must(err)
	s.same("journal", entries, []store.Entry{{
		Generation: 1, RequestID: "r1", Caller: "arn:me", At: m.CreatedAt, Key: m.Key, Resource: &m.Resource,
	}})
	s.same("the mesh is not among its resources", s.pages("u1", 10), []resource.Key(nil))

	for _, name := range []string{"", "sho", "shop/", "Shop", "uid-shop"} {
		_, err := s.MeshByName(s.ctx, name)
		s.wants(fmt.Sprintf("by name %q", name), err, store.ErrNotFound)
	}
}

func createMeshTaken(s *suite) {
	first := s.mesh("shop")
	second := newMesh("shop", "u2")
	s.wants("second mesh", s.CreateMesh(s.ctx, second, map[string]string{"a": "b"}, "r2", "me"), store.ErrExists)

	got, err := s.MeshByName(s.ctx, "shop")
	s.must(err)
	s.same("the name means", got, first)
	_, err = s.MeshByUID(s.ctx, "u2")
	s.wants("row of the refused mesh", err, store.ErrNotFound)
	entries, err := s.Journal(s.ctx, "u2", 0, 10)
	s.must(err)
	s.same("its journal", entries, []store.Entry(nil))
	_, err = s.Tags(s.ctx, "u2", second.Key)
	s.wants("its tags", err, store.ErrNotFound)

	other := newMesh("other", first.UID)
	if err := s.CreateMesh(s.ctx, other, nil, "r3", "me"); err == nil {
		s.Error("a uid was used twice")
	}
	_, err = s.MeshByName(s.ctx, "other")
	s.wants("name of the mesh refused for its uid", err, store.ErrNotFound)

	for what, bad := range map[string]store.Mesh{
		"no uid":      newMesh("x", ""),
		"no name":     newMesh("", "x"),
		"not a mesh":  {Record: newRecord(node("x"), "x")},
		"not in utf8": newMesh("x\xff", "x"),
	} {
		if err := s.CreateMesh(s.ctx, bad, nil, "r", "me"); err == nil {
			s.Errorf("%s: created", what)
		}
	}
}

func updateMesh(s *suite) {
	m := s.mesh("shop")
	s.put(m.UID, node("a"))
	c := s.putting(m.UID, m.Key)
	c.Put.UID, c.Put.Version, c.Put.UpdatedAt, c.Put.Spec = m.UID, 2, at.Add(time.Minute), json.RawMessage(`{"egressFilter":{"type":"ALLOW_ALL"}}`)
	c.Put.UpdateToken = store.Token{Value: "t", SpecHash: "h", Version: 2, UpdatedAt: at}
	s.must(s.Commit(s.ctx, c))

	want := m
	want.Record, want.Generation = *c.Put, 3
	got, err := s.MeshByName(s.ctx, "shop")
	s.must(err)
	s.same("updated mesh", got, want)
	entries, err := s.Journal(s.ctx, m.UID, 2, 10)
	s.must(err)
	s.same("journal", entries, []store.Entry{{
		Generation: 3, RequestID: c.RequestID, Caller: c.Caller, At: c.At, Key: m.Key, Resource: &c.Put.Resource,
	}})
	if keys := s.pages(m.UID, 10); len(keys) != 1 {
		s.Errorf("resources: got %v, want node a alone", keys)
	}

	c = s.putting(m.UID, meshKey("other"))
	c.Put.UID = m.UID
	if err := s.Commit(s.ctx, c); err == nil {
		s.Error("a mesh was put under another mesh's name")
	}
	s.same("generation", s.generation(m.UID), int64(3))
}

func deletedMesh(s *suite) {
	m := s.mesh("shop")
	s.put(m.UID, node("a"))
	s.remove(m.UID, node("a"))
	s.must(s.UpdateTags(s.ctx, m.UID, m.Key, func(map[string]string) (map[string]string, error) {
		return map[string]string{"a": "b"}, nil
	}))
	c := s.deleting(m.UID, m.Key)
	s.must(s.Commit(s.ctx, c))

	_, err := s.MeshByName(s.ctx, "shop")
	s.wants("by name", err, store.ErrNotFound)
	want := m
	want.Generation, want.Deleted = 4, true
	got, err := s.MeshByUID(s.ctx, m.UID)
	s.must(err)
	s.same("by uid", got, want)
	meshes, err := s.Meshes(s.ctx, "", 10)
	s.must(err)
	s.same("list", meshes, []store.Mesh(nil))

	entries, err := s.Journal(s.ctx, m.UID, 0, 10)
	s.must(err)
	if len(entries) != 4 {
		s.Fatalf("journal: %d entries, want 4", len(entries))
	}
	s.same("last entry", entries[3], store.Entry{Generation: 4, RequestID: c.RequestID, Caller: c.Caller, At: c.At, Key: m.Key})

	_, err = s.Tags(s.ctx, m.UID, m.Key)
	s.wants("tags", err, store.ErrNotFound)
	s.wants("new tags", s.UpdateTags(s.ctx, m.UID, m.Key, keepTags), store.ErrNotFound)
	s.wants("a later commit", s.Commit(s.ctx, s.putting(m.UID, node("b"))), store.ErrConflict)
	s.wants("a second deletion", s.Commit(s.ctx, s.deleting(m.UID, m.Key)), store.ErrConflict)
	s.same("generation", s.generation(m.UID), int64(4))
}

func recreatedMesh(s *suite) {
	old := s.mesh("shop")
	c := s.putting(old.UID, node("a"))
	c.Tags, c.AddRefs = map[string]string{"old": "tag"}, []store.Ref{{Target: node("a"), Referrer: route("r", "x")}}
	s.must(s.Commit(s.ctx, c)) // and it stays there when the mesh goes
	s.must(s.Commit(s.ctx, s.deleting(old.UID, old.Key)))

	again := newMesh("shop", "u2")
	s.must(s.CreateMesh(s.ctx, again, nil, s.requestID(), "me"))
	got, err := s.MeshByName(s.ctx, "shop")
	s.must(err)
	s.same("the name means", got, again)
	s.same("its resources", s.pages("u2", 10), []resource.Key(nil))
	_, err = s.Get(s.ctx, "u2", node("a"))
	s.wants("a resource of the old one", err, store.ErrNotFound)
	refs, err := s.Referrers(s.ctx, "u2", node("a"), 10)
	s.must(err)
	s.same("reference rows", refs, []resource.Key(nil))
	tags, err := s.Tags(s.ctx, "u2", again.Key)
	s.must(err)
	s.same("tags", tags, map[string]string(nil))
	entries, err := s.Journal(s.ctx, "u2", 0, 10)
	s.must(err)
	if len(entries) != 1 || entries[0].Resource.UID != "u2" {
		s.Errorf("journal holds more than the creation: %v", entries)
	}

	s.put("u2", node("a"))
	s.wants("a commit to the old one", s.Commit(s.ctx, s.putting(old.UID, node("b"))), store.ErrConflict)
	gone, err := s.MeshByUID(s.ctx, old.UID)
	s.must(err)
	if !gone.Deleted || gone.Generation != 3 {
		s.Errorf("the old mesh is %+v, want it deleted at generation 3", gone)
	}
	meshes, err := s.Meshes(s.ctx, "", 10)
	s.must(err)
	if len(meshes) != 1 || meshes[0].UID != "u2" {
		s.Errorf("list: %v, want the new mesh alone", meshes)
	}
}

func listMeshes(s *suite) {
	var all []string
	for _, name := range []string{"b", "a/b", "ä", "a", "a#", "a.b", "B"} {
		s.mesh(name)
	}
	all = []string{"B", "a", "a#", "a.b", "a/b", "b", "ä"} // by bytes
	list := func(after string, limit int) (names []string) {
		s.Helper()
		meshes, err := s.Meshes(s.ctx, after, limit)
		s.must(err)
		for _, m := range meshes {
			names = append(names, m.Name)
			s.same("owner and generation of "+m.Name, []any{m.Owner, m.Generation}, []any{"123456789012", int64(1)})
		}
		return names
	}
	s.same("all", list("", 100), all)
	s.same("the limit is exact", list("", 7), all)
	s.same("first three", list("", 3), all[:3])
	for i, name := range all {
		s.same("two after "+name, list(name, 2), all[i+1:min(i+3, len(all))])
	}
	s.same("after a name that is not there", list("a-", 2), []string{"a.b", "a/b"})
}
