// Package artifacttest is the contract of artifact.Objects as tests: every artifact store passes RunObjects, and
// callers may rely on no more than what is in it. Start with RunObjects.
package artifacttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

func createRace(o *objects) {
	for round := range 5 {
		key := fmt.Sprintf("epoch%d/log/1", round) // in a folder that nobody has made yet
		tags := make([]string, 16)
		var wins atomic.Int32
		o.concurrently(len(tags), func(i int) error {
			tag, err := o.Create(o.ctx, key, []byte(fmt.Sprint("writer ", i)))
			if errors.Is(err, artifact.ErrExists) {
				if _, _, err := o.Get(o.ctx, key); err != nil { // who lost reads on, at once
					return fmt.Errorf("read by a loser: %w", err)
				}
				return nil
			}
			wins.Add(1)
			tags[i] = tag
			return err
		})
		if wins.Load() != 1 {
			o.Fatalf("%d winners, want 1", wins.Load())
		}
		i := slices.IndexFunc(tags, func(tag string) bool { return tag != "" })
		o.holds(key, fmt.Sprint("writer ", i), tags[i])
	}
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

// replaceRace counts up in one object: no step may get lost.
func replaceRace(o *objects) {
	const workers, each = 8, 5
	o.create("counter", "")
	o.concurrently(workers, func(int) error {
		for done := 0; done < each; {
			data, etag, err := o.Get(o.ctx, "counter")
			if err != nil {
				return err
			}
			switch _, err := o.Replace(o.ctx, "counter", append(data, 'x'), etag); {
			case err == nil:
				done++
			case !errors.Is(err, artifact.ErrChanged):
				return err
			}
		}
		return nil
	})
	data, _, err := o.Get(o.ctx, "counter")
	o.must(err)
	if string(data) != strings.Repeat("x", workers*each) {
		o.Errorf("%d steps are in the object, want %d", len(data), workers*each)
	}
}

// allOrNothing reads while others write: each object and version is one letter, 200,000 times.
func allOrNothing(o *objects) {
	const rounds = 20
	text := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i%26)}, 200_000) }
	_, err := o.Create(o.ctx, "replaced", text(0))
	o.must(err)
	whole := func(key string) error {
		data, _, err := o.Get(o.ctx, key)
		if errors.Is(err, artifact.ErrNotFound) && key != "replaced" {
			return nil
		}
		if err == nil && (len(data) != 200_000 || bytes.Count(data, data[:1]) != len(data)) {
			err = fmt.Errorf("%s is neither one version nor the other", key)
		}
		return err
	}
	var done atomic.Bool
	o.concurrently(4, func(worker int) error {
		if worker > 0 {
			for i := 0; !done.Load(); i++ {
				if err := errors.Join(whole("replaced"), whole(fmt.Sprint("created/", i%rounds))); err != nil {
					return err
				}
			}
			return nil
		}
		defer done.Store(true)
		for i := range rounds {
			if _, err := o.Create(o.ctx, fmt.Sprint("created/", i), text(i)); err != nil {
				return err
			}
			_, etag, err := o.Get(o.ctx, "replaced")
			if err != nil {
				return err
			}
			if _, err := o.Replace(o.ctx, "replaced", text(i), etag); err != nil {
				return err
			}
		}
		return nil
	})
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

// deleteRace deletes and creates in one place that is empty now and then: nothing may fail, and what was created
// last is there.
func deleteRace(o *objects) {
	o.concurrently(6, func(worker int) error {
		key := fmt.Sprintf("meshes/u/log/%d", worker)
		for range 15 {
			etag, err := o.Create(o.ctx, key, []byte("1"))
			if err != nil {
				return err
			}
			if _, err := o.Replace(o.ctx, key, []byte("2"), etag); err != nil {
				return err
			}
			if err := o.Delete(o.ctx, key); err != nil {
				return err
			}
			if _, err := o.Replace(o.ctx, key, []byte("3"), etag); !errors.Is(err, artifact.ErrChanged) {
				return fmt.Errorf("replace after delete: %w", err)
			}
		}
		_, err := o.Create(o.ctx, key, []byte("last"))
		return err
	})
	keys, err := o.List(o.ctx, "meshes/", "", 10)
	o.must(err)
	if len(keys) != 6 {
		o.Errorf("left: %v, want 6", keys)
	}
}

func sizes(o *objects) {
	for name, size := range map[string]int{"empty": 0, "small": 1, "page": 4096, "big": 5 << 20} {
		data := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		tag := o.create("size/"+name, string(data))
		o.holds("size/"+name, string(data), tag)
	}
	_, etag, err := o.Get(o.ctx, "size/big")
	o.must(err)
	etag, err = o.Replace(o.ctx, "size/big", []byte("small now"), etag)
	o.must(err)
	o.holds("size/big", "small now", etag)
}

func keys(o *objects) {
	all := []string{
		"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "-", "_", "-_.", "a.b", ".a", "..a", "a..", "...",
		"x/.hidden/a", "x/Case/a", "x/case/a", "x/CASE/a", "x/a", "x/A", strings.Repeat("d/", 100) + "e", strings.Repeat("a", 120), strings.Repeat("A", 120),
	}
	for _, key := range all {
		o.create(key, key)
	}
	for _, key := range all {
		data, _, err := o.Get(o.ctx, key)
		if err != nil || string(data) != key {
			o.Errorf("%q holds %q, %v", key, data, err)
		}
	}
	slices.Sort(all)
	o.lists("", "", 100, all...)
}

func badKeys(o *objects) {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "a/./b", "./a", "a b", "a\\b", `..\a`, "a\x00b", "a\n",
		"ä", "a%2fb", "~a", "a=b", "a*", "a:b", strings.Repeat("a/", 512) + "a",
	} {
		_, _, getErr := o.Get(o.ctx, key)
		_, _, changedErr := o.GetIfChanged(o.ctx, key, "tag")
		_, createErr := o.Create(o.ctx, key, nil)
		_, replaceErr := o.Replace(o.ctx, key, nil, "tag")
		for what, err := range map[string]error{
			"get": getErr, "get if changed": changedErr, "create": createErr, "replace": replaceErr, "delete": o.Delete(o.ctx, key),
		} {
			if err == nil || errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrExists) || errors.Is(err, artifact.ErrChanged) {
				o.Errorf("%s of %.40q: got %v, want an error of its own", what, key, err)
			}
		}
	}
	o.lists("", "", 10)
}

func cancelled(o *objects) {
	tag := o.create("a", "1")
	ctx, cancel := context.WithCancel(o.ctx)
	cancel()
	_, _, getErr := o.Get(ctx, "a")
	_, _, changedErr := o.GetIfChanged(ctx, "a", "")
	_, createErr := o.Create(ctx, "b", nil)
	_, replaceErr := o.Replace(ctx, "a", nil, tag)
	_, listErr := o.List(ctx, "", "", 10)
	for what, err := range map[string]error{
		"get": getErr, "get if changed": changedErr, "create": createErr, "replace": replaceErr, "list": listErr, "delete": o.Delete(ctx, "a"),
	} {
		o.wants(what, err, context.Canceled)
	}
	o.holds("a", "1", tag)
	o.lists("", "", 10, "a")
}
