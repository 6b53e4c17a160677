package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
)

// listInstances gives all instances, of one namespace, of one service name, or of one service.
func listInstances(c *call) (any, error) {
	namespace, service := c.query.Get("namespace"), c.query.Get("service")
	var vs []resource.Violation
	for _, member := range []string{"namespace", "service"} {
		if c.query.Has(member) {
			vs = append(vs, checkName(member, c.query.Get(member))...)
		}
	}
	if err := refuse(vs); err != nil {
		return nil, err
	}
	services := []endpoint.ServiceKey{{Namespace: namespace, Service: service}}
	if namespace == "" || service == "" {
		known, err := c.h.Registry.Services(c.ctx)
		if err != nil {
			return nil, fmt.Errorf("list services: %w", err)
		}
		services = slices.DeleteFunc(known, func(s endpoint.ServiceKey) bool {
			return namespace != "" && s.Namespace != namespace || service != "" && s.Service != service
		})
	}
	all := []endpoint.Instance{}
	for _, s := range services {
		instances, err := c.instances(c.ctx, s)
		if err != nil {
			return nil, err
		}
		all = append(all, instances...)
	}
	return object{"instances": all}, nil
}

func (c *call) instances(ctx context.Context, s endpoint.ServiceKey) ([]endpoint.Instance, error) {
	instances, err := c.h.Registry.Instances(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("read instances of service %s in namespace %s: %w", s.Service, s.Namespace, err)
	}
	return instances, nil
}

// registerInstance writes or replaces an instance.
func registerInstance(c *call) (any, error) {
	body, vs := parseInstance(c.body)
	if err := refuse(append(c.instancePath(), vs...)); err != nil {
		return nil, err
	}
	return c.changeInstance(func(ctx context.Context, s endpoint.ServiceKey, id string) (endpoint.Instance, error) {
		i := body
		i.Namespace, i.Service, i.ID = s.Namespace, s.Service, id
		i.Version = c.h.Now().UnixNano()
		err := c.h.Registry.Register(ctx, i)
		var late *endpoint.LateError
		for tries := 1; errors.As(err, &late) && tries < maxFaults; tries++ {
			i.Version = late.Known + 1 // the clock went back, or differs from another writer's: this is no late event
			err = c.h.Registry.Register(ctx, i)
		}
		if err != nil {
			return i, fmt.Errorf("register instance: %w", err)
		}
		return i, nil
	})
}

// deregisterInstance removes an instance, and answers with what it was.
func deregisterInstance(c *call) (any, error) {
	if err := refuse(c.instancePath()); err != nil {
		return nil, err
	}
	return c.changeInstance(func(ctx context.Context, s endpoint.ServiceKey, id string) (endpoint.Instance, error) {
		known, err := c.instances(ctx, s)
		if err != nil {
			return endpoint.Instance{}, err
		}
		at := slices.IndexFunc(known, func(i endpoint.Instance) bool { return i.ID == id })
		if at < 0 {
			return endpoint.Instance{}, fail(notFound, "Instance with id %s is not registered for service %s in namespace %s", id, s.Service, s.Namespace)
		}
		if err := c.h.Registry.Deregister(ctx, s, id); err != nil {
			return endpoint.Instance{}, fmt.Errorf("deregister instance: %w", err)
		}
		return known[at], nil
	})
}

// changeInstance runs change on the instance that the path names; changes of one service take turns.
func (c *call) changeInstance(change func(context.Context, endpoint.ServiceKey, string) (endpoint.Instance, error)) (any, error) {
	s := endpoint.ServiceKey{Namespace: c.vars["namespace"], Service: c.vars["service"]}
	waiting, cancel := context.WithTimeout(c.ctx, c.h.patience)
	defer cancel()
	release, err := c.h.services.acquire(waiting, s.Namespace+"\x00"+s.Service)
	if err != nil {
		return nil, busy("service "+s.Service, err)
	}
	defer release()

	whole, stop := uncut(c.ctx)
	defer stop()
	changed, err := change(whole, s, c.vars["id"])
	if err != nil {
		return nil, err
	}
	c.h.InstancesChanged(s)
	return changed, nil
}

func (c *call) instancePath() []resource.Violation {
	return slices.Concat(checkName("namespace", c.vars["namespace"]), checkName("service", c.vars["service"]), checkID(c.vars["id"]))
}
