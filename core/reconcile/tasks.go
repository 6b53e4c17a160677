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

// TasksChanged takes news of ECS's tasks into the given meshes, as one change to each log, however many they are. A task
// that stops is gone from every service at once, also where ECS registered it; a task that runs is registered where a
// binding says, or, where ECS registers it, its service is read again. News that come late, twice or in any order do no
// harm: the task's own version counts.
func (r *Registrar) TasksChanged(ctx context.Context, meshes []string, tasks []task.Task) error {
	tasks = task.Newest(tasks)
	errs := make([]error, len(meshes))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for n, uid := range meshes {
		group.Go(func() error {
			errs[n] = r.tasksChanged(ctx, uid, tasks)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	return errors.Join(errs...)
}

// tasksChanged takes news into one mesh, and looks again, a few times, for what ECS should have registered.
func (r *Registrar) tasksChanged(ctx context.Context, uid string, tasks []task.Task) error {
	p := &pass{tasks: tasks, expected: map[endpoint.InstanceKey]bool{}}
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
	if len(p.tasks) == 0 || len(c.w.nodes) == 0 {
		return nil
	}
	bound, _ := c.w.bound() // what is wrong with the others is told when the mesh is followed
	byARN, err := c.arns(ctx)
	if err != nil {
		err = fmt.Errorf("look where ECS registers tasks: %w", err)
	}
	errs := []error{err}
	asked := map[[2]string]map[endpoint.ServiceKey]bool{} // by cluster and ECS service: a deployment has one
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, t := range p.tasks {
		if !t.Running && !t.Stopping {
			continue // it is starting
		}
		of := [2]string{t.Cluster, t.Service}
		byECS, ok := asked[of]
		if !ok {
			byECS, err = c.registries(ctx, t, byARN)
			errs = append(errs, err)
			asked[of] = byECS
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
		if errs = append(errs, err); ok {
			byARN[arn] = service
		}
	}
	return byARN, errors.Join(errs...)
}

// registries are the mesh's services that ECS itself registers the task in.
func (c *changes) registries(ctx context.Context, t task.Task, byARN map[string]endpoint.ServiceKey) (map[endpoint.ServiceKey]bool, error) {
	found := map[endpoint.ServiceKey]bool{}
	if len(byARN) == 0 || t.Service == "" {
		return found, nil
	}
	arns, err := c.Tasks.Registries(ctx, t.Cluster, t.Service)
	for _, arn := range arns {
		if key, ok := byARN[arn]; ok {
			found[key] = true
		}
	}
	return found, err
}
