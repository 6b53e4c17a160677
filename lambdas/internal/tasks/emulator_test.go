package tasks_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"

	"github.com/ownmesh/ownmesh/adapters/dynamodb"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/lambdas/internal/cloud"
	"github.com/ownmesh/ownmesh/lambdas/internal/settings"
	"github.com/ownmesh/ownmesh/lambdas/internal/tasks"
)

func TestMain(m *testing.M) { emulator.Main(m) }

// inEmulator makes what the register Lambda works with.
func inEmulator(t *testing.T) *cloud.Cloud {
	t.Helper()
	cfg, ctx := emulator.Config(t), t.Context()
	values := map[string]string{settings.Table: emulator.Name(t), settings.InstancesTable: emulator.Name(t), settings.Bucket: emulator.Name(t)}
	tables := awsdynamodb.NewFromConfig(cfg)
	for variable, sortKey := range map[string]types.ScalarAttributeType{settings.Table: types.ScalarAttributeTypeB, settings.InstancesTable: types.ScalarAttributeTypeS} {
		_, err := tables.CreateTable(ctx, &awsdynamodb.CreateTableInput{
			TableName: aws.String(values[variable]), BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{
				{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}, {AttributeName: aws.String("sk"), AttributeType: sortKey},
			},
			KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	buckets := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = true })
	if _, err := buckets.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String(values[settings.Bucket])}); err != nil {
		t.Fatal(err)
	}
	s, err := settings.Read(func(v string) string { return values[v] }, slices.Collect(maps.Keys(values)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &cloud.Cloud{Settings: s, Config: cfg, Logger: slog.New(slog.DiscardHandler)}
}

// put commits resources to the mesh with this uid, which is made first.
func put(t *testing.T, s *dynamodb.Store, uid string, resources ...resource.Resource) {
	t.Helper()
	for n, r := range resources {
		r.UID, r.Version, r.CreatedAt, r.UpdatedAt = uid, 1, time.Now(), time.Now()
		record := store.Record{Resource: r}
		var err error
		if r.Kind == resource.KindMesh {
			err = s.CreateMesh(t.Context(), store.Mesh{Record: record, Generation: 1, Owner: "000000000000"}, nil, uid, "test")
		} else {
			err = s.Commit(t.Context(), store.Commit{MeshUID: uid, IfGeneration: int64(n), RequestID: fmt.Sprint(uid, n), Caller: "test", At: time.Now(), Put: &record})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestInTheEmulator: with DynamoDB, S3, Cloud Map and ECS as they are, ECS's own events lead to the endpoints log and to
// Cloud Map, and away again.
func TestInTheEmulator(t *testing.T) {
	t.Parallel()
	c := inEmulator(t)
	ns := emulator.Name(t) + ".local"
	discovery := servicediscovery.NewFromConfig(c.Config)
	if _, err := discovery.CreatePrivateDnsNamespace(t.Context(), &servicediscovery.CreatePrivateDnsNamespaceInput{Name: &ns, Vpc: aws.String("vpc-1")}); err != nil {
		t.Fatal(err)
	}
	label := emulator.Name(t)
	put(t, c.Store(), "u",
		resource.Resource{Key: resource.Key{Kind: resource.KindMesh, Name: "shop"}, Spec: json.RawMessage(`{}`)},
		resource.Resource{Key: resource.Key{Kind: resource.KindVirtualNode, Name: "cart"}, Spec: json.RawMessage(fmt.Sprintf(
			`{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}],"serviceDiscovery":{"awsCloudMap":{"namespaceName":%q,"serviceName":%q}}}`, ns, label))},
		resource.Resource{Key: resource.Key{Kind: resource.KindTaskBinding, Name: "cart"}, Spec: json.RawMessage(
			`{"cluster":"FargateCluster","service":"cart","virtualNode":{"virtualNodeName":"cart"}}`)},
	)
	registrar := tasks.Registrar(c)
	handler := tasks.Handler{Registrar: registrar, Meshes: c.Store(), Logger: c.Logger}
	send := func(body string) {
		t.Helper()
		answer, err := handler.Invoke(t.Context(), batch(t, body))
		if err != nil {
			t.Fatal(err)
		}
		wantFailures(t, answer, nil)
	}
	registered := func(want ...string) {
		t.Helper()
		r := artifact.NewReader(c.Objects(), "u", artifact.EndpointsLog, artifact.ReaderOptions{})
		if _, err := r.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		key := endpoint.ServiceKey{Namespace: ns, Service: label}
		got := slices.Sorted(maps.Keys(r.State().Services[key]))
		services, err := discovery.ListServices(t.Context(), &servicediscovery.ListServicesInput{})
		if err != nil {
			t.Fatal(err)
		}
		var public []string
		for _, s := range services.Services {
			if aws.ToString(s.Name) != label {
				continue
			}
			instances, err := discovery.ListInstances(t.Context(), &servicediscovery.ListInstancesInput{ServiceId: s.Id})
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range instances.Instances {
				public = append(public, aws.ToString(i.Id)+" "+i.Attributes["AWS_INSTANCE_IPV4"]+":"+i.Attributes["AWS_INSTANCE_PORT"])
			}
		}
		var all []string
		for _, id := range want {
			all = append(all, id+" 10.0.0.139:8080")
		}
		if !slices.Equal(got, want) || !slices.Equal(public, all) {
			t.Errorf("the log holds %q, Cloud Map %q, want %q", got, public, want)
		}
	}
	if err := registrar.Handle(t.Context(), events.MeshChanged{UID: "u"}); err != nil {
		t.Fatal(err)
	}
	registered()
	running := strings.Replace(sample(t, "fargate-running"), `"family:sample-fargate"`, `"service:cart"`, 1)
	send(running)
	registered("c13b4cb40f1f4fe4a2971f76ae5a47ad")
	send(sample(t, "service-stopping"))
	send(running) // late
	registered()
	if err := registrar.Handle(t.Context(), events.MeshChanged{UID: "u"}); err != nil {
		t.Fatal(err)
	}
	registered()
}
