package dynamodb_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/ownmesh/ownmesh/adapters/dynamodb"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/core/store/storetest"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

func TestContract(t *testing.T) {
	t.Parallel()
	client := awsdynamodb.NewFromConfig(emulator.Config(t))
	storetest.Run(t, func(t *testing.T) store.Store {
		return dynamodb.New(client, table(t, client, types.ScalarAttributeTypeB))
	})
}

// table makes a table as infra/ does, but for what a test does not need.
func table(tb testing.TB, client *awsdynamodb.Client, sortKey types.ScalarAttributeType) string {
	tb.Helper()
	name := emulator.Name(tb)
	_, err := client.CreateTable(tb.Context(), &awsdynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("sk"), AttributeType: sortKey},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange},
		},
	})
	var there *types.ResourceInUseException // nobody else has the name: the answer to an attempt before was lost
	if err != nil && !errors.As(err, &there) {
		tb.Fatal(err)
	}
	return name
}
