// Package cache keeps on disk what a relay read last, so that it starts and serves while the artifact store is gone.
//
// It is artifact.Objects around another: each read asks the store first, and only where that fails gives what is on
// disk. That something is not there is only ever said by the store. A file that is damaged is dropped. What the cache
// holds of a log is always whole from a full state on: a checkpoint is kept once the full state that it names is. It
// never caches what relays write. Start with Open.
package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
)

const (
	// DefaultSize holds some hundred large meshes.
	DefaultSize = 1 << 30 // bytes

	// patience is how long the store may take for something that the disk has too.
	patience = 3 * time.Second
	// pause is for how long a store that took longer is not asked for what the disk has, nor for what may not be there.
	pause = 2 * time.Second
	// fetchTimeout bounds the reading of a full state for the disk alone.
	fetchTimeout = time.Minute
)

// Options of a cache.
type Options struct {
	Objects artifact.Objects // required: the store
	Dir     string           // required; made if it isn't there; of this process alone
	Size    int64            // most bytes on disk; DefaultSize if zero
	Logger  *slog.Logger     // nil: nothing is logged
	Now     func() time.Time // nil: time.Now
}

// Objects is a store with a disk behind it.
type Objects struct {
	artifact.Objects
	disk *disk
	log  *slog.Logger
	now  func() time.Time

	mu       sync.Mutex
	slowTill time.Time
	gone     error // why the store can't be reached; nil: it can, as far as is known
	since    time.Time
	fetching map[string]struct{} // checkpoints whose full states are being read
	settling sync.WaitGroup
}

var _ artifact.Objects = (*Objects)(nil)

// Open opens the cache in a folder, and drops what it can't read of it.
func Open(o Options) (*Objects, error) {
	if o.Size <= 0 {
		o.Size = DefaultSize
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d, err := openDisk(o.Dir, o.Size, o.Logger)
	if err != nil {
		return nil, fmt.Errorf("open the cache: %w", err)
	}
	return &Objects{Objects: o.Objects, disk: d, log: o.Logger, now: o.Now, fetching: map[string]struct{}{}}, nil
}

// Gone says since when the store can't be reached, and why; nil: it can.
func (o *Objects) Gone() (since time.Time, why error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.since, o.gone
}

// Empty says whether there is nothing to serve from.
func (o *Objects) Empty() bool { return o.disk.empty() }

// Settle waits until what was read is on disk.
func (o *Objects) Settle() { o.settling.Wait() }

// Get implements artifact.Objects.
func (o *Objects) Get(ctx context.Context, key string) (data []byte, etag string, err error) {
	return o.GetIfChanged(ctx, key, "")
}

// GetIfChanged implements artifact.Objects.
func (o *Objects) GetIfChanged(ctx context.Context, key, etag string) (data []byte, newTag string, err error) {
	if !worthKeeping(key) {
		return o.Objects.GetIfChanged(ctx, key, etag)
	}
	data, newTag, err = o.ask(ctx, key, etag)
	switch {
	case err == nil:
		if data != nil {
			o.keep(key, data, newTag)
		}
		return data, newTag, nil
	case errors.Is(err, artifact.ErrNotFound):
		if !isImmutable(key) {
			o.disk.remove(key)
		}
		return nil, "", err
	}
	kept, tag, ok := o.disk.read(key)
	switch {
	case !ok || ctx.Err() != nil:
		return nil, "", err
	case etag != "" && tag == etag:
		return nil, etag, nil
	}
	return kept, tag, nil
}

// ask asks the store, for a short time where the disk can answer too.
func (o *Objects) ask(ctx context.Context, key, etag string) (data []byte, newTag string, err error) {
	if err := o.hasPause(); err != nil {
		return nil, "", err
	}
	limited, cancel := ctx, func() {}
	if o.disk.has(key) {
		limited, cancel = context.WithTimeout(ctx, patience)
	}
	defer cancel()
	started := o.now()
	data, newTag, err = o.Objects.GetIfChanged(limited, key, etag)
	o.note(ctx, started, err)
	return data, newTag, err
}

// hasPause says why the store is not to be asked now: it is slow to fail, and was asked a moment ago.
func (o *Objects) hasPause() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone != nil && o.now().Before(o.slowTill) {
		return fmt.Errorf("the artifact store could not be reached a moment ago: %w", o.gone)
	}
	return nil
}

// note remembers whether the store can be reached. A caller who gave up says nothing of it.
func (o *Objects) note(ctx context.Context, started time.Time, err error) {
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	if err == nil || errors.Is(err, artifact.ErrNotFound) {
		if o.gone != nil {
			o.log.Info("the artifact store can be reached again", "since", o.since)
		}
		o.gone = nil
		return
	}
	if o.gone == nil {
		o.since = now
		o.log.Error("the artifact store can't be reached: what was read before is served from disk", "error", err)
	}
	o.gone = err
	if now.Sub(started) >= time.Second {
		o.slowTill = now.Add(pause)
	}
}

// keep puts what the store gave on disk. A checkpoint waits for the full state that it names.
func (o *Objects) keep(key string, data []byte, etag string) {
	full, isCheckpoint := artifact.CheckpointTarget(key, data)
	if !isCheckpoint {
		if !strings.HasSuffix(key, "/checkpoint") { // a damaged one
			o.disk.write(key, data, etag)
		}
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, busy := o.fetching[key]; busy {
		return // the next checkpoint, or the next start, is as good
	}
	o.fetching[key] = struct{}{}
	o.settling.Go(func() {
		o.settle(key, full, data, etag)
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.fetching, key)
	})
}

// settle makes a checkpoint the place where who starts from disk begins.
func (o *Objects) settle(key, full string, data []byte, etag string) {
	if !o.disk.has(full) {
		ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
		defer cancel()
		state, tag, err := o.Objects.Get(ctx, full)
		if err != nil {
			o.log.Warn("a full state can't be cached", "key", full, "error", err)
			return
		}
		o.disk.write(full, state, tag)
	}
	if !o.disk.has(full) {
		return // no room
	}
	o.disk.write(key, data, etag)
	o.disk.prune(strings.TrimSuffix(key, "checkpoint"), func(key string) bool { return artifact.Precedes(key, full) })
}

// worthKeeping says what a relay starts from: logs, the meaning of names, and the authority of relays' certificates.
func worthKeeping(key string) bool {
	if key == events.RelayCAPath || strings.HasPrefix(key, "names/") {
		return true
	}
	parts := strings.SplitN(key, "/", 4)
	return len(parts) == 4 && parts[0]+"/" == events.MeshesPrefix &&
		(parts[2] == string(events.LogConfig) || parts[2] == string(events.LogEndpoints)) && !strings.HasSuffix(key, ".manifest")
}

// isImmutable says that a key is written once.
func isImmutable(key string) bool {
	return strings.HasPrefix(key, events.MeshesPrefix) && !strings.HasSuffix(key, "/checkpoint")
}
