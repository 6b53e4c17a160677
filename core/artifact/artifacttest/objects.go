// Package artifacttest is the contract of artifact.Objects as tests: every artifact store passes RunObjects, and
// callers may rely on no more than what is in it. Start with RunObjects.
package artifacttest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ownmesh/ownmesh/core/artifact"
)

// RunObjects tests the artifact store that open gives: an empty one of its own for each test.
//
// Two things can't be asked of every store from the outside and are for its own tests: that a refusal (S3's 403, a
// folder without permission) is never ErrNotFound, since a reader takes that for "nothing new"; and durability.
// No key here is the folder of another one: a bucket takes that, a folder does not.
func RunObjects(t *testing.T, open func(t *testing.T) artifact.Objects) {
	for _, test := range []struct {
		name string
		run  func(*objects)
	}{
		{"get", get},
		{"get if changed", getIfChanged},
		{"create", create},
		{"create has exactly one winner", createRace},
		{"replace", replace},
		{"replace what has changed or is gone", replaceChanged},
		{"replace has exactly one winner", replaceRace},
		{"readers see all or nothing", allOrNothing},
		{"delete", deletes},
		{"delete against replace", deleteRace},
		{"list", list},
		{"list in the order of whole keys", listOrder},
		{"pages of a list", listPages},
		{"big and empty objects", sizes},
		{"keys of all characters", keys},
		{"bad keys", badKeys},
		{"a cancelled context", cancelled},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(&objects{T: t, Objects: open(t), ctx: t.Context()})
		})
	}
}

// objects is one test with its store, and short ways to use it.
type objects struct {
	*testing.T
	artifact.Objects
	ctx context.Context
}

func (o *objects) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

func (o *objects) wants(what string, err, want error) {
	o.Helper()
	if !errors.Is(err, want) {
		o.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

func (o *objects) create(key, data string) (etag string) {
	o.Helper()
	etag, err := o.Create(o.ctx, key, []byte(data))
	o.must(err)
	return etag
}

// holds checks what is under a key.
func (o *objects) holds(key, want, wantTag string) {
	o.Helper()
	data, etag, err := o.Get(o.ctx, key)
	if err != nil || string(data) != want || etag != wantTag {
		o.Errorf("%s holds %.40q with tag %q (error %v), want %.40q with tag %q", key, data, etag, err, want, wantTag)
	}
}

func (o *objects) lists(prefix, after string, limit int, want ...string) {
	o.Helper()
	got, err := o.List(o.ctx, prefix, after, limit)
	o.must(err)
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		o.Errorf("list of %q after %q, limit %d (-want +got):\n%s", prefix, after, limit, d)
	}
}

// concurrently runs work n times at the same time.
func (o *objects) concurrently(n int, work func(i int) error) {
	o.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := work(i); err != nil {
				o.Errorf("worker %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func get(o *objects) {
	for _, key := range []string{"a", "meshes/u/config/checkpoint"} {
		_, _, err := o.Get(o.ctx, key)
		o.wants("get of nothing", err, artifact.ErrNotFound)
		tag := o.create(key, "data of "+key)
		if tag == "" {
			o.Errorf("%s has no tag", key)
		}
		o.holds(key, "data of "+key, tag)
	}
	for _, key := range []string{"meshes", "meshes/u", "meshes/u/config", "a/b", "meshes/u/config/checkpoint/x", "A", "b"} {
		_, _, err := o.Get(o.ctx, key)
		o.wants("get of "+key, err, artifact.ErrNotFound)
	}
}

func getIfChanged(o *objects) {
	_, _, err := o.GetIfChanged(o.ctx, "a", "")
	o.wants("nothing, without a tag", err, artifact.ErrNotFound)
	_, _, err = o.GetIfChanged(o.ctx, "a", "tag")
	o.wants("nothing, with a tag", err, artifact.ErrNotFound)

	first := o.create("a", "1")
	check := func(etag, wantData, wantTag string) {
		o.Helper()
		data, tag, err := o.GetIfChanged(o.ctx, "a", etag)
		if err != nil || string(data) != wantData || tag != wantTag || (data == nil) != (etag == wantTag) {
			o.Errorf("with %q: got %q, %q, %v, want %q, %q", etag, data, tag, err, wantData, wantTag)
		}
	}
	check("", "1", first)
	check("other", "1", first)
	check(first, "", first)
	second, err := o.Replace(o.ctx, "a", []byte("2"), first)
	o.must(err)
	check(first, "2", second)
	check(second, "", second)

	empty := o.create("empty", "")
	data, _, err := o.GetIfChanged(o.ctx, "empty", "other")
	if err != nil || data == nil {
		o.Errorf("an empty object that has changed: got %v, %v, want data that is not nil", data, err)
	}
	if data, _, err := o.GetIfChanged(o.ctx, "empty", empty); err != nil || data != nil {
		o.Errorf("an empty object that has not changed: got %v, %v, want nil", data, err)
	}
	o.must(o.Delete(o.ctx, "a"))
	_, _, err = o.GetIfChanged(o.ctx, "a", second)
	o.wants("deleted", err, artifact.ErrNotFound)
}

func create(o *objects) {
	tag := o.create("log/1", "first")
	for _, data := range []string{"second", "first"} { // the same content is no excuse
		_, err := o.Create(o.ctx, "log/1", []byte(data))
		o.wants("create again", err, artifact.ErrExists)
	}
	o.holds("log/1", "first", tag)
	data := []byte("mine")
	_, err := o.Create(o.ctx, "log/2", data)
	o.must(err)
	copy(data, "xxxx") // the caller may use its buffer again
	got, tag2, err := o.Get(o.ctx, "log/2")
	o.must(err)
	copy(got, "yyyy")
	o.holds("log/2", "mine", tag2)
	o.must(o.Delete(o.ctx, "log/1"))
	o.holds("log/1", "third", o.create("log/1", "third"))
}

func replace(o *objects) {
	first := o.create("a/checkpoint", "1")
	second, err := o.Replace(o.ctx, "a/checkpoint", []byte("2"), first)
	o.must(err)
	o.holds("a/checkpoint", "2", second)
	if first == second {
		o.Errorf("another content has the same tag %q", first)
	}
	third, err := o.Replace(o.ctx, "a/checkpoint", []byte("a longer text"), second)
	o.must(err)
	o.holds("a/checkpoint", "a longer text", third)
	_, err = o.Create(o.ctx, "a/checkpoint", []byte("4"))
	o.wants("create over a replaced one", err, artifact.ErrExists)
	o.lists("", "", 10, "a/checkpoint")
}

func replaceChanged(o *objects) {
	for _, key := range []string{"a", "a/b/c"} {
		_, err := o.Replace(o.ctx, key, []byte("x"), "tag")
		o.wants("replace of nothing", err, artifact.ErrChanged)
		_, _, err = o.Get(o.ctx, key)
		o.wants("it is still nothing", err, artifact.ErrNotFound)
	}
	first := o.create("a", "1")
	second, err := o.Replace(o.ctx, "a", []byte("2"), first)
	o.must(err)
	for _, etag := range []string{first, "", "*", "other"} {
		_, err := o.Replace(o.ctx, "a", []byte("3"), etag)
		o.wants(fmt.Sprintf("replace with tag %q", etag), err, artifact.ErrChanged)
	}
	o.holds("a", "2", second)
	o.must(o.Delete(o.ctx, "a"))
	_, err = o.Replace(o.ctx, "a", []byte("3"), second)
	o.wants("replace of a deleted one", err, artifact.ErrChanged)
	_, _, err = o.Get(o.ctx, "a")
	o.wants("it is still deleted", err, artifact.ErrNotFound)
}

func deletes(o *objects) {
	o.must(o.Delete(o.ctx, "a"))
	o.must(o.Delete(o.ctx, "a/b/c"))
	o.create("a/b", "1")
	o.create("a/c", "2")
	o.must(o.Delete(o.ctx, "a")) // what begins like it stays
	o.lists("", "", 10, "a/b", "a/c")
	o.must(o.Delete(o.ctx, "a/b"))
	o.must(o.Delete(o.ctx, "a/b"))
	_, _, err := o.Get(o.ctx, "a/b")
	o.wants("deleted", err, artifact.ErrNotFound)
	o.lists("", "", 10, "a/c")
	o.must(o.Delete(o.ctx, "a/c"))
	o.lists("", "", 10)
	o.create("a/c", "again")
}
