package bolt

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	bbolt "go.etcd.io/bbolt"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

var errLimit = errors.New("limit must be at least 1")

// MeshByName implements store.Store.
func (s *Store) MeshByName(ctx context.Context, name string) (m store.Mesh, err error) {
	err = s.file.view(ctx, func(tx *bbolt.Tx) error {
		uid := tx.Bucket(bucketNames).Get(tuple(name))
		if uid == nil {
			return store.ErrNotFound
		}
		m, err = meshOf(tx, string(uid))
		return err
	})
	if err != nil {
		return store.Mesh{}, fmt.Errorf("mesh %s: %w", name, err)
	}
	return m, nil
}

// MeshByUID implements store.Store.
func (s *Store) MeshByUID(ctx context.Context, uid string) (m store.Mesh, err error) {
	err = s.file.view(ctx, func(tx *bbolt.Tx) error {
		m, err = meshOf(tx, uid)
		return err
	})
	if err != nil {
		return store.Mesh{}, fmt.Errorf("mesh with uid %s: %w", uid, err)
	}
	return m, nil
}

// Meshes implements store.Store.
func (s *Store) Meshes(ctx context.Context, after string, limit int) (meshes []store.Mesh, err error) {
	if limit < 1 {
		return nil, errLimit
	}
	err = s.file.view(ctx, func(tx *bbolt.Tx) error {
		return scan(tx.Bucket(bucketNames), nil, tuple(after), func(_, uid []byte) (bool, error) {
			m, err := meshOf(tx, string(uid))
			meshes = append(meshes, m)
			return len(meshes) < limit, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list meshes: %w", err)
	}
	return meshes, nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, meshUID string, k resource.Key) (r store.Record, err error) {
	err = s.file.view(ctx, func(tx *bbolt.Tx) error {
		key := recordKey(meshUID, k)
		value := tx.Bucket(bucketMeshes).Get(key)
		if value == nil {
			return store.ErrNotFound
		}
		r, err = decode[store.Record](key, value)
		return err
	})
	if err != nil {
		return store.Record{}, fmt.Errorf("%s: %w", k, err)
	}
	return r, nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, meshUID string, kind resource.Kind, parent, after string, limit int) (list []store.Record, err error) {
	if limit < 1 {
		return nil, errLimit
	}
	prefix := tuple(meshUID, rowResource, string(kind), parent)
	err = s.file.view(ctx, func(tx *bbolt.Tx) error {
		return scan(tx.Bucket(bucketMeshes), prefix, extend(bytes.Clone(prefix), after), func(k, v []byte) (bool, error) {
			r, err := decode[store.Record](k, v)
			list = append(list, r)
			return len(list) < limit, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", kind, err)
	}
	return list, nil
}

// Referrers implements store.Store.
func (s *Store) Referrers(ctx context.Context, meshUID string, target resource.Key, limit int) (keys []resource.Key, err error) {
	if limit < 1 {
		return nil, errLimit
	}
	prefix := withKey(tuple(meshUID, rowRef), target)
	err = s.file.view(ctx, func(tx *bbolt.Tx) error {
		return scan(tx.Bucket(bucketMeshes), prefix, nil, func(k, _ []byte) (bool, error) {
			referrer, err := resourceKey(k[len(prefix):])
			keys = append(keys, referrer)
			return len(keys) < limit, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("referrers of %s: %w", target, err)
	}
	return keys, nil
}

// Page implements store.Store. A cursor names the last resource given, so it outlives its deletion.
func (s *Store) Page(ctx context.Context, meshUID, cursor string, limit int) (page []resource.Resource, next string, err error) {
	if limit < 1 {
		return nil, "", errLimit
	}
	prefix := tuple(meshUID, rowResource)
	after, err := openCursor(prefix, cursor)
	if err != nil {
		return nil, "", err
	}
	err = s.file.view(ctx, func(tx *bbolt.Tx) error {
		var last []byte
		return scan(tx.Bucket(bucketMeshes), prefix, after, func(k, v []byte) (bool, error) {
			if len(page) == limit { // there is more
				next = makeCursor(prefix, last)
				return false, nil
			}
			r, err := decode[store.Record](k, v)
			page, last = append(page, r.Resource), k
			return true, err
		})
	})
	if err != nil {
		return nil, "", fmt.Errorf("page of mesh %s: %w", meshUID, err)
	}
	return page, next, nil
}

// makeCursor is the key of the last resource of a page, behind a checksum that binds it to its mesh.
func makeCursor(prefix, key []byte) string {
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(key))
	return base64.RawURLEncoding.EncodeToString(append(sum, key[len(prefix):]...))
}

// openCursor is the key that makeCursor was given; nil for "".
func openCursor(prefix []byte, cursor string) ([]byte, error) {
	if cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 4 {
		return nil, store.ErrCursor
	}
	key := append(bytes.Clone(prefix), b[4:]...)
	if crc32.ChecksumIEEE(key) != binary.BigEndian.Uint32(b) {
		return nil, store.ErrCursor
	}
	return key, nil
}

// Journal implements store.Store.
func (s *Store) Journal(ctx context.Context, meshUID string, after int64, limit int) (entries []store.Entry, err error) {
	if limit < 1 {
		return nil, errLimit
	}
	err = s.file.view(ctx, func(tx *bbolt.Tx) error {
		return scan(tx.Bucket(bucketMeshes), tuple(meshUID, rowJournal), journalKey(meshUID, max(after, 0)), func(k, v []byte) (bool, error) {
			e, err := decode[store.Entry](k, v)
			entries = append(entries, e)
			return len(entries) < limit, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("journal of mesh %s: %w", meshUID, err)
	}
	return entries, nil
}

// Tags implements store.Store.
func (s *Store) Tags(ctx context.Context, meshUID string, k resource.Key) (tags map[string]string, err error) {
	err = s.file.view(ctx, func(tx *bbolt.Tx) error {
		tags, _, err = readTags(tx, meshUID, k)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tags of %s: %w", k, err)
	}
	return tags, nil
}

// readMesh reads a mesh's row; ok is false if there is none.
func readMesh(tx *bbolt.Tx, uid string) (row meshRow, ok bool, err error) {
	key := meshKey(uid)
	value := tx.Bucket(bucketMeshes).Get(key)
	if value == nil {
		return meshRow{}, false, nil
	}
	row, err = decode[meshRow](key, value)
	return row, err == nil, err
}

func meshOf(tx *bbolt.Tx, uid string) (store.Mesh, error) {
	row, ok, err := readMesh(tx, uid)
	if err == nil && !ok {
		err = store.ErrNotFound
	}
	return row.mesh(), err
}

// readTags reads tags and their stored bytes (nil if there are none) of a resource or mesh that exists.
func readTags(tx *bbolt.Tx, meshUID string, k resource.Key) (tags map[string]string, stored []byte, err error) {
	mesh, ok, err := readMesh(tx, meshUID)
	switch {
	case err != nil:
		return nil, nil, err
	case !ok || mesh.Deleted:
		return nil, nil, store.ErrNotFound
	case k.Kind == resource.KindMesh && k != mesh.Key:
		return nil, nil, store.ErrNotFound
	case k.Kind != resource.KindMesh && tx.Bucket(bucketMeshes).Get(recordKey(meshUID, k)) == nil:
		return nil, nil, store.ErrNotFound
	}
	key := tagsKey(meshUID, k)
	value := bytes.Clone(tx.Bucket(bucketMeshes).Get(key))
	if value == nil {
		return map[string]string{}, nil, nil
	}
	tags, err = decode[map[string]string](key, value)
	return tags, value, err
}
