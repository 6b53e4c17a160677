package dynamodb_test

import (
	"strconv"
	"strings"
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

// Tombstones outlive what may be late by far: a day, also for DynamoDB's own TTL, which counts in seconds. What is present
// never ends by itself.
func TestTombstonesEndAfterADay(t *testing.T) {
	t.Parallel()
	client := awsdynamodb.NewFromConfig(emulator.Config(t))
	name, now := table(t, client, types.ScalarAttributeTypeS), time.Now()
	r := dynamodb.NewRegistry(client, name, func() time.Time { return now })
	cart := endpoint.ServiceKey{Namespace: "shop.local", Service: "cart"}
	register := func(id string, version int64) {
		t.Helper()
		if err := r.Register(t.Context(), endpoint.Instance{Namespace: cart.Namespace, Service: cart.Service, ID: id, IPv4: "10.0.0.1", Version: version}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"present", "withdrawn", "back"} {
		register(id, 1)
	}
	for _, err := range []error{
		r.Deregister(t.Context(), cart, "withdrawn"), r.Deregister(t.Context(), cart, "back"),
		r.Remove(t.Context(), endpoint.InstanceKey{ServiceKey: cart, ID: "removed"}, 1),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	register("back", 2)
	out, err := client.Scan(t.Context(), &awsdynamodb.ScanInput{TableName: &name})
	if err != nil || len(out.Items) != 4 {
		t.Fatalf("%v, %v", out, err)
	}
	tomorrow := strconv.FormatInt(now.Add(24*time.Hour).Unix(), 10)
	want := map[string]string{"present": "", "back": "", "withdrawn": tomorrow, "removed": tomorrow}
	for _, i := range out.Items {
		id, ends := i["sk"].(*types.AttributeValueMemberS).Value, ""
		if n, ok := i["expires"].(*types.AttributeValueMemberN); ok {
			ends = n.Value
		}
		if ends != want[id] {
			t.Errorf("%s ends at %q, want %q", id, ends, want[id])
		}
	}
}

// DynamoDB answers no question about a key that is longer than it takes, which the emulator and DynamoDB Local do: it is
// not asked.
func TestHugeNamesAreNotAskedFor(t *testing.T) {
	t.Parallel()
	r := dynamodb.NewRegistry(nil, "no table", time.Now)
	s := endpoint.ServiceKey{Namespace: strings.Repeat("n", 1024), Service: strings.Repeat("s", 1024)}
	if rows, err := r.Rows(t.Context(), s); len(rows) > 0 || err != nil {
		t.Errorf("rows %v, %v", rows, err)
	}
}
