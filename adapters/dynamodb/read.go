package dynamodb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

var errLimit = errors.New("limit must be at least 1")

// MeshByName implements store.Store.
func (s *Store) MeshByName(ctx context.Context, name string) (store.Mesh, error) {
	m, err := s.meshByName(ctx, name)
	if err != nil {
		return store.Mesh{}, fmt.Errorf("mesh %s: %w", name, err)
	}
	return m, nil
}

// meshByName looks again if the name came to mean another mesh between the two reads.
func (s *Store) meshByName(ctx context.Context, name string) (store.Mesh, error) {
	if name == "" {
		return store.Mesh{}, errors.Join(store.ErrNotFound, ctx.Err())
	}
	for before := ""; ; {
		i, err := s.get(ctx, namesPartition, nameKey(name))
		if err != nil {
			return store.Mesh{}, err
		}
		uid := text(i, "uid")
		m, err := s.meshByUID(ctx, uid)
		if err != nil || !m.Deleted {
			return m, err
		}
		if uid == before {
			return store.Mesh{}, fmt.Errorf("the name means mesh %s, which is deleted", uid)
		}
		before = uid
	}
}

// MeshByUID implements store.Store.
func (s *Store) MeshByUID(ctx context.Context, uid string) (store.Mesh, error) {
	m, err := s.meshByUID(ctx, uid)
	if err != nil {
		return store.Mesh{}, fmt.Errorf("mesh with uid %s: %w", uid, err)
	}
	return m, nil
}

func (s *Store) meshByUID(ctx context.Context, uid string) (store.Mesh, error) {
	if uid == "" {
		return store.Mesh{}, errors.Join(store.ErrNotFound, ctx.Err())
	}
	i, err := s.get(ctx, uid, meshKey())
	if err != nil {
		return store.Mesh{}, err
	}
	return decodeMesh(i)
}

// Meshes implements store.Store. A mesh that is deleted or made while the list is read may be missing from it.
func (s *Store) Meshes(ctx context.Context, after string, limit int) ([]store.Mesh, error) {
	if limit < 1 {
		return nil, errLimit
	}
	var meshes []store.Mesh
	from := []byte{0}
	if after != "" {
		from = nameKey(after)
	}
	for more := true; more && len(meshes) < limit; {
		uids := []string{}
		last := from
		err := s.query(ctx, scan{pk: namesPartition, from: from, to: []byte{0xFF}, after: from}, func(i item) bool {
			uids, last = append(uids, text(i, "uid")), sortKey(i)
			return len(uids) < min(limit-len(meshes), maxBatch)
		})
		if err != nil {
			return nil, fmt.Errorf("list meshes: %w", err)
		}
		found, err := s.meshesOf(ctx, uids)
		if err != nil {
			return nil, fmt.Errorf("list meshes: %w", err)
		}
		meshes = append(meshes, found...)
		more, from = len(uids) == min(limit-len(meshes)+len(found), maxBatch), last
	}
	return meshes, nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, meshUID string, k resource.Key) (store.Record, error) {
	i, err := s.get(ctx, meshUID, recordKey(k))
	if err != nil {
		return store.Record{}, fmt.Errorf("%s: %w", k, err)
	}
	return decode[store.Record](i, "record")
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, meshUID string, kind resource.Kind, parent, after string, limit int) ([]store.Record, error) {
	if limit < 1 {
		return nil, errLimit
	}
	in := within(meshUID, kindKey(rowResource, kind, parent))
	if after != "" {
		in.after = recordKey(resource.Key{Kind: kind, Parent: parent, Name: after})
	}
	list, err := collect[store.Record](ctx, s, in, "record", limit)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", kind, err)
	}
	return list, nil
}

// Referrers implements store.Store.
func (s *Store) Referrers(ctx context.Context, meshUID string, target resource.Key, limit int) ([]resource.Key, error) {
	if limit < 1 {
		return nil, errLimit
	}
	keys, err := collect[resource.Key](ctx, s, within(meshUID, targetKey(target)), "referrer", limit)
	if err != nil {
		return nil, fmt.Errorf("referrers of %s: %w", target, err)
	}
	return keys, nil
}

// Page implements store.Store. A cursor names the last resource given, so it outlives its deletion.
func (s *Store) Page(ctx context.Context, meshUID, cursor string, limit int) ([]resource.Resource, string, error) {
	if limit < 1 {
		return nil, "", errLimit
	}
	in := within(meshUID, extend(nil, rowResource))
	after, err := openCursor(meshUID, in.from, cursor)
	if err != nil {
		return nil, "", err
	}
	if after != nil {
		in.after = after
	}
	var page []resource.Resource
	var last []byte
	var bad error
	more := false
	err = s.query(ctx, in, func(i item) bool {
		if len(page) == limit {
			more = true
			return false
		}
		var r store.Record
		r, bad = decode[store.Record](i, "record")
		page, last = append(page, r.Resource), sortKey(i)
		return bad == nil
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, "", fmt.Errorf("page of mesh %s: %w", meshUID, err)
	}
	if !more {
		return page, "", nil
	}
	return page, makeCursor(meshUID, in.from, last), nil
}

// Journal implements store.Store.
func (s *Store) Journal(ctx context.Context, meshUID string, after int64, limit int) ([]store.Entry, error) {
	if limit < 1 {
		return nil, errLimit
	}
	in := within(meshUID, extend(nil, rowJournal))
	in.after = journalKey(max(after, 0))
	entries, err := collect[store.Entry](ctx, s, in, "entry", limit)
	if err != nil {
		return nil, fmt.Errorf("journal of mesh %s: %w", meshUID, err)
	}
	return entries, nil
}

// get reads one row; ErrNotFound.
func (s *Store) get(ctx context.Context, pk string, sk []byte) (item, error) {
	if pk == "" {
		return nil, errors.Join(store.ErrNotFound, ctx.Err())
	}
	out, err := try(ctx, s.api.GetItem, &awsdynamodb.GetItemInput{TableName: &s.table, Key: keyOf(pk, sk), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	if len(out.Item) == 0 {
		return nil, store.ErrNotFound
	}
	return out.Item, nil
}

// text is a string attribute, "" if it is missing.
func text(i item, attribute string) string {
	if s, ok := i[attribute].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func sortKey(i item) []byte {
	switch sk := i["sk"].(type) {
	case *types.AttributeValueMemberB:
		return sk.Value
	case *types.AttributeValueMemberS: // of instances
		return []byte(sk.Value)
	}
	return nil
}

// decode reads an attribute's JSON, and says which row is damaged if it can't.
func decode[T any](i item, attribute string) (T, error) {
	var t T
	if err := json.Unmarshal([]byte(text(i, attribute)), &t); err != nil {
		return t, fmt.Errorf("%s of row %s, %q is damaged: %w", attribute, text(i, "pk"), sortKey(i), err)
	}
	return t, nil
}

func decodeMesh(i item) (store.Mesh, error) {
	body, err := decode[meshBody](i, "mesh")
	if err != nil {
		return store.Mesh{}, err
	}
	m := store.Mesh{Record: body.Record, Owner: body.Owner, Deleted: i["deleted"] != nil}
	if n, ok := i["generation"].(*types.AttributeValueMemberN); ok {
		m.Generation, err = strconv.ParseInt(n.Value, 10, 64)
	}
	if err != nil || m.Generation < 1 {
		return store.Mesh{}, fmt.Errorf("the generation of mesh %s is damaged", m.UID)
	}
	return m, nil
}
