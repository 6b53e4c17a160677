package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/adapters/ecs"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/task"
)

// fleet is ECS with one cluster, as its API answers: ten services, a hundred tasks a call, and a call that concerns
// something forbidden is refused as a whole. The emulator forbids no single service, and knows no missing one.
type fleet struct {
	mu        sync.Mutex
	tasks     map[string][]string // by service; "": started by nobody's
	forbidden map[string]bool     // services and tasks
	calls     map[string]int
}

const fleetARN = "arn:aws:ecs:us-east-1:123456789012:cluster/ecs"

var errForbidden = &smithy.OperationError{ServiceID: "ECS", OperationName: "DescribeServices", Err: &smithy.GenericAPIError{
	Code: "AccessDeniedException", Message: "not authorized", Fault: smithy.FaultClient}}

// enter counts a call.
func (f *fleet) enter(call string, size, most int, about []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[call]++
	if size > most || size == 0 {
		return fmt.Errorf("%s of %d", call, size)
	}
	if slices.ContainsFunc(about, func(a string) bool { return f.forbidden[a] }) {
		return errForbidden
	}
	return nil
}

func (f *fleet) ListTasks(_ context.Context, in *awsecs.ListTasksInput, _ ...func(*awsecs.Options)) (*awsecs.ListTasksOutput, error) {
	if err := f.enter("ListTasks", int(*in.MaxResults), 100, nil); err != nil {
		return nil, err
	}
	if *in.Cluster != "ecs" && *in.Cluster != fleetARN {
		return nil, &types.ClusterNotFoundException{}
	}
	var all []string
	if in.ServiceName == nil {
		for _, service := range slices.Sorted(maps.Keys(f.tasks)) {
			all = append(all, f.tasks[service]...)
		}
	} else if tasks, ok := f.tasks[*in.ServiceName]; ok {
		all = tasks
	} else {
		return nil, &types.ServiceNotFoundException{}
	}
	from, _ := strconv.Atoi(aws.ToString(in.NextToken))
	out := &awsecs.ListTasksOutput{TaskArns: all[from:min(len(all), from+100)]}
	if from+100 < len(all) {
		out.NextToken = aws.String(strconv.Itoa(from + 100))
	}
	return out, nil
}

func (f *fleet) DescribeTasks(_ context.Context, in *awsecs.DescribeTasksInput, _ ...func(*awsecs.Options)) (*awsecs.DescribeTasksOutput, error) {
	if err := f.enter("DescribeTasks", len(in.Tasks), 100, in.Tasks); err != nil {
		return nil, err
	}
	out := &awsecs.DescribeTasksOutput{}
	for n, arn := range in.Tasks {
		service, _, _ := strings.Cut(arn[strings.LastIndexByte(arn, '/')+1:], ".")
		out.Tasks = append(out.Tasks, types.Task{
			TaskArn: aws.String(arn), ClusterArn: aws.String(fleetARN), Group: aws.String("service:" + service),
			LastStatus: aws.String("RUNNING"), DesiredStatus: aws.String("RUNNING"), Version: 3,
			Containers: []types.Container{{NetworkInterfaces: []types.NetworkInterface{{PrivateIpv4Address: aws.String(fmt.Sprintf("10.0.0.%d", n+1))}}}},
		})
	}
	return out, nil
}

func (f *fleet) DescribeServices(_ context.Context, in *awsecs.DescribeServicesInput, _ ...func(*awsecs.Options)) (*awsecs.DescribeServicesOutput, error) {
	if err := f.enter("DescribeServices", len(in.Services), 10, in.Services); err != nil {
		return nil, err
	}
	if *in.Cluster != "ecs" && *in.Cluster != fleetARN {
		return nil, &types.ClusterNotFoundException{}
	}
	out := &awsecs.DescribeServicesOutput{}
	for _, name := range in.Services {
		if _, ok := f.tasks[name]; ok {
			out.Services = append(out.Services, types.Service{ServiceName: aws.String(name)})
		} else {
			out.Failures = append(out.Failures, types.Failure{Arn: aws.String("arn:aws:ecs:us-east-1:123456789012:service/ecs/" + name), Reason: aws.String("MISSING")})
		}
	}
	return out, nil
}

// start starts tasks of a service.
func (f *fleet) start(service string, count int) {
	f.tasks[service] = []string{}
	for n := range count {
		f.tasks[service] = append(f.tasks[service], fmt.Sprintf("arn:aws:ecs:us-east-1:123456789012:task/ecs/%s.%d", service, n))
	}
}

// bound is a mesh that binds services of the fleet, and its registrar. now tells the time.
func (f *fleet) bound(w *world, now func() time.Time, services []string) (*reconcile.Registrar, string) {
	a := newAccount()
	mesh := w.mesh("shop")
	for _, name := range services {
		w.node(mesh, name+"-vn", name)
		w.bind(mesh, name, name, name+"-vn", "")
	}
	return reconcile.NewRegistrar(reconcile.RegistrarOptions{
		Store: w.store, Registry: endpoint.Overlay{Ledger: w.registry, Foreign: a}, Directory: a, Tasks: ecs.New(f, now), Objects: w.objects, Now: now,
	}), mesh
}

func newFleet() *fleet {
	return &fleet{tasks: map[string][]string{}, forbidden: map[string]bool{"": true}, calls: map[string]int{}}
}

func names(count int) (all []string) {
	for n := range count {
		all = append(all, fmt.Sprintf("s%04d", n))
	}
	return all
}

// TestASweepAsksECSAboutManyServicesTogether: these are the counts that docs/registry.md names.
func TestASweepAsksECSAboutManyServicesTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bindings, others     int // tasks of others in the cluster
		services, list, task int // calls
	}{
		{bindings: 1, services: 1, list: 1, task: 1},
		{bindings: 3, services: 1, list: 3, task: 3},
		{bindings: 4, services: 1, list: 1, task: 1},
		{bindings: 4, others: 100, services: 1, list: 1 + 4, task: 4}, // the cluster is too large for four services
		{bindings: 40, others: 880, services: 4, list: 10, task: 10},
		{bindings: 1000, services: 100, list: 30, task: 30},
	} {
		t.Run(fmt.Sprint(c.bindings, " bindings ", c.others), func(t *testing.T) {
			t.Parallel()
			w, f := newWorld(t), newFleet()
			for _, name := range names(c.bindings) {
				f.start(name, 3)
			}
			f.start("others", c.others)
			r, mesh := f.bound(w, time.Now, names(c.bindings))
			w.must(r.Handle(t.Context(), changed(mesh)))
			want := map[string]int{"DescribeServices": c.services, "ListTasks": c.list, "DescribeTasks": c.task}
			if diff := cmp.Diff(want, f.calls); diff != "" {
				t.Errorf("calls of ECS: %s", diff)
			}
			state, _ := w.instances(mesh)
			for _, name := range names(c.bindings) {
				if len(state.Services[service(name)]) != 3 {
					t.Errorf("%s has %v", name, state.Services[service(name)])
				}
			}
			w.wantFindings(mesh)
		})
	}
}

// TestWhatECSRefusesOfOneServiceFailsNoOther that is asked about in the same call; nor is it asked about with them again.
func TestWhatECSRefusesOfOneServiceFailsNoOther(t *testing.T) {
	t.Parallel()
	w, f := newWorld(t), newFleet()
	all := names(10)
	for _, name := range all[:9] {
		f.start(name, 1)
	}
	f.start("secret", 1)
	f.forbidden[all[4]], f.forbidden[f.tasks["secret"][0]] = true, true // so is the listing of the cluster
	now := time.Unix(1_700_000_000, 0)
	r, mesh := f.bound(w, func() time.Time { return now }, all)
	check := func(calls map[string]int) {
		t.Helper()
		w.must(r.Handle(t.Context(), changed(mesh)))
		w.wantFindings(mesh, "taskBinding/s0004 spec ecs-denied", "taskBinding/s0009 spec ecs-service-missing")
		state, _ := w.instances(mesh)
		for n, name := range all {
			if want := n != 9; (len(state.Services[service(name)]) == 1) != want {
				t.Errorf("%s has %v", name, state.Services[service(name)])
			}
		}
		if diff := cmp.Diff(calls, f.calls); diff != "" {
			t.Errorf("calls of ECS: %s", diff)
		}
		clear(f.calls)
		now = now.Add(5 * time.Minute)
	}
	check(map[string]int{"DescribeServices": 1 + 10, "ListTasks": 1 + 10, "DescribeTasks": 1 + 9})
	check(map[string]int{"DescribeServices": 1 + 1, "ListTasks": 1 + 10, "DescribeTasks": 1 + 9})
}

// TestABatchOfEventsAsksECSAboutManyServicesTogether, and not about tasks that belong to none.
func TestABatchOfEventsAsksECSAboutManyServicesTogether(t *testing.T) {
	t.Parallel()
	w, f := newWorld(t), newFleet()
	for _, name := range names(25) {
		f.start(name, 0)
	}
	r, mesh := f.bound(w, w.clock, names(25))
	w.must(r.Handle(t.Context(), changed(mesh)))
	clear(f.calls)
	var news []task.Task
	for n, name := range append(names(25), "", "") {
		news = append(news, task.Task{ARN: fmt.Sprint("arn:aws:ecs:us-east-1:123456789012:task/ecs/", n), Cluster: fleetARN, Service: name, Version: 1, Running: true, IPv4: "10.0.0.1"})
	}
	w.must(r.TasksChanged(t.Context(), mesh, news))
	if diff := cmp.Diff(map[string]int{"DescribeServices": 3}, f.calls); diff != "" {
		t.Errorf("calls of ECS: %s", diff)
	}
	state, _ := w.instances(mesh)
	for _, name := range names(25) {
		if len(state.Services[service(name)]) != 1 {
			t.Errorf("%s has %v", name, state.Services[service(name)])
		}
	}
}

// TestAMissingClusterIsAskedForOnce for all of the services that should be there.
func TestAMissingClusterIsAskedForOnce(t *testing.T) {
	t.Parallel()
	w, f := newWorld(t), newFleet()
	r, mesh := f.bound(w, w.clock, nil)
	var want []string
	for _, name := range names(10) {
		w.node(mesh, name+"-vn", name)
		w.put(mesh, "taskBinding", "", name, fmt.Sprintf(`{"cluster":"gone","service":%q,"virtualNode":{"virtualNodeName":"%s-vn"}}`, name, name))
		want = append(want, "taskBinding/"+name+" spec cluster-missing")
	}
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantFindings(mesh, want...)
	if f.calls["ListTasks"] != 1 || f.calls["DescribeServices"] != 1 {
		t.Errorf("calls of ECS: %v", f.calls)
	}
}

// TestAFaultOfOneCallIsAFaultOfItsServicesAlone: others are bound, and the message comes again.
func TestAFaultOfOneCallIsAFaultOfItsServicesAlone(t *testing.T) {
	t.Parallel()
	w, a := newWorld(t), newAccount()
	mesh := w.mesh("shop")
	for _, name := range names(20) {
		w.node(mesh, name+"-vn", name)
		w.bind(mesh, name, name, name+"-vn", "")
		a.run(name, name)
	}
	a.fault = func(call string) error {
		if call == "Registries" && a.calls[call] == 1 {
			return errThrottled
		}
		return nil
	}
	r := w.inAWS(a)
	err := r.Handle(t.Context(), changed(mesh))
	if !errors.Is(err, errThrottled) || strings.Count(err.Error(), "follow task binding") != 10 {
		t.Errorf("got %v", err)
	}
	state, _ := w.instances(mesh)
	there := 0
	for _, instances := range state.Services {
		there += len(instances)
	}
	if there != 10 {
		t.Errorf("%d tasks are there", there)
	}
	if err := r.Handle(t.Context(), changed(mesh)); err != nil || a.calls["Registries"] != 3 || a.calls["RunningIn"] != 2 || a.calls["Running"] != 0 {
		t.Errorf("got %v, calls %v", err, a.calls)
	}
}
