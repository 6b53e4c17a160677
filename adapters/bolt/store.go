package bolt

import (
	"bytes"
	"context"
	"fmt"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

var (
	bucketNames  = []byte("names")
	bucketMeshes = []byte("meshes")

	storeFormat = format{Kind: "meshes", Version: 1}
)

// Options are the settings of Open; the zero value is right.
type Options struct {
	LockTimeout time.Duration // how long to wait for another process to release the file; 0 means 1 s
}

// Store is store.Store in one file.
type Store struct {
	file *file
}

var _ store.Store = (*Store)(nil)

// Open opens the store at path, or makes a new one there; its folder must exist.
func Open(path string, o Options) (*Store, error) {
	if o.LockTimeout == 0 {
		o.LockTimeout = time.Second
	}
	f, err := openFile(path, storeFormat, o.LockTimeout, bucketNames, bucketMeshes)
	if err != nil {
		return nil, err
	}
	return &Store{file: f}, nil
}

// Close waits for writes under way and releases the file.
func (s *Store) Close() error { return s.file.close() }

// meshRow is a mesh as it is stored.
type meshRow struct {
	store.Record
	Owner      string `json:"owner"`
	Generation int64  `json:"generation"`
	Deleted    bool   `json:"deleted,omitempty"`
}

func (r meshRow) mesh() store.Mesh {
	return store.Mesh{Record: r.Record, Owner: r.Owner, Generation: r.Generation, Deleted: r.Deleted}
}

// CreateMesh implements store.Store.
func (s *Store) CreateMesh(ctx context.Context, m store.Mesh, tags map[string]string, requestID, caller string) error {
	if err := store.CheckMesh(m, requestID); err != nil {
		return err
	}
	items, err := newMesh(m, tags, requestID, caller)
	if err != nil {
		return fmt.Errorf("create mesh %s: %w", m.Name, err)
	}
	err = s.file.update(ctx, func(tx *bbolt.Tx) ([]item, error) {
		if tx.Bucket(bucketNames).Get(tuple(m.Name)) != nil {
			return nil, store.ErrExists
		}
		if tx.Bucket(bucketMeshes).Get(meshKey(m.UID)) != nil {
			return nil, fmt.Errorf("uid %s: %w", m.UID, store.ErrExists)
		}
		return items, nil
	})
	if err != nil {
		return fmt.Errorf("create mesh %s: %w", m.Name, err)
	}
	return nil
}

// newMesh is the rows of a new mesh.
func newMesh(m store.Mesh, tags map[string]string, requestID, caller string) ([]item, error) {
	row, err := store.Encode(meshRow{Record: m.Record, Owner: m.Owner, Generation: 1})
	if err != nil {
		return nil, err
	}
	entry, err := store.Encode(store.Entry{
		Generation: 1, RequestID: requestID, Caller: caller, At: m.CreatedAt, Key: m.Key, Resource: &m.Resource,
	})
	if err != nil {
		return nil, err
	}
	items := []item{
		{bucketNames, tuple(m.Name), []byte(m.UID)},
		{bucketMeshes, meshKey(m.UID), row},
		{bucketMeshes, journalKey(m.UID, 1), entry},
	}
	if tags == nil {
		return items, nil
	}
	value, err := store.Encode(tags)
	return append(items, item{bucketMeshes, tagsKey(m.UID, m.Key), value}), err
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, c store.Commit) error {
	if err := c.Check(); err != nil {
		return err
	}
	items, err := changed(c)
	if err != nil {
		return fmt.Errorf("commit %s: %w", c.Key(), err)
	}
	err = s.file.update(ctx, func(tx *bbolt.Tx) ([]item, error) {
		row, ok, err := readMesh(tx, c.MeshUID)
		if err != nil {
			return nil, err
		}
		if !ok || row.Deleted || row.Generation != c.IfGeneration {
			return nil, store.ErrConflict
		}
		mesh, err := advance(row, c)
		return append(items, mesh...), err
	})
	if err != nil {
		return fmt.Errorf("commit %s: %w", c.Key(), err)
	}
	return nil
}

// changed is the rows of a commit but the mesh's own.
func changed(c store.Commit) ([]item, error) {
	key := c.Key()
	entry := store.Entry{Generation: c.IfGeneration + 1, RequestID: c.RequestID, Caller: c.Caller, At: c.At, Key: key}
	var items []item
	if c.Put != nil {
		entry.Resource = &c.Put.Resource
	}
	if key.Kind != resource.KindMesh {
		i := item{bucket: bucketMeshes, key: recordKey(c.MeshUID, key)}
		if c.Put != nil {
			var err error
			if i.value, err = store.Encode(c.Put); err != nil {
				return nil, err
			}
		}
		items = append(items, i)
	}
	value, err := store.Encode(entry)
	if err != nil {
		return nil, err
	}
	items = append(items, item{bucketMeshes, journalKey(c.MeshUID, entry.Generation), value})
	if c.Delete != nil {
		items = append(items, item{bucketMeshes, tagsKey(c.MeshUID, key), nil})
	} else if c.Tags != nil {
		if value, err = store.Encode(c.Tags); err != nil {
			return nil, err
		}
		items = append(items, item{bucketMeshes, tagsKey(c.MeshUID, key), value})
	}
	for _, r := range c.RemoveRefs {
		items = append(items, item{bucketMeshes, refKey(c.MeshUID, r.Target, r.Referrer), nil})
	}
	for _, r := range c.AddRefs {
		items = append(items, item{bucketMeshes, refKey(c.MeshUID, r.Target, r.Referrer), []byte{}})
	}
	return items, nil
}

// advance is the rows of a mesh after a commit: its own, and its name's if it is deleted.
func advance(row meshRow, c store.Commit) ([]item, error) {
	row.Generation++
	var items []item
	if key := c.Key(); key.Kind == resource.KindMesh {
		if key != row.Key {
			return nil, fmt.Errorf("the mesh with uid %s is named %q", row.UID, row.Name)
		}
		if c.Put != nil {
			if c.Put.UID != row.UID {
				return nil, fmt.Errorf("the uid of mesh %s can't change", row.UID)
			}
			row.Record = *c.Put
		} else {
			row.Deleted = true
			items = append(items, item{bucketNames, tuple(row.Name), nil})
		}
	}
	value, err := store.Encode(row)
	return append(items, item{bucketMeshes, meshKey(row.UID), value}), err
}

// UpdateTags implements store.Store. change runs in the caller's goroutine, outside any transaction, so it may
// take its time; it runs again if the tags have changed meanwhile.
func (s *Store) UpdateTags(ctx context.Context, meshUID string, k resource.Key, change func(map[string]string) (map[string]string, error)) error {
	for {
		var old []byte
		tags := map[string]string{}
		err := s.file.view(ctx, func(tx *bbolt.Tx) (err error) {
			tags, old, err = readTags(tx, meshUID, k)
			return err
		})
		if err != nil {
			return fmt.Errorf("tags of %s: %w", k, err)
		}
		if tags, err = change(tags); err != nil {
			return err
		}
		done, err := s.replaceTags(ctx, meshUID, k, old, tags)
		if err != nil {
			return fmt.Errorf("tags of %s: %w", k, err)
		}
		if done {
			return nil
		}
	}
}

// replaceTags writes tags if the stored ones are still those read as old.
func (s *Store) replaceTags(ctx context.Context, meshUID string, k resource.Key, old []byte, tags map[string]string) (done bool, err error) {
	if tags == nil {
		tags = map[string]string{}
	}
	value, err := store.Encode(tags)
	if err != nil {
		return false, err
	}
	err = s.file.update(ctx, func(tx *bbolt.Tx) ([]item, error) {
		_, now, err := readTags(tx, meshUID, k)
		if err != nil || !bytes.Equal(now, old) {
			return nil, err
		}
		done = true
		return []item{{bucketMeshes, tagsKey(meshUID, k), value}}, nil
	})
	return done, err
}
