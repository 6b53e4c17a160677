package dynamodb

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// Tags implements store.Store.
func (s *Store) Tags(ctx context.Context, meshUID string, k resource.Key) (map[string]string, error) {
	tags, _, err := s.readTags(ctx, meshUID, k)
	if err != nil {
		return nil, fmt.Errorf("tags of %s: %w", k, err)
	}
	return tags, nil
}

// UpdateTags implements store.Store. It is tried again as often as somebody else was first.
func (s *Store) UpdateTags(ctx context.Context, meshUID string, k resource.Key, change func(map[string]string) (map[string]string, error)) error {
	for {
		tags, stored, err := s.readTags(ctx, meshUID, k)
		if err != nil {
			return fmt.Errorf("tags of %s: %w", k, err)
		}
		if tags, err = change(tags); err != nil {
			return err
		}
		if tags == nil {
			tags = map[string]string{}
		}
		value, err := store.Encode(tags)
		if err == nil {
			err = s.write(ctx, s.replaceTags(meshUID, k, stored, string(value)), func() (bool, error) {
				_, now, err := s.readTags(ctx, meshUID, k)
				return now == string(value), err
			})
		}
		if errors.Is(err, errCondition) {
			continue
		}
		if err != nil {
			return fmt.Errorf("tags of %s: %w", k, err)
		}
		return nil
	}
}

// replaceTags is the writes that replace tags stored as stored ("" if there are none), if the resource and its mesh
// are there.
func (s *Store) replaceTags(meshUID string, k resource.Key, stored, value string) []types.TransactWriteItem {
	put := s.put(row(meshUID, tagsKey(k), "tags", value))
	put.Put.ConditionExpression = aws.String("attribute_not_exists(pk)")
	if stored != "" {
		put.Put.ConditionExpression = aws.String("tags = :stored")
		put.Put.ExpressionAttributeValues = item{":stored": &types.AttributeValueMemberS{Value: stored}}
	}
	writes := []types.TransactWriteItem{put, {ConditionCheck: &types.ConditionCheck{
		TableName: &s.table, Key: keyOf(meshUID, meshKey()),
		ConditionExpression: aws.String("attribute_exists(pk) AND attribute_not_exists(deleted)"),
	}}}
	if k.Kind != resource.KindMesh {
		writes = append(writes, types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: &s.table, Key: keyOf(meshUID, recordKey(k)), ConditionExpression: aws.String("attribute_exists(pk)"),
		}})
	}
	return writes
}

// readTags reads the tags, and how they are stored ("" if there are none), of a resource or mesh that is there.
func (s *Store) readTags(ctx context.Context, meshUID string, k resource.Key) (tags map[string]string, stored string, err error) {
	if meshUID == "" {
		return nil, "", errors.Join(store.ErrNotFound, ctx.Err())
	}
	keys := [][]byte{meshKey(), tagsKey(k)}
	if k.Kind != resource.KindMesh {
		keys = append(keys, recordKey(k))
	}
	gets := make([]types.TransactGetItem, len(keys))
	for i, sk := range keys {
		gets[i].Get = &types.Get{TableName: &s.table, Key: keyOf(meshUID, sk)}
	}
	out, err := try(ctx, s.api.TransactGetItems, &awsdynamodb.TransactGetItemsInput{TransactItems: gets})
	if err != nil {
		return nil, "", err
	}
	if len(out.Responses) != len(keys) || len(out.Responses[0].Item) == 0 || out.Responses[0].Item["deleted"] != nil {
		return nil, "", store.ErrNotFound
	}
	if k.Kind != resource.KindMesh {
		if len(out.Responses[2].Item) == 0 {
			return nil, "", store.ErrNotFound
		}
	} else if m, err := decodeMesh(out.Responses[0].Item); err != nil || m.Key != k {
		return nil, "", errors.Join(err, store.ErrNotFound)
	}
	i := out.Responses[1].Item
	if len(i) == 0 {
		return map[string]string{}, "", nil
	}
	tags, err = decode[map[string]string](i, "tags")
	return tags, text(i, "tags"), err
}
