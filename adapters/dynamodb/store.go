package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// API is what Store calls; *dynamodb.Client has it.
type API interface {
	GetItem(context.Context, *awsdynamodb.GetItemInput, ...func(*awsdynamodb.Options)) (*awsdynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *awsdynamodb.BatchGetItemInput, ...func(*awsdynamodb.Options)) (*awsdynamodb.BatchGetItemOutput, error)
	Query(context.Context, *awsdynamodb.QueryInput, ...func(*awsdynamodb.Options)) (*awsdynamodb.QueryOutput, error)
	TransactGetItems(context.Context, *awsdynamodb.TransactGetItemsInput, ...func(*awsdynamodb.Options)) (*awsdynamodb.TransactGetItemsOutput, error)
	TransactWriteItems(context.Context, *awsdynamodb.TransactWriteItemsInput, ...func(*awsdynamodb.Options)) (*awsdynamodb.TransactWriteItemsOutput, error)
}

// Store is store.Store in one table.
type Store struct {
	api   API
	table string
}

var _ store.Store = (*Store)(nil)

// New gives the store in a table, whose key is pk (string) and sk (binary).
func New(api API, table string) *Store { return &Store{api: api, table: table} }

// item is a row's attributes, its key included.
type item = map[string]types.AttributeValue

func keyOf(pk string, sk []byte) item {
	return item{"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberB{Value: sk}}
}

// row is an item with one more attribute, a string.
func row(pk string, sk []byte, attribute, value string) item {
	i := keyOf(pk, sk)
	i[attribute] = &types.AttributeValueMemberS{Value: value}
	return i
}

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// CreateMesh implements store.Store.
func (s *Store) CreateMesh(ctx context.Context, m store.Mesh, tags map[string]string, requestID, caller string) error {
	if err := store.CheckMesh(m, requestID); err != nil {
		return err
	}
	writes, err := s.newMesh(m, tags, requestID, caller)
	if err == nil {
		err = s.write(ctx, writes, func() (bool, error) { return s.isRequest(ctx, m.UID, 1, requestID) })
	}
	if errors.Is(err, errCondition) {
		err = store.ErrExists
	}
	if err != nil {
		return fmt.Errorf("create mesh %s: %w", m.Name, err)
	}
	return nil
}

// newMesh is the writes of a new mesh, whose name and uid must be free.
func (s *Store) newMesh(m store.Mesh, tags map[string]string, requestID, caller string) ([]types.TransactWriteItem, error) {
	mesh, err := meshRow(store.Mesh{Record: m.Record, Owner: m.Owner, Generation: 1})
	if err != nil {
		return nil, err
	}
	entry, err := store.Encode(store.Entry{
		Generation: 1, RequestID: requestID, Caller: caller, At: m.CreatedAt, Key: m.Key, Resource: &m.Resource,
	})
	if err != nil {
		return nil, err
	}
	writes := []types.TransactWriteItem{
		s.putNew(row(namesPartition, nameKey(m.Name), "uid", m.UID)),
		s.putNew(mesh),
		s.put(row(m.UID, journalKey(1), "entry", string(entry))),
	}
	if tags == nil {
		return writes, nil
	}
	value, err := store.Encode(tags)
	return append(writes, s.put(row(m.UID, tagsKey(m.Key), "tags", string(value)))), err
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, c store.Commit) error {
	if err := c.Check(); err != nil {
		return err
	}
	mesh, err := s.advance(ctx, c)
	if err != nil {
		return fmt.Errorf("commit %s: %w", c.Key(), err)
	}
	writes, err := s.changed(c)
	if err == nil {
		err = s.write(ctx, append(mesh, writes...), func() (bool, error) {
			return s.isRequest(ctx, c.MeshUID, c.IfGeneration+1, c.RequestID)
		})
	}
	if errors.Is(err, errCondition) {
		err = store.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("commit %s: %w", c.Key(), err)
	}
	return nil
}

// isRequest tells whether a generation was made by this request.
func (s *Store) isRequest(ctx context.Context, uid string, generation int64, requestID string) (bool, error) {
	i, err := s.get(ctx, uid, journalKey(generation))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	entry, err := decode[store.Entry](i, "entry")
	return err == nil && entry.RequestID == requestID, err
}

// advance is the writes of a commit to the mesh's own row, first of all the one with its condition, and to its name.
func (s *Store) advance(ctx context.Context, c store.Commit) ([]types.TransactWriteItem, error) {
	update := &types.Update{
		TableName: &s.table, Key: keyOf(c.MeshUID, meshKey()),
		ConditionExpression:       aws.String("generation = :at AND attribute_not_exists(deleted)"),
		UpdateExpression:          aws.String("SET generation = :next"),
		ExpressionAttributeValues: item{":at": number(c.IfGeneration), ":next": number(c.IfGeneration + 1)},
	}
	writes := []types.TransactWriteItem{{Update: update}}
	key := c.Key()
	if key.Kind != resource.KindMesh {
		return writes, nil
	}
	mesh, err := s.MeshByUID(ctx, c.MeshUID)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && mesh.Deleted:
		return nil, store.ErrConflict
	case err != nil:
		return nil, err
	case key != mesh.Key:
		return nil, fmt.Errorf("the mesh with uid %s is named %q", mesh.UID, mesh.Name)
	case c.Put != nil && c.Put.UID != mesh.UID:
		return nil, fmt.Errorf("the uid of mesh %s can't change", mesh.UID)
	}
	if c.Delete != nil {
		update.UpdateExpression = aws.String("SET generation = :next, deleted = :yes")
		update.ExpressionAttributeValues[":yes"] = &types.AttributeValueMemberBOOL{Value: true}
		return append(writes, s.remove(namesPartition, nameKey(mesh.Name))), nil
	}
	mesh.Record = *c.Put
	value, err := encodeMesh(mesh)
	update.UpdateExpression = aws.String("SET generation = :next, mesh = :mesh")
	update.ExpressionAttributeValues[":mesh"] = &types.AttributeValueMemberS{Value: value}
	return writes, err
}

// changed is the writes of a commit but those to the mesh's own row and name.
func (s *Store) changed(c store.Commit) ([]types.TransactWriteItem, error) {
	key := c.Key()
	entry := store.Entry{Generation: c.IfGeneration + 1, RequestID: c.RequestID, Caller: c.Caller, At: c.At, Key: key}
	if c.Put != nil {
		entry.Resource = &c.Put.Resource
	}
	value, err := store.Encode(entry)
	if err != nil {
		return nil, err
	}
	writes := []types.TransactWriteItem{s.put(row(c.MeshUID, journalKey(entry.Generation), "entry", string(value)))}
	switch {
	case key.Kind == resource.KindMesh:
	case c.Put != nil:
		if value, err = store.Encode(c.Put); err != nil {
			return nil, err
		}
		writes = append(writes, s.put(row(c.MeshUID, recordKey(key), "record", string(value))))
	default:
		writes = append(writes, s.remove(c.MeshUID, recordKey(key)))
	}
	if c.Delete != nil {
		writes = append(writes, s.remove(c.MeshUID, tagsKey(key)))
	} else if c.Tags != nil {
		if value, err = store.Encode(c.Tags); err != nil {
			return nil, err
		}
		writes = append(writes, s.put(row(c.MeshUID, tagsKey(key), "tags", string(value))))
	}
	for _, r := range c.RemoveRefs {
		writes = append(writes, s.remove(c.MeshUID, refKey(r.Target, r.Referrer)))
	}
	for _, r := range c.AddRefs {
		if value, err = store.Encode(r.Referrer); err != nil {
			return nil, err
		}
		writes = append(writes, s.put(row(c.MeshUID, refKey(r.Target, r.Referrer), "referrer", string(value))))
	}
	return writes, nil
}

func (s *Store) put(i item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: i}}
}

// putNew writes a row that must not be there.
func (s *Store) putNew(i item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &s.table, Item: i, ConditionExpression: aws.String("attribute_not_exists(pk)"),
	}}
}

func (s *Store) remove(pk string, sk []byte) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: keyOf(pk, sk)}}
}

// meshBody is what a mesh's row holds besides its generation and whether it is deleted, which commits change.
type meshBody struct {
	store.Record
	Owner string `json:"owner"`
}

func encodeMesh(m store.Mesh) (string, error) {
	value, err := store.Encode(meshBody{Record: m.Record, Owner: m.Owner})
	return string(value), err
}

func meshRow(m store.Mesh) (item, error) {
	value, err := encodeMesh(m)
	i := row(m.UID, meshKey(), "mesh", value)
	i["generation"] = number(m.Generation)
	return i, err
}
