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

// changes is what a pass changes beyond the log: first in our own registry, which says what to look at again, and, when
// the log has that, in the directory.
type changes struct {
	*Registrar
	w       *warmEndpoints
	present *endpoint.State // as the log has it; only read

	mu       sync.Mutex
	looks    looks
	publish  []publication
	withdraw []endpoint.InstanceKey
	bound    []binding                    // that have an effect, if they were looked at
	taken    map[endpoint.ServiceKey]bool // that instances were taken out of
	all      bool                         // the pass looks at everything
	mirror   []binding                    // whose service in the directory is to be compared with our registry
	found    []resource.Finding
}

func newChanges(r *Registrar, w *warmEndpoints, present *endpoint.State, all bool) *changes {
	return &changes{Registrar: r, w: w, present: present, all: all, looks: looks{}, taken: map[endpoint.ServiceKey]bool{}}
}

// publication is an instance to be made known in the directory.
type publication struct {
	instance endpoint.Instance
	port     int
}

// look has a service looked at.
func (c *changes) look(key endpoint.ServiceKey, l look) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks.raise(key, l)
}

// note adds a finding.
func (c *changes) note(kind resource.Kind, name, path, code, message, hint string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found = append(c.found, resource.Finding{Resource: resource.Key{Kind: kind, Name: name}, Path: path, Code: code, Message: message, Hint: hint})
}

// late swallows the word that something is known already to be newer.
func late(err error) error {
	if l := (*endpoint.LateError)(nil); errors.As(err, &l) {
		return nil
	}
	return err
}

// register registers a running task where it is bound to.
func (c *changes) register(ctx context.Context, b binding, t task.Task) error {
	i := c.w.instance(b, t)
	if i.IPv4 == "" && i.IPv6 == "" {
		c.Logger.Warn("task has no network interface of its own and is not registered", "mesh", c.w.mesh.UID, "binding", b.name, "task", t.ARN)
		c.note(resource.KindTaskBinding, b.name, "spec.service", "task-without-address",
			fmt.Sprintf("tasks of ECS service %q run in bridge or host mode: they have no address of their own, and are not registered", b.spec.Service),
			"use network mode awsvpc")
		return nil
	}
	if b.spec.Container != "" && !t.Has(b.spec.Container) {
		c.note(resource.KindTaskBinding, b.name, "spec.container", "task-binding-container",
			fmt.Sprintf("tasks of ECS service %q have no container %q: they count as unhealthy, and get no traffic", b.spec.Service, b.spec.Container),
			"name a container of the task definition, or leave it out")
	}
	if err := c.Registry.Register(ctx, i); err != nil {
		return late(err)
	}
	c.look(b.node.service, lookRows)
	c.mu.Lock()
	defer c.mu.Unlock()
	if i.Unhealthy {
		c.withdraw = append(c.withdraw, i.Key())
	} else {
		c.publish = append(c.publish, publication{instance: i, port: b.publicPort()})
	}
	return nil
}

// remove removes a task from a service as of its state, whoever registered it.
func (c *changes) remove(ctx context.Context, key endpoint.ServiceKey, t task.Task) error {
	k := endpoint.InstanceKey{ServiceKey: key, ID: t.ID()}
	if err := c.Registry.Remove(ctx, k, goneAt(t)); err != nil {
		return late(err)
	}
	c.look(key, lookRows)
	return nil
}

// take takes an instance out of the registry that a binding had put there and no binding wants any more. Out of the
// directory it is taken by a comparison, which tells ours from what ECS registers under the same id.
func (c *changes) take(ctx context.Context, i endpoint.Instance) error {
	service := i.Key().ServiceKey
	if err := c.Registry.Deregister(ctx, service, i.ID); err != nil {
		return err
	}
	c.look(service, lookWhole) // what others have registered there may count now
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken[service] = true
	return nil
}

// owns tells whether the mesh made the service in the directory; if not, or without a directory, nothing is told there.
func (c *changes) owns(ctx context.Context, key endpoint.ServiceKey) (bool, error) {
	if c.Directory == nil {
		return false, nil
	}
	c.mu.Lock()
	owned, known := c.w.owned[key]
	c.mu.Unlock()
	if known {
		return owned, nil
	}
	owned, err := c.Directory.Ensure(ctx, c.w.mesh.UID, key)
	if refusal := (*endpoint.RefusalError)(nil); errors.As(err, &refusal) {
		return false, nil // the next time that the mesh is followed makes it a finding
	}
	if err == nil {
		c.mu.Lock()
		c.w.owned[key] = owned
		c.mu.Unlock()
	}
	return owned, err
}

// tell tells the directory what the registry has. All is tried, and what fails is tried again with the next pass.
func (c *changes) tell(ctx context.Context) error {
	if c.Directory == nil {
		return nil
	}
	c.strays()
	var group errgroup.Group
	group.SetLimit(atOnce)
	var mu sync.Mutex
	var errs []error
	do := func(key endpoint.ServiceKey, call func() error) {
		group.Go(func() error {
			owned, err := c.owns(ctx, key)
			if err == nil && owned {
				err = call()
			}
			if refusal := (*endpoint.RefusalError)(nil); errors.As(err, &refusal) {
				c.Logger.Warn("the directory refuses an instance", "mesh", c.w.mesh.UID, "service", key.Service, "namespace", key.Namespace, "err", err)
				err = nil
			}
			if err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
			return nil
		})
	}
	for _, p := range c.publish {
		do(p.instance.Key().ServiceKey, func() error { return c.Directory.Publish(ctx, p.instance, p.port) })
	}
	for _, k := range c.withdraw {
		do(k.ServiceKey, func() error { return c.Directory.Withdraw(ctx, k) })
	}
	for _, b := range c.mirror {
		do(b.node.service, func() error { return c.compare(ctx, b) })
	}
	_ = group.Wait() // the errors are in errs
	return errors.Join(errs...)
}

// strays has more services compared: those that something was taken out of, and, when all is looked at, those that the
// mesh made and no binding is for: a binding was, and the directory could not be told of its end.
func (c *changes) strays() {
	also := maps.Clone(c.taken)
	for service, owned := range c.w.owned {
		if owned && c.all {
			also[service] = true
		}
	}
	for _, b := range c.mirror {
		delete(also, b.node.service)
	}
	for service := range also {
		c.mirror = append(c.mirror, binding{node: nodeService{service: service}})
	}
}

// ofAnother tells whether an instance is of another binding that has an effect in the service.
func (c *changes) ofAnother(b binding, i endpoint.Instance) bool {
	name := i.Attributes[AttributeBinding]
	return name != b.name && slices.ContainsFunc(c.bound, func(o binding) bool { return o.name == name && o.node.service == b.node.service })
}

// compare makes what the directory has of a binding's tasks what the registry has of them, and takes away what bindings
// of the mesh left there that are gone.
func (c *changes) compare(ctx context.Context, b binding) error {
	there, err := c.Directory.Instances(ctx, b.node.service)
	if err != nil {
		return err
	}
	rows, err := c.Registry.Rows(ctx, b.node.service)
	if err != nil {
		return err
	}
	mine := func(i endpoint.Instance) bool {
		return i.Attributes[AttributeMesh] == c.w.mesh.UID && i.Attributes[AttributeBinding] == b.name
	}
	wanted := map[string]endpoint.Instance{}
	for _, row := range rows {
		if !row.Removed && !row.Unhealthy && mine(row.Instance) {
			wanted[row.ID] = row.Instance
		}
	}
	var errs []error
	for _, i := range there {
		if i.Attributes[AttributeMesh] != c.w.mesh.UID || c.ofAnother(b, i) {
			continue
		}
		if want, ok := wanted[i.ID]; !ok {
			errs = append(errs, c.Directory.Withdraw(ctx, i.Key()))
		} else if want.Version <= i.Version {
			delete(wanted, i.ID)
		}
	}
	for _, i := range wanted {
		errs = append(errs, c.Directory.Publish(ctx, i, b.publicPort()))
	}
	return errors.Join(errs...)
}
