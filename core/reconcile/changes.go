package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
	before   []resource.Finding           // by the pass before
	ensured  map[endpoint.ServiceKey]bool // that were made sure of in this pass
	done     []binding                    // that were followed in this pass, but for what the directory is told
	kept     []binding                    // that were not, as they are as they were
	unheard  map[endpoint.ServiceKey]bool // of which the directory could not be told
	refused  map[call]bool                // what was refused in this pass and need not be asked again
}

func newChanges(r *Registrar, w *warmEndpoints, present *endpoint.State, all bool) *changes {
	return &changes{Registrar: r, w: w, present: present, all: all, looks: looks{}, taken: map[endpoint.ServiceKey]bool{},
		ensured: map[endpoint.ServiceKey]bool{}, unheard: map[endpoint.ServiceKey]bool{}, refused: map[call]bool{}}
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
