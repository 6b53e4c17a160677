package dynamodb_test

import (
	"testing"
	"time"

	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/ownmesh/ownmesh/adapters/dynamodb"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/endpoint/endpointtest"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

func TestRegistryContract(t *testing.T) {
	t.Parallel()
	client := awsdynamodb.NewFromConfig(emulator.Config(t))
	endpointtest.RunLedger(t, func(t *testing.T) endpoint.Ledger {
		return dynamodb.NewRegistry(client, table(t, client, types.ScalarAttributeTypeS), time.Now)
	})
}
