package dynamodb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/store"
)

// Of keys, in bytes: what DynamoDB takes.
const (
	maxPartition = 2048
	maxSort      = 1024
)

// tombstoneAge is how long a tombstone stays at least. DynamoDB's TTL removes it some time later.
const tombstoneAge = 24 * time.Hour

// RegistryAPI is what Registry calls; *dynamodb.Client has it.
type RegistryAPI interface {
	PutItem(context.Context, *awsdynamodb.PutItemInput, ...func(*awsdynamodb.Options)) (*awsdynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *awsdynamodb.UpdateItemInput, ...func(*awsdynamodb.Options)) (*awsdynamodb.UpdateItemOutput, error)
	Query(context.Context, *awsdynamodb.QueryInput, ...func(*awsdynamodb.Options)) (*awsdynamodb.QueryOutput, error)
	Scan(context.Context, *awsdynamodb.ScanInput, ...func(*awsdynamodb.Options)) (*awsdynamodb.ScanOutput, error)
}

// Registry is endpoint.Ledger in a table of its own, which no stream reads:
//
//	pk (string)               sk (string)   attributes
//	"<namespace>/<service>"   instance id   instance (JSON), version (number)
//	                                        version, removed (true), expires (seconds, the table's TTL): a tombstone;
//	                                        withdrawn (true) too, if Deregister left it
//
// A "/" or "%" in a namespace or service is percent-encoded.
type Registry struct {
	api   RegistryAPI
	table string
	now   func() time.Time
}

var _ endpoint.Ledger = (*Registry)(nil)

// NewRegistry gives the registry in a table, whose key is pk and sk (both strings).
func NewRegistry(api RegistryAPI, table string, now func() time.Time) *Registry {
	return &Registry{api: api, table: table, now: now}
}

// Register implements endpoint.Registry.
func (r *Registry) Register(ctx context.Context, i endpoint.Instance) error {
	key, err := instanceKey(endpoint.ServiceKey{Namespace: i.Namespace, Service: i.Service}, i.ID)
	if err != nil {
		return fmt.Errorf("register: %w", err)
	}
	value, err := store.Encode(i)
	if err != nil {
		return fmt.Errorf("register %s: %w", i.ID, err)
	}
	key["instance"], key["version"] = &types.AttributeValueMemberS{Value: string(value)}, number(i.Version)
	_, err = try(ctx, r.api.PutItem, &awsdynamodb.PutItemInput{
		TableName: &r.table, Item: key,
		ConditionExpression: aws.String(
			"attribute_not_exists(pk) OR version < :version OR (version = :version AND attribute_not_exists(removed))"),
		ExpressionAttributeValues:           item{":version": number(i.Version)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err = late(err); err != nil {
		return fmt.Errorf("register %s of %s.%s: %w", i.ID, i.Service, i.Namespace, err)
	}
	return nil
}

// late is an error as it is, or a *endpoint.LateError if a condition on the version did not hold.
func late(err error) error {
	var condition *types.ConditionalCheckFailedException
	if !errors.As(err, &condition) {
		return err
	}
	known, err := versionOf(condition.Item)
	if err != nil {
		return err
	}
	return &endpoint.LateError{Known: known}
}

// Deregister implements endpoint.Registry: the row becomes a tombstone of the version that it had.
func (r *Registry) Deregister(ctx context.Context, s endpoint.ServiceKey, id string) error {
	key, err := instanceKey(s, id)
	if err != nil {
		return fmt.Errorf("deregister: %w", err)
	}
	_, err = try(ctx, r.api.UpdateItem, &awsdynamodb.UpdateItemInput{
		TableName: &r.table, Key: key,
		UpdateExpression:          aws.String("SET removed = :yes, withdrawn = :yes, expires = :expires REMOVE instance"),
		ConditionExpression:       aws.String("attribute_exists(pk) AND attribute_not_exists(removed)"),
		ExpressionAttributeValues: item{":yes": &types.AttributeValueMemberBOOL{Value: true}, ":expires": r.expires()},
	})
	if err != nil && !errors.Is(err, errCondition) { // it is not there, or gone already
		return fmt.Errorf("deregister %s of %s.%s: %w", id, s.Service, s.Namespace, err)
	}
	return nil
}

// Remove implements endpoint.Ledger.
func (r *Registry) Remove(ctx context.Context, i endpoint.InstanceKey, version int64) error {
	key, err := instanceKey(i.ServiceKey, i.ID)
	if err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	key["removed"], key["version"], key["expires"] = &types.AttributeValueMemberBOOL{Value: true}, number(version), r.expires()
	_, err = try(ctx, r.api.PutItem, &awsdynamodb.PutItemInput{
		TableName: &r.table, Item: key,
		ConditionExpression:                 aws.String("attribute_not_exists(pk) OR version <= :version"),
		ExpressionAttributeValues:           item{":version": number(version)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err = late(err); err != nil {
		return fmt.Errorf("remove %s of %s.%s: %w", i.ID, i.Service, i.Namespace, err)
	}
	return nil
}

func (r *Registry) expires() types.AttributeValue { return number(r.now().Add(tombstoneAge).Unix()) }

// Instances implements endpoint.Registry.
func (r *Registry) Instances(ctx context.Context, s endpoint.ServiceKey) (instances []endpoint.Instance, err error) {
	rows, err := r.Rows(ctx, s)
	for _, row := range rows {
		if !row.Removed {
			instances = append(instances, row.Instance)
		}
	}
	return instances, err
}

// Rows implements endpoint.Ledger. DynamoDB answers with at most 1 MB at a time.
func (r *Registry) Rows(ctx context.Context, s endpoint.ServiceKey) (rows []endpoint.Row, err error) {
	if len(partition(s)) > maxPartition {
		return nil, ctx.Err() // nothing can be registered there, and DynamoDB takes no question about it
	}
	in := &awsdynamodb.QueryInput{
		TableName: &r.table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": &types.AttributeValueMemberS{Value: partition(s)}},
	}
	for {
		out, err := try(ctx, r.api.Query, in)
		if err != nil {
			return nil, fmt.Errorf("instances of %s.%s: %w", s.Service, s.Namespace, err)
		}
		for _, i := range out.Items {
			row, err := rowOf(i, s)
			if err != nil {
				return nil, fmt.Errorf("instances of %s.%s: %w", s.Service, s.Namespace, err)
			}
			rows = append(rows, row)
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return rows, nil
		}
	}
}

func rowOf(i item, s endpoint.ServiceKey) (row endpoint.Row, err error) {
	if i["removed"] == nil {
		row.Instance, err = decode[endpoint.Instance](i, "instance")
		return row, err
	}
	row = endpoint.Row{Instance: endpoint.Instance{Namespace: s.Namespace, Service: s.Service, ID: text(i, "sk")}, Removed: true, Withdrawn: i["withdrawn"] != nil}
	row.Version, err = versionOf(i)
	return row, err
}

// Services implements endpoint.Registry. It reads the whole table, since nobody asks often: an index of services would
// cost each registration a second write, which all tasks of a deployment would send to one row.
func (r *Registry) Services(ctx context.Context) (services []endpoint.ServiceKey, err error) {
	in := &awsdynamodb.ScanInput{
		TableName: &r.table, ConsistentRead: aws.Bool(true),
		ProjectionExpression: aws.String("pk"), FilterExpression: aws.String("attribute_not_exists(removed)"),
	}
	for {
		out, err := try(ctx, r.api.Scan, in)
		if err != nil {
			return nil, fmt.Errorf("list services: %w", err)
		}
		last := ""
		for _, i := range out.Items {
			pk := text(i, "pk")
			if pk == last {
				continue
			}
			s, err := serviceOf(pk)
			if err != nil {
				return nil, fmt.Errorf("list services: %w", err)
			}
			services, last = append(services, s), pk
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			break
		}
	}
	slices.SortFunc(services, func(a, b endpoint.ServiceKey) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Service, b.Service))
	})
	return slices.Compact(services), nil
}

var (
	encodePart = strings.NewReplacer("%", "%25", "/", "%2F")
	decodePart = strings.NewReplacer("%25", "%", "%2F", "/")
)

// partition is the key of a service's rows.
func partition(s endpoint.ServiceKey) string {
	return encodePart.Replace(s.Namespace) + "/" + encodePart.Replace(s.Service)
}

func serviceOf(pk string) (endpoint.ServiceKey, error) {
	namespace, service, ok := strings.Cut(pk, "/")
	if !ok {
		return endpoint.ServiceKey{}, fmt.Errorf("the key %q is not <namespace>/<service>", pk)
	}
	return endpoint.ServiceKey{Namespace: decodePart.Replace(namespace), Service: decodePart.Replace(service)}, nil
}

func instanceKey(s endpoint.ServiceKey, id string) (item, error) {
	for _, p := range []string{s.Namespace, s.Service, id} {
		if p == "" || !utf8.ValidString(p) {
			return nil, errors.New("namespace, service and id must be set, and in UTF-8")
		}
	}
	pk := partition(s)
	if len(pk) > maxPartition || len(id) > maxSort {
		return nil, fmt.Errorf("namespace and service may have %d bytes together, the id %d", maxPartition-1, maxSort)
	}
	return item{"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: id}}, nil
}

func versionOf(i item) (int64, error) {
	n, ok := i["version"].(*types.AttributeValueMemberN)
	if !ok {
		return 0, fmt.Errorf("the row %s has no version", text(i, "pk"))
	}
	version, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the version of row %s is damaged: %w", text(i, "pk"), err)
	}
	return version, nil
}
