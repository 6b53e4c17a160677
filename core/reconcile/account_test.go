package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/task"
)

// account is an AWS account as the registrar sees it: ECS with its tasks, and Cloud Map, whose listings may be behind.
// With real adapters the same is tested in adapters/cloudmap and adapters/ecs.
type account struct {
	mu         sync.Mutex
	namespaces map[string]bool
	services   map[endpoint.ServiceKey]string // to the mesh that made it; "": somebody else
	instances  map[endpoint.InstanceKey]endpoint.Instance
	stale      map[endpoint.InstanceKey]endpoint.Instance // what listings show, if not nil
	ports      map[endpoint.InstanceKey]int
	names      map[string]string     // that resolve
	lingering  bool                  // names that are taken back go the next time only
	tasks      map[string]*task.Task // by ARN
	registries map[string][]endpoint.ServiceKey
	calls      map[string]int
	fault      func(call string) error
}

func newAccount() *account {
	return &account{
		namespaces: map[string]bool{"shop.local": true}, services: map[endpoint.ServiceKey]string{},
		instances: map[endpoint.InstanceKey]endpoint.Instance{}, ports: map[endpoint.InstanceKey]int{}, names: map[string]string{},
		tasks: map[string]*task.Task{}, registries: map[string][]endpoint.ServiceKey{}, calls: map[string]int{},
	}
}

// enter counts a call, and fails it if it should fail.
func (a *account) enter(call string) (func(), error) {
	a.mu.Lock()
	a.calls[call]++
	if a.fault != nil {
		if err := a.fault(call); err != nil {
			a.mu.Unlock()
			return nil, err
		}
	}
	return a.mu.Unlock, nil
}

func (a *account) Instances(_ context.Context, s endpoint.ServiceKey) (all []endpoint.Instance, err error) {
	leave, err := a.enter("Instances")
	if err != nil {
		return nil, err
	}
	defer leave()
	from := a.instances
	if a.stale != nil {
		from = a.stale
	}
	for key, i := range from {
		if key.ServiceKey == s {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b endpoint.Instance) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

func (a *account) Ensure(_ context.Context, mesh string, s endpoint.ServiceKey) (bool, error) {
	leave, err := a.enter("Ensure")
	if err != nil {
		return false, err
	}
	defer leave()
	if !a.namespaces[s.Namespace] {
		return false, &endpoint.RefusalError{Code: "namespace-missing", Message: "there is no " + s.Namespace, Hint: "create it"}
	}
	if _, ok := a.services[s]; !ok {
		a.services[s] = mesh
	}
	return a.services[s] == mesh, nil
}

func (a *account) Release(_ context.Context, mesh string, s endpoint.ServiceKey) (bool, error) {
	leave, err := a.enter("Release")
	if err != nil {
		return false, err
	}
	defer leave()
	for key := range a.instances {
		if key.ServiceKey == s {
			return false, nil
		}
	}
	if a.services[s] == mesh {
		delete(a.services, s)
	}
	return true, nil
}

func (a *account) ARN(_ context.Context, s endpoint.ServiceKey) (string, bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.services[s]
	return "arn:" + s.Namespace + "/" + s.Service, ok, nil
}

func (a *account) Publish(_ context.Context, i endpoint.Instance, port int) error {
	leave, err := a.enter("Publish")
	if err != nil {
		return err
	}
	defer leave()
	a.instances[i.Key()], a.ports[i.Key()] = i, port
	return nil
}

func (a *account) Withdraw(_ context.Context, k endpoint.InstanceKey) error {
	leave, err := a.enter("Withdraw")
	if err != nil {
		return err
	}
	defer leave()
	delete(a.instances, k)
	return nil
}

func (a *account) EnsureNames(_ context.Context, mesh string, n endpoint.Names) (map[string]*endpoint.RefusalError, bool, error) {
	leave, err := a.enter("EnsureNames")
	if err != nil {
		return nil, true, err
	}
	defer leave()
	if !a.namespaces[n.Namespace] {
		return map[string]*endpoint.RefusalError{"": {Code: "namespace-missing", Message: "there is no " + n.Namespace, Hint: "create it"}}, false, nil
	}
	if a.lingering && len(n.Names) == 0 {
		a.lingering = false
		return nil, true, nil
	}
	maps.DeleteFunc(a.names, func(name, _ string) bool { return strings.HasSuffix(name, "."+n.Namespace) })
	for _, name := range n.Names {
		if !slices.Contains(n.Services, strings.TrimSuffix(name, "."+n.Namespace)) {
			a.names[name] = n.Address
		}
	}
	return nil, false, nil
}

func (a *account) Running(_ context.Context, cluster, service string) (all []task.Task, err error) {
	leave, err := a.enter("Running")
	if err != nil {
		return nil, err
	}
	defer leave()
	if cluster != "ecs" {
		return nil, &endpoint.RefusalError{Kind: endpoint.Missing, Code: "cluster-missing", Message: "there is no cluster " + cluster, Hint: "create it"}
	}
	for _, arn := range slices.Sorted(maps.Keys(a.tasks)) {
		if t := a.tasks[arn]; t.Service == service && !t.Stopping {
			all = append(all, *t)
		}
	}
	return all, nil
}

func (a *account) Find(_ context.Context, _ string, arns []string) (all []task.Task, err error) {
	leave, err := a.enter("Find")
	if err != nil {
		return nil, err
	}
	defer leave()
	for _, arn := range arns {
		if t, ok := a.tasks[arn]; ok {
			all = append(all, *t)
		}
	}
	return all, nil
}

func (a *account) RunningIn(_ context.Context, cluster string, calls int) (all []task.Task, _ bool, err error) {
	leave, err := a.enter("RunningIn")
	if err != nil {
		return nil, false, err
	}
	defer leave()
	if cluster != "ecs" {
		return nil, false, &endpoint.RefusalError{Kind: endpoint.Missing, Code: "cluster-missing", Message: "there is no cluster " + cluster, Hint: "create it"}
	}
	for _, arn := range slices.Sorted(maps.Keys(a.tasks)) {
		if t := a.tasks[arn]; !t.Stopping {
			all = append(all, *t)
		}
	}
	if len(all) > 100*calls {
		return nil, false, nil
	}
	return all, true, nil
}

func (a *account) Registries(_ context.Context, _ string, services []string) (map[string][]string, map[string]*endpoint.RefusalError, error) {
	arns, refusals := map[string][]string{}, map[string]*endpoint.RefusalError{}
	leave, err := a.enter("Registries")
	if refusal := endpoint.RefusalOf(err); refusal != nil {
		for _, service := range services {
			refusals[service] = refusal
		}
		return arns, refusals, nil
	}
	if err != nil {
		return arns, refusals, err
	}
	defer leave()
	for _, service := range services {
		arns[service] = nil
		for _, s := range a.registries[service] {
			arns[service] = append(arns[service], "arn:"+s.Namespace+"/"+s.Service)
		}
	}
	return arns, refusals, nil
}

// errThrottled is what AWS says when it is asked too much.
var errThrottled = errors.New("rate exceeded")

// ecs makes ECS register the tasks of a service in Cloud Map itself.
func (a *account) ecs(ecsService string, s endpoint.ServiceKey) {
	a.services[s] = ""
	a.registries[ecsService] = append(a.registries[ecsService], s)
}

// run moves a task of an ECS service to its next state and returns what the event says. ECS registers what it runs.
func (a *account) run(service, id string) task.Task {
	return a.change(service, id, func(t *task.Task) { t.Running = true })
}

func (a *account) stop(service, id string) task.Task {
	return a.change(service, id, func(t *task.Task) { t.Running, t.Stopping = false, true })
}

func (a *account) change(service, id string, how func(*task.Task)) task.Task {
	a.mu.Lock()
	defer a.mu.Unlock()
	arn := "arn:aws:ecs:us-east-1:123456789012:task/ecs/" + id
	t, ok := a.tasks[arn]
	if !ok {
		t = &task.Task{ARN: arn, Cluster: "arn:aws:ecs:us-east-1:123456789012:cluster/ecs", Service: service, Family: service,
			IPv4: fmt.Sprintf("10.0.%d.%d", len(a.tasks)/250, len(a.tasks)%250), Zone: "us-east-1a"}
		a.tasks[arn] = t
	}
	t.Version++
	how(t)
	for _, s := range a.registries[service] {
		key := endpoint.InstanceKey{ServiceKey: s, ID: id}
		if delete(a.instances, key); t.Running {
			a.instances[key] = endpoint.Instance{Namespace: s.Namespace, Service: s.Service, ID: id, IPv4: t.IPv4, Zone: t.Zone,
				Attributes: map[string]string{"ECS_SERVICE_NAME": service}}
		}
	}
	return *t
}

// shuffled is events in another order, some of them twice, some of them not at all.
func shuffled(random *rand.Rand, events []task.Task, lose bool) []task.Task {
	var out []task.Task
	for _, e := range events {
		for range 1 + random.IntN(2) {
			if !lose || random.IntN(4) > 0 {
				out = append(out, e)
			}
		}
	}
	random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
