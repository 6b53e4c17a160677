// Package folder keeps artifacts (artifact.Objects) as files in a folder, as S3 keeps them in a bucket: created by
// exactly one, replaced only by who knows the present content, seen as a whole or not at all, durable when
// acknowledged, whether the others are goroutines or processes.
//
// An object is one file under its key; upper-case letters are written as "=x", so that keys that differ in case
// alone stay apart on file systems that ignore it. Files that begin with "~" are not objects: ~temp holds what is
// being written, ~lock serializes Replace and Delete. Unlike in S3, no key may be the folder of another one.
//
// It never interprets an object. Start with Create.
package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
)

const (
	tempDir  = "~temp"
	lockFile = "~lock"

	// staleAge is when a temp file belongs to nobody any more. If somebody were slower, his write would fail, with
	// no harm done.
	staleAge = 10 * time.Minute
	// lockPoll is how often a lock that another process holds is tried again.
	lockPoll = 2 * time.Millisecond
	// linkTries is how often Create makes its folder again that Delete, finding it empty, takes away.
	linkTries = 10
)

// Objects is artifact.Objects in one folder. Several processes may use the folder at the same time.
type Objects struct {
	root *os.Root      // keeps every path inside the folder, symbolic links included
	lock chan struct{} // this process's turn at lockFile
}

var _ artifact.Objects = (*Objects)(nil)

// Open opens the objects in dir, which is made if it is missing, and clears away what a crash left half-written.
func Open(dir string) (*Objects, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open artifact folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open artifact folder: %w", err)
	}
	o := &Objects{root: root, lock: make(chan struct{}, 1)}
	if err := o.cleanTemp(time.Now()); err != nil {
		return nil, errors.Join(fmt.Errorf("open artifact folder %s: %w", dir, err), root.Close())
	}
	return o, nil
}

// Close releases the folder; nothing may use it afterwards.
func (o *Objects) Close() error { return o.root.Close() }

func (o *Objects) cleanTemp(now time.Time) error {
	if err := o.root.MkdirAll(tempDir, 0o700); err != nil {
		return err
	}
	entries, err := fs.ReadDir(o.root.FS(), tempDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && now.Sub(info.ModTime()) > staleAge {
			err = o.root.Remove(path.Join(tempDir, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Get implements artifact.Objects.
func (o *Objects) Get(ctx context.Context, key string) (data []byte, etag string, err error) {
	name, err := fileName(ctx, key)
	if err != nil {
		return nil, "", fmt.Errorf("get %q: %w", key, err)
	}
	if data, etag, err = o.read(name); err != nil {
		return nil, "", fmt.Errorf("get %s: %w", key, err)
	}
	return data, etag, nil
}

// GetIfChanged implements artifact.Objects.
func (o *Objects) GetIfChanged(ctx context.Context, key, etag string) (data []byte, newTag string, err error) {
	data, newTag, err = o.Get(ctx, key)
	if newTag == etag {
		data = nil
	}
	return data, newTag, err
}

// Create implements artifact.Objects. The object is complete and on disk before it gets its name by link, which
// fails if there is one already; then the name is made durable, too.
func (o *Objects) Create(ctx context.Context, key string, data []byte) (etag string, err error) {
	name, err := fileName(ctx, key)
	if err != nil {
		return "", fmt.Errorf("create %q: %w", key, err)
	}
	switch info, err := o.root.Lstat(name); {
	case err == nil && info.IsDir():
		return "", fmt.Errorf("create %s: other keys have it as their folder", key)
	case err == nil:
		return "", fmt.Errorf("create %s: %w", key, artifact.ErrExists) // the loser need not write
	}
	temp, err := o.writeTemp(data)
	if err == nil {
		err = errors.Join(o.link(temp, name), o.root.Remove(temp))
	}
	if errors.Is(err, fs.ErrExist) {
		err = artifact.ErrExists
	}
	if err == nil {
		err = o.syncDir(path.Dir(name))
	}
	if err != nil {
		return "", fmt.Errorf("create %s: %w", key, err)
	}
	return tagOf(data), nil
}

// link gives the file the object's name, and makes the folders on the way there only where they are missing.
func (o *Objects) link(temp, name string) error {
	err := o.root.Link(temp, name)
	for try := 0; errors.Is(err, fs.ErrNotExist) && try < linkTries; try++ {
		if err := o.makeDirs(path.Dir(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err = o.root.Link(temp, name)
	}
	return err
}

// Replace implements artifact.Objects. The present content decides, under a lock that Replace and Delete of all
// processes take; Create needs none, since it can't do anything while an object is there.
func (o *Objects) Replace(ctx context.Context, key string, data []byte, etag string) (newTag string, err error) {
	name, err := fileName(ctx, key)
	if err != nil {
		return "", fmt.Errorf("replace %q: %w", key, err)
	}
	temp, err := o.writeTemp(data) // outside of the lock, since this is what takes long
	if err == nil {
		err = o.locked(ctx, func() error {
			_, now, err := o.read(name)
			if errors.Is(err, artifact.ErrNotFound) || err == nil && now != etag {
				return artifact.ErrChanged
			}
			if err != nil {
				return err
			}
			if err := o.root.Rename(temp, name); err != nil {
				return err
			}
			return o.syncDir(path.Dir(name))
		})
		if err != nil {
			err = errors.Join(err, ignore(o.root.Remove(temp), fs.ErrNotExist))
		}
	}
	if err != nil {
		return "", fmt.Errorf("replace %s: %w", key, err)
	}
	return tagOf(data), nil
}

// Delete implements artifact.Objects.
func (o *Objects) Delete(ctx context.Context, key string) error {
	name, err := fileName(ctx, key)
	if err != nil {
		return fmt.Errorf("delete %q: %w", key, err)
	}
	err = o.locked(ctx, func() error {
		info, err := o.root.Lstat(name)
		if missing(err) || err == nil && info.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		if err := o.root.Remove(name); err != nil {
			return err
		}
		return o.dropEmpty(path.Dir(name))
	})
	if err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// dropEmpty removes a folder and those above it as long as they are empty, and makes the last removal durable.
func (o *Objects) dropEmpty(dir string) error {
	for dir != "." && o.root.Remove(dir) == nil {
		dir = path.Dir(dir)
	}
	return ignore(o.syncDir(dir), fs.ErrNotExist)
}

// read reads a file and its tag; ErrNotFound.
func (o *Objects) read(name string) (data []byte, etag string, err error) {
	data, err = o.root.ReadFile(name)
	if missing(err) || errors.Is(err, syscall.EISDIR) {
		return nil, "", artifact.ErrNotFound
	}
	if err != nil {
		return nil, "", err
	}
	return data, tagOf(data), nil
}

// tagOf is an object's ETag: of the content alone, so that every process finds the same.
func tagOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// missing says whether there is no such file. A file where a folder should be is no such file either.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// ignore is err unless it is the one that doesn't matter.
func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}
