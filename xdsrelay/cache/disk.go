package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ownmesh/ownmesh/core/artifact"
)

// disk is objects as files below a folder, by their keys. Each has its own checksum: nothing is synced, and what a
// crash leaves half written is found out and dropped.
type disk struct {
	root  *os.Root
	limit int64
	log   *slog.Logger

	mu    sync.Mutex
	sizes map[string]int64 // by key
	used  int64
	full  bool // that there is no more room has been said
}

// head is the first line of a file.
type head struct {
	Sum  string `json:"sha256"`
	ETag string `json:"etag"`
}

const unfinished = ".tmp-"

func openDisk(dir string, limit int64, log *slog.Logger) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	d := &disk{root: root, limit: limit, log: log, sizes: map[string]int64{}}
	err = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if strings.HasPrefix(path.Base(name), unfinished) || !e.Type().IsRegular() || artifact.CheckObjectKey(name) != nil || !worthKeeping(name) {
			return root.Remove(name)
		}
		d.sizes[name], d.used = info.Size(), d.used+info.Size()
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("look through %s: %w", dir, err), root.Close())
	}
	return d, nil
}

func (d *disk) empty() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.sizes) == 0
}

func (d *disk) has(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.sizes[key]
	return ok
}

// read gives an object that is whole.
func (d *disk) read(key string) (data []byte, etag string, ok bool) {
	if !d.has(key) {
		return nil, "", false
	}
	content, err := d.root.ReadFile(key)
	if err == nil {
		if data, etag, ok = parse(content); ok {
			return data, etag, true
		}
		err = errors.New("it is damaged")
	}
	d.log.Warn("a cached object is dropped", "key", key, "error", err)
	d.remove(key)
	return nil, "", false
}

func parse(content []byte) (data []byte, etag string, ok bool) {
	first, data, ok := bytes.Cut(content, []byte("\n"))
	var h head
	if !ok || json.Unmarshal(first, &h) != nil {
		return nil, "", false
	}
	return data, h.ETag, h.Sum == sumOf(h.ETag, data)
}

func sumOf(etag string, data []byte) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q\n", etag)
	sum.Write(data)
	return hex.EncodeToString(sum.Sum(nil))
}

// write keeps an object, if there is room. A disk that can't be written to costs nothing but the cache.
func (d *disk) write(key string, data []byte, etag string) {
	first, err := json.Marshal(head{sumOf(etag, data), etag})
	if err != nil {
		return
	}
	content := append(append(first, '\n'), data...)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.used-d.sizes[key]+int64(len(content)) > d.limit {
		if !d.full {
			d.log.Warn("the cache is full: what is new is not kept", "bytes", d.used, "limit", d.limit)
		}
		d.full = true
		return
	}
	if err := d.put(key, content); err != nil {
		d.log.Warn("an object can't be cached", "key", key, "error", err)
		return
	}
	d.used += int64(len(content)) - d.sizes[key]
	d.sizes[key] = int64(len(content))
}

// put writes a file beside its place and renames it.
func (d *disk) put(key string, content []byte) error {
	if err := d.root.MkdirAll(path.Dir(key), 0o700); err != nil {
		return err
	}
	temporary := path.Join(path.Dir(key), unfinished+path.Base(key))
	if err := d.root.WriteFile(temporary, content, 0o600); err != nil {
		return errors.Join(err, d.root.Remove(temporary))
	}
	return d.root.Rename(temporary, key)
}

func (d *disk) remove(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(key)
}

// drop is remove; d.mu is held.
func (d *disk) drop(key string) {
	size, ok := d.sizes[key]
	if !ok {
		return
	}
	if err := d.root.Remove(filepath.FromSlash(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.log.Warn("a cached object can't be removed", "key", key, "error", err)
		return
	}
	delete(d.sizes, key)
	d.used -= size
	d.full = false
}

// prune drops what nobody needs below a prefix.
func (d *disk) prune(prefix string, unneeded func(key string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key := range d.sizes {
		if strings.HasPrefix(key, prefix) && unneeded(key) {
			d.drop(key)
		}
	}
}
