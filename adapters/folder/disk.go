package folder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"
)

// makeDirs makes a folder with all above it, durably.
func (o *Objects) makeDirs(dir string) error {
	if err := o.root.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for dir != "." {
		dir = path.Dir(dir)
		if err := o.syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// writeTemp writes data to a temp file, durably, and gives its name.
func (o *Objects) writeTemp(data []byte) (name string, err error) {
	name = path.Join(tempDir, rand.Text())
	f, err := o.createTemp(name)
	if errors.Is(err, fs.ErrNotExist) {
		// Somebody has emptied the folder. What lay there can be made anew, unless this stands in the way.
		if err := o.root.MkdirAll(tempDir, 0o700); err != nil {
			return "", err
		}
		f, err = o.createTemp(name)
	}
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, o.root.Remove(name))
	}
	return name, nil
}

func (o *Objects) createTemp(name string) (*os.File, error) {
	return o.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// syncDir makes the names in a folder durable.
func (o *Objects) syncDir(dir string) error {
	f, err := o.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// locked runs do while no other goroutine or process runs its own.
func (o *Objects) locked(ctx context.Context, do func() error) (err error) {
	select {
	case o.lock <- struct{}{}:
		defer func() { <-o.lock }()
	case <-ctx.Done():
		return ctx.Err()
	}
	f, err := o.root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }() // which unlocks
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return do()
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return fmt.Errorf("lock: %w", err)
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
