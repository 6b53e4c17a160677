package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/task"
)

// relooks is how often a service is read again that ECS should have registered a running task in. What is not there
// then, the next sweep finds.
const relooks = 3

// askWithin is how long a pass asks where ECS registers tasks before it goes on without: tasks that stop are waiting.
const askWithin = 3 * time.Second

// TasksError says that news of tasks were not taken in as they should.
type TasksError struct {
	Tasks  map[string]bool // ARNs of those concerned; nil: all
	Logged bool            // the log has them: only the directory has yet to be told
	Err    error
}

func (e *TasksError) Error() string { return e.Err.Error() }
func (e *TasksError) Unwrap() error { return e.Err }

// TasksChanged takes news of ECS's tasks into a mesh, as one change to its log, however many they are. A task that stops
// is gone from every service at once, also where ECS registered it; a task that runs is registered where a binding says,
// or, where ECS registers it, its service is read again. News that come late, twice or in any order do no harm: the
// task's own version counts. What is refused outside is left to the next sweep. Errors are *TasksError.
func (r *Registrar) TasksChanged(ctx context.Context, uid string, tasks []task.Task) error {
	p := &pass{tasks: task.Newest(tasks), expected: map[endpoint.InstanceKey]bool{}}
	if err := r.tasksChanged(ctx, uid, p); err != nil {
		return &TasksError{Tasks: p.concerned, Logged: p.logged, Err: err}
	}
	return nil
}

// tasksChanged takes news into one mesh, and looks again, a few times, for what ECS should have registered.
func (r *Registrar) tasksChanged(ctx context.Context, uid string, p *pass) error {
	err := r.each(ctx, uid, p)
	for range relooks {
		if err != nil || len(p.expected) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(r.Relook):
		}
		for _, service := range servicesOf(p.expected) {
			err = errors.Join(err, r.each(ctx, uid, &pass{only: &service, expected: p.expected}))
		}
	}
	return err
}

func servicesOf(keys map[endpoint.InstanceKey]bool) []endpoint.ServiceKey {
	services := map[endpoint.ServiceKey]bool{}
	for key := range keys {
		services[key.ServiceKey] = true
	}
	return slices.SortedFunc(maps.Keys(services), endpoint.CompareServices)
}

// tasks takes a pass's news of tasks into the registry.
func (c *changes) tasks(ctx context.Context, p *pass) error {
	if p.concerned == nil {
		p.concerned = map[string]bool{}
	}
	if len(p.tasks) == 0 || len(c.w.nodes) == 0 {
		return nil
	}
	bound, _ := c.w.bound() // what is wrong with the others is told when the mesh is followed
	ask, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	byARN, unknown := c.arns(ask)
	if unknown != nil {
		unknown = fmt.Errorf("look where ECS registers tasks: %w", unknown)
	}
	errs := []error{unknown}
	var services []ecsService
	for _, t := range p.tasks {
		services = append(services, ecsService{t.Cluster, t.Service})
	}
	ecs := newTogether(ask, c.Tasks, services)
	asked := map[ecsService]map[endpoint.ServiceKey]bool{} // a deployment has one
	fails := map[ecsService]bool{}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, t := range p.tasks {
		if !t.Running && !t.Stopping {
			continue // it is starting
		}
		of := ecsService{t.Cluster, t.Service}
		byECS, ok := asked[of]
		if !ok {
			var err error
			byECS, err = c.registries(ecs, of, byARN)
			err = c.untold(t, err)
			errs = append(errs, err)
			asked[of], fails[of] = byECS, err != nil || unknown != nil && t.Service != ""
		}
		if fails[of] || c.concerns(t, bound, byECS) {
			p.concerned[t.ARN] = true
		}
		if t.Running {
			for key := range byECS {
				c.look(key, lookWhole)
				p.expected[endpoint.InstanceKey{ServiceKey: key, ID: t.ID()}] = true
			}
		}
		group.Go(func() error { return c.one(ctx, t, bound, byECS) })
	}
	return errors.Join(append(errs, group.Wait())...)
}

// concerns tells whether the task is, was or should be an instance of the mesh.
func (c *changes) concerns(t task.Task, bound []binding, byECS map[endpoint.ServiceKey]bool) bool {
	if len(byECS) > 0 || slices.ContainsFunc(bound, func(b binding) bool { return b.matches(t) }) {
		return true
	}
	for _, instances := range c.present.Services {
		if _, ok := instances[t.ID()]; ok {
			return true
		}
	}
	return false
}

// untold swallows that ECS won't tell where it registers a task: if a binding is concerned, following the mesh makes that
// a finding, and what ECS registered is found by the sweep.
func (c *changes) untold(t task.Task, err error) error {
	if endpoint.RefusalOf(err) == nil {
		return err
	}
	c.Logger.Debug("ECS does not tell where it registers tasks", "mesh", c.w.mesh.UID, "cluster", t.Cluster, "service", t.Service, "err", err)
	return nil
}

// one takes news of one task into the registry.
func (c *changes) one(ctx context.Context, t task.Task, bound []binding, byECS map[endpoint.ServiceKey]bool) error {
	var errs []error
	if t.Stopping {
		from := maps.Clone(byECS)
		for key, instances := range c.present.Services {
			if _, ok := instances[t.ID()]; ok {
				from[key] = true
			}
		}
		for _, b := range bound {
			if b.matches(t) {
				from[b.node.service] = true
				c.mu.Lock()
				c.withdraw = append(c.withdraw, endpoint.InstanceKey{ServiceKey: b.node.service, ID: t.ID()})
				c.mu.Unlock()
			}
		}
		for key := range from {
			errs = append(errs, c.remove(ctx, key, t))
		}
		return errors.Join(errs...)
	}
	for _, b := range bound {
		if b.matches(t) && !byECS[b.node.service] && !registeredByECS(c.present.Services[b.node.service][t.ID()]) {
			errs = append(errs, c.register(ctx, b, t))
		}
	}
	return errors.Join(errs...)
}

// arns are the mesh's services by their ARNs in the directory.
func (c *changes) arns(ctx context.Context) (map[string]endpoint.ServiceKey, error) {
	byARN := map[string]endpoint.ServiceKey{}
	if c.Directory == nil || c.Tasks == nil {
		return byARN, nil
	}
	var errs []error
	for _, service := range c.w.services() {
		arn, ok, err := c.Directory.ARN(ctx, service)
		if errs = append(errs, c.allow(call{service, callRead}, err)); ok {
			byARN[arn] = service
		}
	}
	return byARN, errors.Join(errs...)
}

// registries are the mesh's services that ECS itself registers the tasks of an ECS service in; a task may have none.
func (c *changes) registries(ecs *together, of ecsService, byARN map[string]endpoint.ServiceKey) (map[endpoint.ServiceKey]bool, error) {
	found := map[endpoint.ServiceKey]bool{}
	if len(byARN) == 0 || of.name == "" {
		return found, nil
	}
	arns, err := ecs.registries(of)
	for _, arn := range arns {
		if key, ok := byARN[arn]; ok {
			found[key] = true
		}
	}
	return found, err
}
