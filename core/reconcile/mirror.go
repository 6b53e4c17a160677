package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// This file: what the directory is told of instances, when the log has them.

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
	ensure := call{key, callEnsure}
	if c.refusedBefore(ensure) {
		return false, nil
	}
	owned, err := c.Directory.Ensure(ctx, c.w.mesh.UID, key)
	if err != nil {
		return false, c.allow(ensure, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.w.owned[key] = owned
	return owned, nil
}

// told makes a call about a service's instances, unless the like was refused already.
func (c *changes) told(what call, do func() error) error {
	if c.refusedBefore(what) {
		return nil
	}
	return c.allow(what, do())
}

// tell tells the directory what the registry has. All is tried; what fails is tried again with the next pass, and what is
// refused with the next sweep.
func (c *changes) tell(ctx context.Context) error {
	if c.Directory == nil {
		return nil
	}
	c.strays()
	var group errgroup.Group
	group.SetLimit(atOnce)
	var mu sync.Mutex
	var errs []error
	do := func(key endpoint.ServiceKey, tell func() error) {
		group.Go(func() error {
			owned, err := c.owns(ctx, key)
			if err == nil && owned {
				err = tell()
			}
			if err != nil {
				mu.Lock()
				errs = append(errs, err)
				c.unheard[key] = true
				mu.Unlock()
			}
			return nil
		})
	}
	for _, p := range c.publish {
		do(p.instance.Key().ServiceKey, func() error { return c.publishOne(ctx, p) })
	}
	for _, k := range c.withdraw {
		do(k.ServiceKey, func() error { return c.withdrawOne(ctx, k) })
	}
	for _, b := range c.mirror {
		do(b.node.service, func() error { return c.compare(ctx, b) })
	}
	_ = group.Wait() // the errors are in errs
	return errors.Join(errs...)
}

func (c *changes) publishOne(ctx context.Context, p publication) error {
	return c.told(call{p.instance.Key().ServiceKey, callPublish}, func() error { return c.Directory.Publish(ctx, p.instance, p.port) })
}

func (c *changes) withdrawOne(ctx context.Context, k endpoint.InstanceKey) error {
	return c.told(call{k.ServiceKey, callWithdraw}, func() error { return c.Directory.Withdraw(ctx, k) })
}

// strays has more services compared: those that something was taken out of, and, when all is looked at, those that the
// mesh made and no binding is for: a binding was, and the directory could not be told of its end.
func (c *changes) strays() {
	also := maps.Clone(c.taken)
	for service, owned := range c.w.owned {
		if owned && c.all && !slices.ContainsFunc(c.kept, func(b binding) bool { return b.node.service == service }) {
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
		return c.allow(call{b.node.service, callRead}, err)
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
			errs = append(errs, c.withdrawOne(ctx, i.Key()))
		} else if want.Version <= i.Version {
			delete(wanted, i.ID)
		}
	}
	for _, i := range wanted {
		errs = append(errs, c.publishOne(ctx, publication{i, b.publicPort()}))
	}
	return errors.Join(errs...)
}
