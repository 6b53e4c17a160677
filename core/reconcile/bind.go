package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/task"
)

// bind brings the registry in step with the tasks that run now, whatever news of them was lost.
// Bindings that were followed as they are stay as they are.
func (c *changes) bind(ctx context.Context, bound []binding) error {
	if c.Tasks == nil {
		for _, b := range bound {
			c.note(resource.KindTaskBinding, b.name, "spec.cluster", "task-binding-needs-ecs",
				"nothing here knows tasks of ECS: the binding has no effect", "install Ownmesh in the cluster's AWS account, or register instances with `ownmesh endpoints register`")
		}
		return nil
	}
	byARN, err := c.arns(ctx)
	errs := []error{err}
	left := 0
	var follow []binding
	var services []ecsService
	for _, b := range c.w.followed.order(bound) {
		if c.w.followed.binds(b) {
			c.keepBinding(b)
			continue
		}
		follow, services = append(follow, b), append(services, b.of())
	}
	ecs := newTogether(ctx, c.Tasks, services)
	ecs.list(ctx)
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, b := range follow {
		group.Go(func() error {
			err := ctx.Err()
			if err == nil {
				err = c.bindOne(ctx, b, ecs, byARN)
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				c.done = append(c.done, b)
			case ctx.Err() != nil:
				left++
			default:
				errs = append(errs, fmt.Errorf("follow task binding %s: %w", b.name, err))
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	if left > 0 {
		errs = append(errs, fmt.Errorf("%d of %d task bindings are left to follow: %w", left, len(bound), ctx.Err()))
	}
	return errors.Join(errs...)
}

func (c *changes) bindOne(ctx context.Context, b binding, ecs *together, byARN map[string]endpoint.ServiceKey) error {
	rows, err := c.Registry.Rows(ctx, b.node.service)
	if err != nil {
		return err
	}
	mine := map[string]endpoint.Instance{}
	for _, row := range rows {
		if !row.Removed && row.Attributes[AttributeMesh] == c.w.mesh.UID && row.Attributes[AttributeBinding] == b.name {
			mine[row.ID] = row.Instance
		}
	}
	byECS, err := c.registries(ecs, b.of(), byARN)
	if err := c.allowBinding(b, err); err != nil {
		return err
	}
	if byECS[b.node.service] {
		c.note(resource.KindTaskBinding, b.name, "spec", "task-binding-needless",
			fmt.Sprintf("ECS registers the tasks of %q in Cloud Map service %q in %q itself: they are read from there, and this has no effect", b.spec.Service, b.node.service.Service, b.node.service.Namespace),
			"remove the binding")
		// What the binding registered before ECS did stays until its task ends: it is there in both, as the same.
		return c.removeGone(ctx, b, mine, true)
	}
	tasks, err := ecs.running(ctx, b.of())
	unknown := !isMissing(err)
	if err := c.allowBinding(b, err); err != nil {
		return err
	}
	c.mu.Lock()
	c.mirror = append(c.mirror, b)
	c.mu.Unlock()
	if err != nil && unknown {
		c.look(b.node.service, lookRows)
		return nil // what is known of its tasks stays
	}
	errs := []error{c.registerAll(ctx, b, tasks, mine)}
	return errors.Join(append(errs, c.removeGone(ctx, b, mine, false))...)
}

// registerAll registers running tasks, and takes those that ECS wants to run out of mine. What is registered already as
// it should be stays as it is.
func (c *changes) registerAll(ctx context.Context, b binding, tasks []task.Task, mine map[string]endpoint.Instance) error {
	var errs []error
	for _, t := range tasks {
		before, known := mine[t.ID()]
		delete(mine, t.ID())
		switch {
		case t.Stopping:
			errs = append(errs, c.remove(ctx, b.node.service, t))
		case !t.Running:
		case !known && registeredByECS(c.present.Services[b.node.service][t.ID()]):
			c.look(b.node.service, lookWhole)
		case known && before.Version>>generationBits == t.Version && same(before, c.w.instance(b, t)) && (b.spec.Container == "" || t.Has(b.spec.Container)):
			c.look(b.node.service, lookRows)
		default:
			errs = append(errs, c.register(ctx, b, t))
		}
	}
	return errors.Join(errs...)
}

// removeGone removes what is registered of tasks that were not listed. A listing may be behind: each is asked for, and
// only one that ECS says is stopping, that is no task of the binding's any more, or that ECS has forgotten, goes. needless:
// ECS registers the binding's tasks itself.
func (c *changes) removeGone(ctx context.Context, b binding, mine map[string]endpoint.Instance, needless bool) error {
	if len(mine) == 0 {
		return nil
	}
	byARN := map[string]endpoint.Instance{}
	for _, i := range mine {
		byARN[i.Attributes[AttributeTask]] = i
	}
	tasks, err := c.Tasks.Find(ctx, b.spec.Cluster, slices.Sorted(maps.Keys(byARN)))
	if err != nil && !isMissing(err) {
		return c.allowBinding(b, err)
	}
	var errs []error
	for _, t := range tasks {
		switch {
		case t.Stopping:
			errs = append(errs, c.remove(ctx, b.node.service, t))
		case !b.matches(t): // the binding was for another ECS service
			errs = append(errs, c.take(ctx, byARN[t.ARN]))
		case t.Running && !needless:
			errs = append(errs, c.register(ctx, b, t))
		}
		delete(byARN, t.ARN)
	}
	for _, i := range byARN {
		forgotten := task.Task{ARN: i.Attributes[AttributeTask], Version: i.Version >> generationBits}
		errs = append(errs, c.remove(ctx, b.node.service, forgotten))
	}
	return errors.Join(errs...)
}
