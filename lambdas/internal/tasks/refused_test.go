package tasks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"

	"github.com/ownmesh/ownmesh/adapters/dynamodb"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/lambdas/internal/cloud"
	"github.com/ownmesh/ownmesh/lambdas/internal/tasks"
)

// logged tells whether an instance is in a mesh's endpoints log.
func logged(t *testing.T, c *cloud.Cloud, mesh string, service endpoint.ServiceKey, id string) bool {
	t.Helper()
	r := artifact.NewReader(c.Objects(), mesh, artifact.EndpointsLog, artifact.ReaderOptions{})
	if _, err := r.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, ok := r.State().Services[service][id]
	return ok
}

// bound makes a namespace, and a mesh with a node in it and a binding of that cluster's tasks. Services are called
// differently, for the emulator doesn't list them by namespace.
func bound(t *testing.T, c *cloud.Cloud, s *dynamodb.Store, uid, cluster string) (service endpoint.ServiceKey) {
	t.Helper()
	key := endpoint.ServiceKey{Namespace: emulator.Name(t) + ".local", Service: emulator.Name(t)}
	_, err := servicediscovery.NewFromConfig(c.Config).CreatePrivateDnsNamespace(t.Context(), &servicediscovery.CreatePrivateDnsNamespaceInput{Name: &key.Namespace, Vpc: aws.String("vpc-1")})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, uid,
		resource.Resource{Key: resource.Key{Kind: resource.KindMesh, Name: uid}, Spec: json.RawMessage(`{}`)},
		resource.Resource{Key: resource.Key{Kind: resource.KindVirtualNode, Name: "cart"}, Spec: json.RawMessage(fmt.Sprintf(
			`{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}],"serviceDiscovery":{"awsCloudMap":{"namespaceName":%q,"serviceName":%q}}}`, key.Namespace, key.Service))},
		resource.Resource{Key: resource.Key{Kind: resource.KindTaskBinding, Name: "cart"}, Spec: json.RawMessage(fmt.Sprintf(
			`{"cluster":%q,"service":"cart","virtualNode":{"virtualNodeName":"cart"}}`, cluster))},
	)
	return key
}

// denied refuses calls that name any of these.
func denied(names ...string) emulator.Fault {
	refuse := emulator.JSONError(400, "AccessDeniedException", "")
	return func(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		for _, name := range names {
			if strings.Contains(string(body), `"`+name+`"`) {
				return refuse(r, send)
			}
		}
		return send(r)
	}
}

// TestRefusedBesideOthers: with a mesh that ECS and Cloud Map refuse everything, the stop of another mesh's task is in the
// log as soon as without, nothing comes again, and the refused mesh has what the events say.
func TestRefusedBesideOthers(t *testing.T) {
	t.Parallel()
	wire := &emulator.Wire{}
	c := inEmulator(t)
	c.Config = wire.Config(t)
	s := c.Store()
	mine := bound(t, c, s, "mine", "MyCluster")
	theirs := bound(t, c, s, "theirs", "TheirCluster")
	registrar := tasks.Registrar(c)
	handler := tasks.Handler{Registrar: registrar, Meshes: s, Logger: c.Logger}
	for _, mesh := range []string{"mine", "theirs"} {
		if err := registrar.Handle(t.Context(), events.MeshChanged{UID: mesh}); err != nil {
			t.Fatal(err)
		}
	}
	event := func(kind, cluster, id string) string {
		body := strings.ReplaceAll(sample(t, kind), "c13b4cb40f1f4fe4a2971f76ae5a47ad", id)
		return strings.ReplaceAll(strings.Replace(body, `"family:sample-fargate"`, `"service:cart"`, 1), "FargateCluster", cluster)
	}
	send := func(bodies ...string) time.Duration {
		t.Helper()
		start := time.Now()
		answer, err := handler.Invoke(t.Context(), batch(t, bodies...))
		if err != nil {
			t.Fatal(err)
		}
		wantFailures(t, answer, nil)
		return time.Since(start)
	}
	round := func(id string) time.Duration {
		t.Helper()
		send(event("fargate-running", "MyCluster", "m"+id), event("fargate-running", "TheirCluster", "t"+id))
		if !logged(t, c, "mine", mine, "m"+id) || !logged(t, c, "theirs", theirs, "t"+id) {
			t.Error("a task that runs is not in the log")
		}
		took := send(event("service-stopping", "MyCluster", "m"+id), event("service-stopping", "TheirCluster", "t"+id))
		if logged(t, c, "mine", mine, "m"+id) || logged(t, c, "theirs", theirs, "t"+id) {
			t.Error("a task that stops is in the log")
		}
		return took
	}
	before := round("1")
	services, err := servicediscovery.NewFromConfig(emulator.Config(t)).ListServices(t.Context(), &servicediscovery.ListServicesInput{})
	if err != nil {
		t.Fatal(err)
	}
	refused := []string{"TheirCluster", theirs.Namespace}
	for _, service := range services.Services {
		if aws.ToString(service.Name) == theirs.Service {
			refused = append(refused, aws.ToString(service.Id), aws.ToString(service.Arn))
		}
	}
	if len(refused) != 4 {
		t.Fatalf("found %q", refused)
	}
	wire.Always(func(string) emulator.Fault { return onlyOutside(denied(refused...)) })
	for name, r := range map[string]tasks.Registers{"warm": registrar, "cold": tasks.Registrar(c)} {
		handler.Registrar = r
		with := round(name)
		t.Logf("a batch of stops takes %v, and %v with one of two meshes refused (%s)", before, with, name)
		if with > before+3*time.Second {
			t.Errorf("a batch of stops takes %v, and %v with one of two meshes refused", before, with)
		}
	}
	if err := registrar.Handle(t.Context(), events.MeshChanged{UID: "theirs"}); err != nil {
		t.Error(err)
	}
	report, _, err := c.Objects().Get(t.Context(), events.RegistrationPath("theirs"))
	for _, code := range []string{"cloud-map-denied", "ecs-denied"} {
		if err != nil || !strings.Contains(string(report), code) {
			t.Errorf("%s is not found: %s, %v", code, report, err)
		}
	}
}

// onlyOutside leaves our own tables and bucket alone.
func onlyOutside(f emulator.Fault) emulator.Fault {
	return func(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
		if target := r.Header.Get("X-Amz-Target"); target == "" || strings.HasPrefix(target, "DynamoDB") {
			return send(r)
		}
		return f(r, send)
	}
}
