package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/task"
)

// follow does what a mesh's resources ask for beyond its log: services of nodes are there, bound tasks are registered,
// names resolve; and what nobody asks for any more is taken back. What stands in the way of that are findings. all has
// what is known to be there looked at again.
func (c *changes) follow(ctx context.Context, all bool) error {
	bound, found := c.w.bound()
	c.found, c.bound = append(c.found, found...), bound
	errs := []error{c.ensure(ctx, all), c.unbind(ctx, bound), c.bind(ctx, bound)}
	before, err := c.registration(ctx)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	now := registration{Services: c.w.madeServices(before.Services)}
	now.Namespaces, err = c.resolve(ctx, before.Namespaces)
	// What was made is noted at once. What was found is, when all has been tried: see release.
	return errors.Join(append(errs, err, c.report(ctx, before, now, before.Findings))...)
}

// madeServices are the services that were made for the mesh, as far as anybody remembers, sorted.
func (w *warmEndpoints) madeServices(before []endpoint.ServiceKey) []endpoint.ServiceKey {
	all := slices.Clone(before)
	for service, owned := range w.owned {
		if owned {
			all = append(all, service)
		}
	}
	slices.SortFunc(all, endpoint.CompareServices)
	return slices.Compact(all)
}

// ensure makes sure of the nodes' services; unless all are to be looked at, of those that are not known to be there.
func (c *changes) ensure(ctx context.Context, all bool) error {
	if c.Directory == nil {
		return nil
	}
	services := c.w.services()
	maps.DeleteFunc(c.w.owned, func(s endpoint.ServiceKey, _ bool) bool { return all || !slices.Contains(services, s) })
	there := maps.Clone(c.w.owned)
	var mu sync.Mutex
	var errs []error
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, service := range services {
		if _, known := there[service]; known {
			continue
		}
		group.Go(func() error {
			owned, err := c.Directory.Ensure(ctx, c.w.mesh.UID, service)
			if err == nil {
				c.mu.Lock()
				c.w.owned[service] = owned
				c.mu.Unlock()
			}
			err = c.allow(call{service, callEnsure}, err)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	return errors.Join(errs...)
}

// unbind takes instances back whose binding is gone, or binds to another service now.
func (c *changes) unbind(ctx context.Context, bound []binding) error {
	at := map[string]endpoint.ServiceKey{}
	for _, b := range bound {
		at[b.name] = b.node.service
	}
	var errs []error
	for service, instances := range c.present.Services {
		for _, i := range instances {
			if i.Attributes[AttributeMesh] != c.w.mesh.UID {
				continue
			}
			if now, ok := at[i.Attributes[AttributeBinding]]; !ok || now != service {
				errs = append(errs, c.take(ctx, i))
			}
		}
	}
	return errors.Join(errs...)
}

// bind brings the registry in step with the tasks that run now, whatever news of them was lost.
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
	for _, b := range bound {
		if err := c.bindOne(ctx, b, byARN); err != nil {
			errs = append(errs, fmt.Errorf("follow task binding %s: %w", b.name, err))
		}
	}
	return errors.Join(errs...)
}

func (c *changes) bindOne(ctx context.Context, b binding, byARN map[string]endpoint.ServiceKey) error {
	rows, err := c.Registry.Rows(ctx, b.node.service) // before the tasks: what comes after them is newer than they are
	if err != nil {
		return err
	}
	mine := map[string]endpoint.Instance{}
	for _, row := range rows {
		if !row.Removed && row.Attributes[AttributeMesh] == c.w.mesh.UID && row.Attributes[AttributeBinding] == b.name {
			mine[row.ID] = row.Instance
		}
	}
	byECS, err := c.registries(ctx, task.Task{Cluster: b.spec.Cluster, Service: b.spec.Service}, byARN)
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
	tasks, err := c.Tasks.Running(ctx, b.spec.Cluster, b.spec.Service)
	unknown := !isMissing(err)
	if err := c.allowBinding(b, err); err != nil {
		return err
	}
	c.mirror = append(c.mirror, b)
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

// resolve makes names of virtual services resolve, in the namespaces that the mesh asks for and in those where it did
// before. It returns the namespaces that may hold names now.
func (c *changes) resolve(ctx context.Context, before []string) ([]string, error) {
	wanted := map[string]endpoint.Names{}
	by := map[string]string{} // namespace to the resource that asks
	for _, key := range slices.SortedFunc(maps.Keys(c.w.names), resource.Key.Compare) {
		spec := c.w.names[key]
		ns := spec.NamespaceName
		if first, double := by[ns]; double {
			c.note(key.Kind, key.Name, "spec.namespaceName", "resolvable-name-duplicate", fmt.Sprintf("resolvable name %q is for the same namespace: that one counts", first), "remove one of them")
			continue
		}
		if c.Directory == nil {
			c.note(key.Kind, key.Name, "spec.namespaceName", "resolvable-name-needs-cloud-map", "there is no Cloud Map here: no name is made to resolve",
				"install Ownmesh in AWS; on one machine, use /etc/hosts, or the addresses that `ownmesh bootstrap --explicit` gives")
			continue
		}
		by[ns] = key.Name
		n := endpoint.Names{Namespace: ns, Address: spec.Address, Services: c.servicesIn(ns)}
		if n.Address == "" {
			n.Address = resource.DefaultNameAddress
		}
		for name := range c.w.virtualServices {
			if strings.HasSuffix(name, "."+ns) {
				n.Names = append(n.Names, name)
			}
		}
		slices.Sort(n.Names)
		wanted[ns] = n
	}
	if c.Directory == nil {
		return nil, nil
	}
	for _, ns := range before {
		if _, ok := wanted[ns]; !ok {
			wanted[ns] = endpoint.Names{Namespace: ns, Services: c.servicesIn(ns)}
		}
	}
	return c.ensureNames(ctx, wanted, by)
}

func (c *changes) ensureNames(ctx context.Context, wanted map[string]endpoint.Names, by map[string]string) ([]string, error) {
	var errs []error
	var holding []string
	for _, ns := range slices.Sorted(maps.Keys(wanted)) {
		refusals, left, err := c.Directory.EnsureNames(ctx, c.w.mesh.UID, wanted[ns])
		if errs = append(errs, err); by[ns] != "" || left || err != nil {
			holding = append(holding, ns)
		}
		for _, name := range slices.Sorted(maps.Keys(refusals)) {
			switch refusal := refusals[name]; {
			case by[ns] != "":
				c.note(resource.KindResolvableName, by[ns], "spec.namespaceName", refusal.Code, refusal.Message, refusal.Hint)
			case refusal.Kind != endpoint.Missing: // what nobody asks for any more can't be taken back
				c.noteMesh(refusal)
			}
		}
	}
	return holding, errors.Join(errs...)
}

// servicesIn are the names of the nodes' services in a namespace.
func (c *changes) servicesIn(ns string) []string {
	var names []string
	for _, s := range c.w.services() {
		if s.Namespace == ns {
			names = append(names, s.Service)
		}
	}
	return names
}
