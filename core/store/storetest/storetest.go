// Package storetest is the contract of store.Store as tests: every store passes Run, and callers may rely on no more
// than what is in it.
//
// It asks for nothing that a DynamoDB transaction of 100 items, conditioned on keys, can't do. Besides Run it offers
// LoseAnswers, with which users of a store test what they do when a write happened but its answer got lost.
//
// Start with Run: each test is one paragraph of store.go, in a file named after its subject.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// Run tests the store that open gives: an empty one of its own for each test, closed by the test's cleanup.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"create a mesh", createMesh},
		{"create a mesh under a name in use", createMeshTaken},
		{"update a mesh", updateMesh},
		{"a deleted mesh keeps row and journal", deletedMesh},
		{"a mesh re-created under an old name", recreatedMesh},
		{"list meshes", listMeshes},

		{"create, update and delete a resource", resourceLife},
		{"a record comes back as it was written", recordFidelity},
		{"a commit's condition", commitCondition},
		{"a refused commit leaves nothing", commitAtomic},
		{"a commit writes all of its rows", commitWhole},
		{"bad commits", badCommits},
		{"a cancelled context", cancelled},

		{"concurrent commits", concurrentCommits},
		{"concurrent commits to many meshes", concurrentMeshes},
		{"concurrent creation of one mesh", concurrentCreate},
		{"readers see whole commits", readersSeeWholeCommits},
		{"guards", guards},

		{"list resources", listResources},
		{"list routes of one parent", listByParent},
		{"pages", pages},
		{"pages while resources come and go", pagesUnderChange},
		{"foreign cursors", foreignCursors},
		{"limits below one", badLimits},
		{"names of any characters", names},
		{"names that could run together", ambiguousNames},

		{"journal", journal},
		{"reference rows", referrers},
		{"reference rows that could run together", ambiguousRefs},

		{"tags", tags},
		{"tags of what is not there", tagsNotFound},
		{"tags change atomically", tagsConcurrent},
		{"a refused change of tags", tagsRefused},

		{"a lost answer is recognized", lostAnswers},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(&suite{T: t, Store: open(t), ctx: t.Context()})
		})
	}
}

// suite is one test with its store, and short ways to use it.
type suite struct {
	*testing.T
	store.Store
	ctx      context.Context
	requests int
}

// at is when everything happens in these tests, but for offsets.
var at = time.Date(2026, 10, 1, 12, 30, 15, 123456789, time.UTC)

// equal are the liberties that a store has: nil or empty lists and maps, and how it keeps a time zone.
var equal = cmp.Options{cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0), cmp.Comparer(func(a, b json.RawMessage) bool {
	return string(a) == string(b)
})}

func (s *suite) same(what string, got, want any) {
	s.Helper()
	if d := cmp.Diff(want, got, equal); d != "" {
		s.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) wants(what string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

func (s *suite) requestID() string {
	s.requests++
	return fmt.Sprintf("request-%d", s.requests)
}

func meshKey(name string) resource.Key { return resource.Key{Kind: resource.KindMesh, Name: name} }

func node(name string) resource.Key { return resource.Key{Kind: resource.KindVirtualNode, Name: name} }

func router(name string) resource.Key {
	return resource.Key{Kind: resource.KindVirtualRouter, Name: name}
}

func route(parent, name string) resource.Key {
	return resource.Key{Kind: resource.KindRoute, Parent: parent, Name: name}
}

// newMesh is a mesh that is not stored yet.
func newMesh(name, uid string) store.Mesh {
	return store.Mesh{Record: newRecord(meshKey(name), uid), Owner: "123456789012", Generation: 1}
}

// newRecord is a first version.
func newRecord(k resource.Key, uid string) store.Record {
	return store.Record{Resource: resource.Resource{
		Key: k, UID: uid, Version: 1, CreatedAt: at, UpdatedAt: at, Spec: json.RawMessage(`{"of":"` + uid + `"}`),
	}}
}

// mesh makes a mesh with this name and a uid made from it.
func (s *suite) mesh(name string) store.Mesh {
	s.Helper()
	m := newMesh(name, "uid-"+name)
	s.must(s.CreateMesh(s.ctx, m, nil, s.requestID(), "tester"))
	return m
}

// generation is the mesh's present one.
func (s *suite) generation(uid string) int64 {
	s.Helper()
	m, err := s.MeshByUID(s.ctx, uid)
	s.must(err)
	return m.Generation
}

// putting is a commit, at the mesh's present generation, of a first version of k.
func (s *suite) putting(uid string, k resource.Key) store.Commit {
	s.Helper()
	r := newRecord(k, uid+" "+k.String())
	r.Spec = json.RawMessage(`{}`)
	return store.Commit{
		MeshUID: uid, IfGeneration: s.generation(uid), RequestID: s.requestID(), Caller: "tester", At: at, Put: &r,
	}
}

// deleting is a commit, at the mesh's present generation, that deletes k.
func (s *suite) deleting(uid string, k resource.Key) store.Commit {
	s.Helper()
	return store.Commit{
		MeshUID: uid, IfGeneration: s.generation(uid), RequestID: s.requestID(), Caller: "tester", At: at, Delete: &k,
	}
}

// put commits first versions of the keys, one after the other.
func (s *suite) put(uid string, keys ...resource.Key) {
	s.Helper()
	for _, k := range keys {
		s.must(s.Commit(s.ctx, s.putting(uid, k)))
	}
}

// remove commits the deletion of k.
func (s *suite) remove(uid string, k resource.Key) {
	s.Helper()
	s.must(s.Commit(s.ctx, s.deleting(uid, k)))
}

// pages reads all pages of a mesh.
func (s *suite) pages(uid string, limit int) (keys []resource.Key) {
	s.Helper()
	for cursor := ""; ; {
		page, next, err := s.Page(s.ctx, uid, cursor, limit)
		s.must(err)
		if len(page) > limit {
			s.Fatalf("page of %d, limit is %d", len(page), limit)
		}
		keys = append(keys, keysOf(page)...)
		if next == "" {
			return keys
		}
		cursor = next
	}
}

func keysOf(resources []resource.Resource) (keys []resource.Key) {
	for _, r := range resources {
		keys = append(keys, r.Key)
	}
	return keys
}

func namesOf(records []store.Record) (names []string) {
	for _, r := range records {
		names = append(names, r.Name)
	}
	return names
}
