package artifacttest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/ownmesh/ownmesh/core/artifact"
)

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
