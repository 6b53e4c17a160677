package dynamodb

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/cenkalti/backoff/v5"

	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/internal/attempts"
)

// maxBatch is how many rows DynamoDB gives by key in one call.
const maxBatch = 100

// scan is a range of rows in one partition: from the key from (included) to the key to (not included), and of those
// only the ones greater than after.
type scan struct {
	pk              string
	from, to, after []byte
}

// within is all rows whose key begins with prefix, which ends a part.
func within(pk string, prefix []byte) scan { return scan{pk: pk, from: prefix, to: behind(prefix)} }

// query visits rows in order, until visit says stop. DynamoDB answers with at most 1 MB at a time; each piece is
// strongly consistent.
func (s *Store) query(ctx context.Context, in scan, visit func(item) (more bool)) error {
	if in.pk == "" || bytes.Compare(in.after, in.to) >= 0 {
		return ctx.Err()
	}
	from := in.from
	if bytes.Compare(in.after, from) > 0 {
		from = in.after
	}
	input := &awsdynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("pk = :pk AND sk BETWEEN :from AND :to"),
		ExpressionAttributeValues: item{
			":pk":   &types.AttributeValueMemberS{Value: in.pk},
			":from": &types.AttributeValueMemberB{Value: from},
			":to":   &types.AttributeValueMemberB{Value: in.to},
		},
	}
	for {
		out, err := try(ctx, s.api.Query, input)
		if err != nil {
			return err
		}
		for _, i := range out.Items {
			sk := sortKey(i)
			if in.after != nil && bytes.Compare(sk, in.after) <= 0 || bytes.Compare(sk, in.to) >= 0 {
				continue
			}
			if !visit(i) {
				return nil
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		input.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// collect decodes one attribute of the first rows.
func collect[T any](ctx context.Context, s *Store, in scan, attribute string, limit int) (list []T, err error) {
	var bad error
	err = s.query(ctx, in, func(i item) bool {
		var t T
		t, bad = decode[T](i, attribute)
		list = append(list, t)
		return bad == nil && len(list) < limit
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, err
	}
	return list, nil
}

// meshesOf reads meshes by uid, in that order, but for deleted ones. DynamoDB may leave some for another call.
func (s *Store) meshesOf(ctx context.Context, uids []string) (meshes []store.Mesh, err error) {
	if len(uids) == 0 {
		return nil, nil
	}
	keys := make([]item, len(uids))
	for i, uid := range uids {
		keys[i] = keyOf(uid, meshKey())
	}
	wait := attempts.Pauses()
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		out, err := try(ctx, s.api.BatchGetItem, &awsdynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{s.table: {Keys: keys, ConsistentRead: aws.Bool(true)}},
		})
		if err != nil {
			return struct{}{}, backoff.Permanent(err)
		}
		for _, i := range out.Responses[s.table] {
			m, err := decodeMesh(i)
			if err != nil {
				return struct{}{}, backoff.Permanent(err)
			}
			meshes = append(meshes, m)
		}
		if keys = out.UnprocessedKeys[s.table].Keys; len(keys) > 0 {
			if len(out.Responses[s.table]) > 0 {
				wait.Reset() // it goes on, as far as 16 MB or the throughput allow at a time
			}
			return struct{}{}, fmt.Errorf("%w: %d rows were left unread", store.ErrBusy, len(keys))
		}
		return struct{}{}, nil
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(limits.Patience))
	if err != nil {
		return nil, err
	}
	meshes = slices.DeleteFunc(meshes, func(m store.Mesh) bool { return m.Deleted })
	slices.SortFunc(meshes, func(a, b store.Mesh) int { return slices.Index(uids, a.UID) - slices.Index(uids, b.UID) })
	return meshes, nil
}

// makeCursor is the key of the last resource of a page, behind a checksum that binds it to its mesh.
func makeCursor(uid string, prefix, key []byte) string {
	sum := binary.BigEndian.AppendUint32(nil, cursorSum(uid, key))
	return base64.RawURLEncoding.EncodeToString(append(sum, key[len(prefix):]...))
}

// openCursor is the key that makeCursor was given; nil for "".
func openCursor(uid string, prefix []byte, cursor string) ([]byte, error) {
	if cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 4 {
		return nil, store.ErrCursor
	}
	key := append(bytes.Clone(prefix), b[4:]...)
	if cursorSum(uid, key) != binary.BigEndian.Uint32(b) {
		return nil, store.ErrCursor
	}
	return key, nil
}

func cursorSum(uid string, key []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE([]byte(uid)), crc32.IEEETable, key)
}
