package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	bbolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// maxGroup is how many writes share one fsync at most.
const maxGroup = 256

var (
	bucketMeta = []byte("meta")
	keyFormat  = []byte("format")

	errClosed = errors.New("the file is closed")
)

// format is what a file says of itself. Files with a higher version than this program knows are refused, never read
// by halves.
type format struct {
	Kind    string `json:"kind"`
	Version int    `json:"version"`
}

// file is a bbolt file whose writes are committed in groups.
type file struct {
	db      *bbolt.DB
	ops     chan *op
	closing chan struct{}
	stopped chan struct{} // the committer has ended
	once    sync.Once
}

// item is one row to write; a nil value deletes it.
type item struct {
	bucket, key, value []byte
}

// op is one write: plan reads what its conditions need and gives the rows to write, or refuses. It sees the writes
// that come before it in its group, and runs once.
type op struct {
	ctx  context.Context
	plan func(*bbolt.Tx) ([]item, error)
	done chan error
}

// openFile opens the file at path for this process alone, or makes it, with the buckets that want names.
func openFile(path string, want format, wait time.Duration, buckets ...[]byte) (*file, error) {
	if err := create(path, want, buckets); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	db, err := bbolt.Open(path, 0o600, options(wait))
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("open %s: another process has it open", path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return nil, fmt.Errorf("open %s: not a file of ours, or damaged: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := checkFormat(db, want); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	f := &file{db: db, ops: make(chan *op), closing: make(chan struct{}), stopped: make(chan struct{})}
	go f.commitGroups()
	return f, nil
}

func options(wait time.Duration) *bbolt.Options {
	return &bbolt.Options{Timeout: max(wait, time.Millisecond), FreelistType: bbolt.FreelistMapType}
}

// create makes the file if there is none. It comes into being as a whole, by link: a crash on the way leaves no
// half file behind that could not be opened again.
func create(path string, want format, buckets [][]byte) (err error) {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(temp.Name())) }()
	if err := temp.Close(); err != nil {
		return err
	}
	db, err := bbolt.Open(temp.Name(), 0o600, options(time.Second))
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range append([][]byte{bucketMeta}, buckets...) {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		value, err := json.Marshal(want)
		if err != nil {
			return err
		}
		return tx.Bucket(bucketMeta).Put(keyFormat, value)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// syncDir makes names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func checkFormat(db *bbolt.DB, want format) error {
	return db.View(func(tx *bbolt.Tx) error {
		var have format
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			return errors.New("a bbolt file, but not one of Ownmesh's")
		}
		if err := json.Unmarshal(meta.Get(keyFormat), &have); err != nil {
			return fmt.Errorf("read its format: %w", err)
		}
		if have.Kind != want.Kind {
			return fmt.Errorf("it holds %q, not %q", have.Kind, want.Kind)
		}
		if have.Version > want.Version {
			return fmt.Errorf("it has format %d, and this version of Ownmesh knows formats up to %d: use a newer Ownmesh", have.Version, want.Version)
		}
		return nil
	})
}

// close waits for running writes and releases the file. Later ones fail.
func (f *file) close() error {
	f.once.Do(func() { close(f.closing) })
	<-f.stopped
	return f.db.Close()
}

// view reads in a transaction of its own: it sees every acknowledged write.
func (f *file) view(ctx context.Context, read func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.db.View(read)
}

// update runs a plan and returns when its rows are on disk, or with the error of the plan. Once it has begun it is
// not given up when ctx ends, since then nobody would know whether it happened.
func (f *file) update(ctx context.Context, plan func(*bbolt.Tx) ([]item, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := &op{ctx: ctx, plan: plan, done: make(chan error, 1)}
	select {
	case f.ops <- o:
		return <-o.done
	case <-ctx.Done():
		return ctx.Err()
	case <-f.closing:
		return errClosed
	}
}

// commitGroups takes what is waiting, commits it with one fsync, and starts over: while one group is being
// written, the next one gathers.
func (f *file) commitGroups() {
	defer close(f.stopped)
	for {
		select {
		case o := <-f.ops:
			f.commit(f.gather(o))
		case <-f.closing:
			return
		}
	}
}

// gather collects what is waiting already. Those who were just answered get a chance to come again first.
func (f *file) gather(first *op) []*op {
	group := []*op{first}
	runtime.Gosched()
	for len(group) < maxGroup {
		select {
		case o := <-f.ops:
			group = append(group, o)
		default:
			return group
		}
	}
	return group
}

// commit runs a group in one transaction. A refusal concerns its own op alone and is told only when the group is on
// disk, since it may rest on what the group wrote. Any other error undoes the group.
func (f *file) commit(group []*op) {
	refusals := make([]error, len(group))
	err := f.db.Update(func(tx *bbolt.Tx) error {
		for i, o := range group {
			if refusals[i] = o.ctx.Err(); refusals[i] != nil {
				continue
			}
			var items []item
			if items, refusals[i] = o.plan(tx); refusals[i] != nil {
				continue
			}
			if err := apply(tx, items); err != nil {
				return err
			}
		}
		return nil
	})
	for i, o := range group {
		if err != nil {
			o.done <- fmt.Errorf("write %s: %w", f.db.Path(), err)
			continue
		}
		o.done <- refusals[i]
	}
}

func apply(tx *bbolt.Tx, items []item) error {
	for _, i := range items {
		b := tx.Bucket(i.bucket)
		if i.value == nil {
			if err := b.Delete(i.key); err != nil {
				return err
			}
			continue
		}
		if err := b.Put(i.key, i.value); err != nil {
			return err
		}
	}
	return nil
}

// decode reads what store.Encode wrote, and says which row is damaged if it can't.
func decode[T any](key, value []byte) (T, error) {
	var t T
	if err := json.Unmarshal(value, &t); err != nil {
		return t, fmt.Errorf("row %q is damaged: %w", key, err)
	}
	return t, nil
}

// scan visits rows whose key starts with prefix and is greater than after, ascending, until visit says stop.
func scan(b *bbolt.Bucket, prefix, after []byte, visit func(key, value []byte) (more bool, err error)) error {
	c := b.Cursor()
	k, v := c.Seek(prefix)
	if bytes.Compare(after, prefix) > 0 {
		if k, v = c.Seek(after); bytes.Equal(k, after) {
			k, v = c.Next()
		}
	}
	for ; k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if more, err := visit(k, v); !more || err != nil {
			return err
		}
	}
	return nil
}
