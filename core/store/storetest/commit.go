package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

func resourceLife(s *suite) {
	m := s.mesh("shop")
	_, err := s.Get(s.ctx, m.UID, node("a"))
	s.wants("before", err, store.ErrNotFound)

	create := s.putting(m.UID, node("a"))
	s.must(s.Commit(s.ctx, create))
	got, err := s.Get(s.ctx, m.UID, node("a"))
	s.must(err)
	s.same("created", got, *create.Put)

	update := s.putting(m.UID, node("a"))
	update.Put.Version, update.Put.UpdatedAt, update.Put.Spec = 2, at.Add(time.Second), json.RawMessage(`{"listeners":[]}`)
	s.must(s.Commit(s.ctx, update))
	got, err = s.Get(s.ctx, m.UID, node("a"))
	s.must(err)
	s.same("updated", got, *update.Put)

	s.remove(m.UID, node("a"))
	_, err = s.Get(s.ctx, m.UID, node("a"))
	s.wants("deleted", err, store.ErrNotFound)
	list, err := s.List(s.ctx, m.UID, resource.KindVirtualNode, "", "", 10)
	s.must(err)
	s.same("list", namesOf(list), []string(nil))

	again := s.putting(m.UID, node("a"))
	again.Put.UID = "another"
	s.must(s.Commit(s.ctx, again))
	got, err = s.Get(s.ctx, m.UID, node("a"))
	s.must(err)
	s.same("created again", got, *again.Put)

	for what, k := range map[string]resource.Key{
		"another name": node("b"), "another kind": router("a"), "a parent": route("", "a"),
		"the mesh": m.Key, "no name": node(""), "no kind": {Name: "a"},
	} {
		_, err := s.Get(s.ctx, m.UID, k)
		s.wants(what, err, store.ErrNotFound)
	}
	_, err = s.Get(s.ctx, "no such uid", node("a"))
	s.wants("another mesh", err, store.ErrNotFound)
}

func recordFidelity(s *suite) {
	m := s.mesh("shop")
	specs := map[string]string{
		"empty":    `{}`,
		"order":    `{"z":1,"a":{"y":[],"b":{}},"m":0}`,
		"numbers":  `{"a":1.0,"b":1e3,"c":12345678901234567890,"d":-0,"e":0.1}`,
		"strings":  `{"a":"<&>","b":"\u003c\u2028","c":"` + "\u2028é\U0001F600" + `","d":"","e":"\\\"\n"}`,
		"big":      `{"a":"` + strings.Repeat("0123456789abcdef", 8<<10) + `"}`,
		"nothings": `{"a":false,"b":"","c":[],"d":{},"e":0}`,
	}
	for name, spec := range specs {
		c := s.putting(m.UID, node(name))
		c.Put.Spec = json.RawMessage(spec)
		c.Put.CreateToken = store.Token{Value: "ct", SpecHash: "ch", Version: 1, UpdatedAt: at}
		c.Put.UpdateToken = store.Token{Value: "ut", SpecHash: "uh", Version: 7, UpdatedAt: at.Add(time.Hour)}
		c.Put.Version = 1 << 40
		s.must(s.Commit(s.ctx, c))

		got, err := s.Get(s.ctx, m.UID, node(name))
		s.must(err)
		s.same(name+" by get", got, *c.Put)
		entries, err := s.Journal(s.ctx, m.UID, c.IfGeneration, 1)
		s.must(err)
		s.same(name+" in the journal", *entries[0].Resource, c.Put.Resource)
	}
	page, _, err := s.Page(s.ctx, m.UID, "", 100)
	s.must(err)
	list, err := s.List(s.ctx, m.UID, resource.KindVirtualNode, "", "", 100)
	s.must(err)
	if len(page) != len(specs) || len(list) != len(specs) {
		s.Fatalf("got a page of %d and a list of %d, want %d", len(page), len(list), len(specs))
	}
	for i := range page {
		s.same(page[i].Name+" in a page", string(page[i].Spec), specs[page[i].Name])
		s.same(list[i].Name+" in a list", string(list[i].Spec), specs[list[i].Name])
	}
}

func commitCondition(s *suite) {
	m := s.mesh("shop")
	s.put(m.UID, node("a"))
	for _, g := range []int64{-1, 0, 1, 3, 1 << 62} {
		c := s.putting(m.UID, node("b"))
		c.IfGeneration = g
		s.wants(fmt.Sprintf("at generation %d, the mesh is at 2", g), s.Commit(s.ctx, c), store.ErrConflict)
	}
	c := s.putting(m.UID, node("b"))
	c.MeshUID = "no such uid"
	s.wants("an unknown mesh", s.Commit(s.ctx, c), store.ErrConflict)
	s.same("generation", s.generation(m.UID), int64(2))

	other := s.mesh("other")
	s.put(other.UID, node("a"), node("b"))
	s.same("another mesh has a generation of its own", s.generation(m.UID), int64(2))
}

func commitAtomic(s *suite) {
	m := s.mesh("shop")
	s.put(m.UID, node("a"))
	old := store.Ref{Target: node("a"), Referrer: route("r", "old")}
	c := s.putting(m.UID, node("b"))
	c.AddRefs, c.Tags = []store.Ref{old}, map[string]string{"a": "b"}
	s.must(s.Commit(s.ctx, c))

	late := s.putting(m.UID, node("b"))
	late.IfGeneration--
	late.Put.Spec = json.RawMessage(`{"late":true}`)
	late.AddRefs, late.RemoveRefs = []store.Ref{{Target: node("a"), Referrer: route("r", "new")}}, []store.Ref{old}
	late.Tags = map[string]string{"late": "yes"}
	s.wants("late update", s.Commit(s.ctx, late), store.ErrConflict)
	late.Put, late.Delete = nil, &c.Put.Key
	late.Tags, late.AddRefs = nil, nil
	s.wants("late deletion", s.Commit(s.ctx, late), store.ErrConflict)
	late.Delete, late.RemoveRefs = &m.Key, nil
	s.wants("late deletion of the mesh", s.Commit(s.ctx, late), store.ErrConflict)

	got, err := s.Get(s.ctx, m.UID, node("b"))
	s.must(err)
	s.same("resource", got, *c.Put)
	refs, err := s.Referrers(s.ctx, m.UID, node("a"), 10)
	s.must(err)
	s.same("reference rows", refs, []resource.Key{old.Referrer})
	tags, err := s.Tags(s.ctx, m.UID, node("b"))
	s.must(err)
	s.same("tags", tags, c.Tags)
	entries, err := s.Journal(s.ctx, m.UID, 0, 10)
	s.must(err)
	if len(entries) != 3 {
		s.Errorf("journal: %d entries, want 3", len(entries))
	}
	_, err = s.MeshByName(s.ctx, "shop")
	s.must(err)
}

func commitWhole(s *suite) {
	m := s.mesh("shop")
	c := s.putting(m.UID, route("r", "x"))
	c.Tags = map[string]string{"a": "b"}
	for i := range store.MaxCommitItems - 5 { // as many rows as one commit may write
		c.AddRefs = append(c.AddRefs, store.Ref{Target: node(fmt.Sprint(i)), Referrer: c.Put.Key})
	}
	s.must(s.Commit(s.ctx, c))
	s.same("generation", s.generation(m.UID), c.IfGeneration+1)
	_, err := s.Get(s.ctx, m.UID, c.Put.Key)
	s.must(err)
	for _, r := range c.AddRefs {
		refs, err := s.Referrers(s.ctx, m.UID, r.Target, 10)
		s.must(err)
		s.same("referrers of "+r.Target.Name, refs, []resource.Key{r.Referrer})
	}

	d := s.deleting(m.UID, c.Put.Key)
	d.RemoveRefs = c.AddRefs
	s.must(s.Commit(s.ctx, d))
	for _, r := range c.AddRefs {
		refs, err := s.Referrers(s.ctx, m.UID, r.Target, 10)
		s.must(err)
		s.same("referrers of "+r.Target.Name+" after deletion", refs, []resource.Key(nil))
	}

	c = s.putting(m.UID, c.Put.Key)
	c.AddRefs = append(d.RemoveRefs, store.Ref{Target: node("one too many"), Referrer: c.Put.Key})
	if err := s.Commit(s.ctx, c); err == nil {
		s.Error("a commit of more rows than allowed was taken")
	}
	s.same("generation", s.generation(m.UID), d.IfGeneration+1)
}

func badCommits(s *suite) {
	m := s.mesh("shop")
	key := node("a")
	ref := store.Ref{Target: node("b"), Referrer: node("a")}
	for what, spoil := range map[string]func(*store.Commit){
		"neither put nor delete":  func(c *store.Commit) { c.Put = nil },
		"put and delete":          func(c *store.Commit) { c.Delete = &key },
		"no mesh":                 func(c *store.Commit) { c.MeshUID = "" },
		"no request id":           func(c *store.Commit) { c.RequestID = "" },
		"no name":                 func(c *store.Commit) { c.Put.Name = "" },
		"no kind":                 func(c *store.Commit) { c.Put.Kind = "" },
		"a name not in utf-8":     func(c *store.Commit) { c.Put.Name = "a\xff" },
		"a name too long":         func(c *store.Commit) { c.Put.Name = strings.Repeat("a", store.MaxNameBytes+1) },
		"a spec that is no JSON":  func(c *store.Commit) { c.Put.Spec = json.RawMessage(`{"a":`) },
		"a reference to nothing":  func(c *store.Commit) { c.AddRefs = []store.Ref{{Referrer: key}} },
		"a reference twice":       func(c *store.Commit) { c.AddRefs = []store.Ref{ref, ref} },
		"a reference in and out":  func(c *store.Commit) { c.AddRefs, c.RemoveRefs = []store.Ref{ref}, []store.Ref{ref} },
		"the mesh by a wrong uid": func(c *store.Commit) { c.Put.Key, c.Put.UID = m.Key, "another" },
	} {
		c := s.putting(m.UID, key)
		spoil(&c)
		err := s.Commit(s.ctx, c)
		if err == nil || errors.Is(err, store.ErrConflict) {
			s.Errorf("%s: got %v, want an error that is no conflict", what, err)
		}
	}
	s.same("generation", s.generation(m.UID), int64(1))
	s.same("resources", s.pages(m.UID, 10), []resource.Key(nil))
}

func cancelled(s *suite) {
	m := s.mesh("shop")
	s.put(m.UID, node("a"))
	c := s.putting(m.UID, node("b"))
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()

	results := map[string]error{
		"create mesh": s.CreateMesh(ctx, newMesh("other", "u2"), nil, "r", "me"),
		"commit":      s.Commit(ctx, c),
		"update tags": s.UpdateTags(ctx, m.UID, m.Key, keepTags),
	}
	_, results["mesh by name"] = s.MeshByName(ctx, "shop")
	_, results["mesh by uid"] = s.MeshByUID(ctx, m.UID)
	_, results["meshes"] = s.Meshes(ctx, "", 1)
	_, results["get"] = s.Get(ctx, m.UID, node("a"))
	_, results["list"] = s.List(ctx, m.UID, resource.KindVirtualNode, "", "", 1)
	_, results["referrers"] = s.Referrers(ctx, m.UID, node("a"), 1)
	_, _, results["page"] = s.Page(ctx, m.UID, "", 1)
	_, results["journal"] = s.Journal(ctx, m.UID, 0, 1)
	_, results["tags"] = s.Tags(ctx, m.UID, m.Key)
	for what, err := range results {
		s.wants(what, err, context.Canceled)
	}

	s.same("generation", s.generation(m.UID), int64(2))
	s.same("resources", s.pages(m.UID, 10), []resource.Key{node("a")})
	_, err := s.MeshByName(s.ctx, "other")
	s.wants("the other mesh", err, store.ErrNotFound)
}
