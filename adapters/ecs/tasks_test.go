package ecs_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/adapters/ecs"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/task"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

func TestMain(m *testing.M) { emulator.Main(m) }

// cluster makes a cluster and a task definition in the emulator, whose tasks have no network without a container engine.
func cluster(t *testing.T) (*awsecs.Client, string) {
	t.Helper()
	client := awsecs.NewFromConfig(emulator.Config(t), ecs.Retries)
	name := emulator.Name(t)
	if _, err := client.CreateCluster(t.Context(), &awsecs.CreateClusterInput{ClusterName: &name}); err != nil {
		t.Fatal(err)
	}
	_, err := client.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("cart"), NetworkMode: types.NetworkModeAwsvpc,
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("app"), Image: aws.String("app"), Memory: aws.Int32(64)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client, name
}

// run starts tasks as the service's scheduler would, and returns their ARNs.
func run(t *testing.T, client *awsecs.Client, cluster, service string, count int) []string {
	t.Helper()
	var arns []string
	for len(arns) < count {
		out, err := client.RunTask(t.Context(), &awsecs.RunTaskInput{
			Cluster: &cluster, TaskDefinition: aws.String("cart"), Group: aws.String("service:" + service), Count: aws.Int32(int32(min(10, count-len(arns)))),
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range out.Tasks {
			arns = append(arns, aws.ToString(one.TaskArn))
		}
	}
	return arns
}

func TestRunning(t *testing.T) {
	t.Parallel()
	client, name := cluster(t)
	tasks := ecs.New(client, time.Now)
	arns := run(t, client, name, "cart", 120)
	run(t, client, name, "stock", 3)
	if _, err := client.StopTask(t.Context(), &awsecs.StopTaskInput{Cluster: &name, Task: &arns[7]}); err != nil {
		t.Fatal(err)
	}
	got, err := tasks.Running(t.Context(), name, "cart")
	if err != nil || len(got) != 119 {
		t.Fatalf("%d tasks, %v", len(got), err)
	}
	one := got[slices.IndexFunc(got, func(g task.Task) bool { return g.ARN == arns[0] })]
	one.Containers = nil // the emulator's containers don't run
	want := task.Task{
		ARN: arns[0], Cluster: "arn:aws:ecs:us-east-1:000000000000:cluster/" + name, Service: "cart", Family: "cart", Version: 1, Running: true, Zone: "us-east-1a",
	}
	want.Unhealthy, want.IPv4 = one.Unhealthy, one.IPv4
	if diff := cmp.Diff(want, one); diff != "" {
		t.Error(diff)
	}

	whole, all, err := tasks.RunningIn(t.Context(), name, 2)
	if err != nil || !all || len(whole) != 122 || slices.IndexFunc(whole, func(g task.Task) bool { return g.Service == "stock" }) < 0 {
		t.Fatalf("%d tasks of the cluster, %v, %v", len(whole), all, err)
	}
	if some, all, err := tasks.RunningIn(t.Context(), name, 1); err != nil || all || len(some) > 0 {
		t.Fatalf("by one call %d tasks, %v, %v", len(some), all, err)
	}
	found, err := tasks.Find(t.Context(), name, append(slices.Clone(arns), "arn:aws:ecs:us-east-1:000000000000:task/"+name+"/forgotten"))
	if err != nil || len(found) != 120 {
		t.Fatalf("%d tasks found, %v", len(found), err)
	}
	if stopped := found[7]; stopped.ARN != arns[7] || !stopped.Stopping || stopped.Running || stopped.Version < 2 {
		t.Errorf("the stopped task is %+v", stopped)
	}
}

func TestRegistries(t *testing.T) {
	t.Parallel()
	client, name := cluster(t)
	const arn = "arn:aws:servicediscovery:us-east-1:000000000000:service/srv-1"
	_, err := client.CreateService(t.Context(), &awsecs.CreateServiceInput{
		Cluster: &name, ServiceName: aws.String("cart"), TaskDefinition: aws.String("cart"), DesiredCount: aws.Int32(0),
		ServiceRegistries: []types.ServiceRegistry{{RegistryArn: aws.String(arn)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	now := time.Now()
	tasks := ecs.New(counted{client, &calls}, func() time.Time { return now })
	for range 3 {
		got, refusals, err := tasks.Registries(t.Context(), name, []string{"none", "cart", "none"})
		if want := map[string][]string{"cart": {arn}, "none": nil}; err != nil || len(refusals) > 0 || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, %v, %v", got, refusals, err)
		}
		got, refusals, err = tasks.Registries(t.Context(), "no-cluster", []string{"none"})
		if want := map[string][]string{"none": nil}; err != nil || len(refusals) > 0 || !reflect.DeepEqual(got, want) {
			t.Fatalf("no cluster: %v, %v, %v", got, refusals, err)
		}
	}
	var many []string
	for n := range 21 {
		many = append(many, fmt.Sprint("other-", n))
	}
	if got, _, err := tasks.Registries(t.Context(), name, append(many, "cart")); err != nil || calls.Load() != 2+3 || len(got) != 22 {
		t.Errorf("%d calls, %v, %v", calls.Load(), got, err)
	}
	now = now.Add(3 * time.Minute)
	if _, _, err := tasks.Registries(t.Context(), name, []string{"cart"}); err != nil || calls.Load() != 6 {
		t.Errorf("%d calls, %v", calls.Load(), err)
	}
}

// counted counts DescribeServices.
type counted struct {
	*awsecs.Client
	calls *atomic.Int64
}

func (c counted) DescribeServices(ctx context.Context, in *awsecs.DescribeServicesInput, o ...func(*awsecs.Options)) (*awsecs.DescribeServicesOutput, error) {
	c.calls.Add(1)
	return c.Client.DescribeServices(ctx, in, o...)
}

// broken fails as ECS does; the emulator knows no missing service when it lists tasks.
type broken struct {
	ecs.API
	err error
}

func (b broken) ListTasks(context.Context, *awsecs.ListTasksInput, ...func(*awsecs.Options)) (*awsecs.ListTasksOutput, error) {
	return nil, b.err
}

func TestWhatIsMissingIsRefused(t *testing.T) {
	for want, err := range map[string]error{
		"cluster-missing":     fmt.Errorf("operation error: %w", &types.ClusterNotFoundException{}),
		"ecs-service-missing": &types.ServiceNotFoundException{},
		"":                    errors.New("down"),
	} {
		_, got := ecs.New(broken{err: err}, time.Now).Running(t.Context(), "shop", "cart")
		var refusal *endpoint.RefusalError
		if is := errors.As(got, &refusal); is != (want != "") || is && refusal.Code != want || got == nil {
			t.Errorf("%v: got %v", err, got)
		}
	}
}

// TestRefusalsAreToldFromFaults: a cluster that may not be asked for is a refusal of all calls, kept for a moment;
// throttling and outages are none.
func TestRefusalsAreToldFromFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		answer string
		code   string // "": no refusal
		kind   endpoint.Refusal
	}{
		{400, "AccessDeniedException", "ecs-denied", endpoint.Denied},
		{400, "InvalidParameterException", "ecs-refused", endpoint.Refused},
		{400, "ClusterNotFoundException", "cluster-missing", endpoint.Missing},
		{400, "ThrottlingException", "", 0},
		{500, "ServerException", "", 0},
	} {
		w := &emulator.Wire{}
		now := time.Now()
		tasks := ecs.New(awsecs.NewFromConfig(w.Config(t), func(o *awsecs.Options) { o.Retryer = aws.NopRetryer{} }), func() time.Time { return now })
		w.Always(func(string) emulator.Fault { return emulator.JSONError(c.status, c.answer, "") })
		_, running := tasks.Running(t.Context(), "theirs", "cart")
		_, _, runningIn := tasks.RunningIn(t.Context(), "theirs", 1)
		_, find := tasks.Find(t.Context(), "theirs", []string{"arn"})
		registries := registries(t, tasks)
		if c.kind == endpoint.Missing {
			if registries != nil {
				t.Errorf("%s: a cluster that is not there registers nothing: %v", c.answer, registries)
			}
			registries = find
		}
		for _, err := range []error{running, runningIn, find, registries} {
			refusal := endpoint.RefusalOf(err)
			if err == nil || (refusal == nil) != (c.code == "") || refusal != nil && (refusal.Code != c.code || refusal.Kind != c.kind || refusal.Hint == "") {
				t.Errorf("%s: got %v", c.answer, err)
			}
		}
		if c.kind == endpoint.Missing {
			continue
		}
		w.Calls("DescribeServices")
		_, _, _ = tasks.Registries(t.Context(), "theirs", []string{"cart"})
		if again := w.Calls("DescribeServices"); (again == 0) != (c.code != "") {
			t.Errorf("%s: asked %d times more at once", c.answer, again)
		}
		now = now.Add(11 * time.Second)
		w.Heal()
		if _, refusals, err := tasks.Registries(t.Context(), "theirs", []string{"cart"}); err != nil || len(refusals) > 0 {
			t.Errorf("%s: it is refused still: %v, %v", c.answer, refusals, err)
		}
	}
}

// registries is why it can't be had where the tasks of one service are registered.
func registries(t *testing.T, tasks *ecs.Tasks) error {
	t.Helper()
	arns, refusals, err := tasks.Registries(t.Context(), "theirs", []string{"cart"})
	if refusal := refusals["cart"]; refusal != nil {
		if _, ok := arns["cart"]; ok || err != nil {
			t.Errorf("it is refused, and answered: %v, %v", arns, err)
		}
		return refusal
	}
	return err
}
