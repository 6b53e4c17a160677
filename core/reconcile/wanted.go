package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// atOnce bounds the calls to registry and directory that are under way for one mesh.
const atOnce = 16

// wanted is the state that the log should have; all has every service read whole. A service that can't be read stays as
// it is, but for what our own registry says of it, and is left out if the log lacks it; the error says so, and the state
// is good all the same. Where others register and won't show it, what is known and our own registry count.
func (c *changes) wanted(ctx context.Context, present *endpoint.State, all bool) (endpoint.State, error) {
	services := c.w.services()
	found := make([]map[string]endpoint.Instance, len(services))
	errs := make([]error, len(services))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for n, service := range services {
		known, ok := present.Services[service]
		how := c.looks[service]
		if all || !ok {
			how = lookWhole
		}
		if how == lookNot {
			found[n] = known
			continue
		}
		group.Go(func() error {
			instances, err := c.instances(ctx, service, how, known)
			if err = c.allow(call{service, callRead}, err); err != nil {
				errs[n] = fmt.Errorf("read the instances of %s in %s: %w", service.Service, service.Namespace, err)
			}
			if found[n] = known; instances != nil {
				found[n] = settle(known, instances)
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	state := endpoint.State{Services: map[endpoint.ServiceKey]map[string]endpoint.Instance{}}
	for n, service := range services {
		if found[n] != nil {
			state.Services[service] = found[n]
		}
	}
	return state, errors.Join(errs...)
}

// instances reads a service. If where others register can't be read, what our own registry says still counts: an
// instance that an event took away is gone.
func (r *Registrar) instances(ctx context.Context, service endpoint.ServiceKey, how look, known map[string]endpoint.Instance) ([]endpoint.Instance, error) {
	var err error
	if how == lookWhole {
		var instances []endpoint.Instance
		if instances, err = r.Registry.Instances(ctx, service); err == nil {
			return append([]endpoint.Instance{}, instances...), nil
		}
		if known == nil && endpoint.RefusalOf(err) == nil {
			return nil, err
		}
	}
	rows, rowsErr := r.Registry.Rows(ctx, service)
	if rowsErr != nil {
		return nil, rowsErr
	}
	return append([]endpoint.Instance{}, endpoint.Merge(rows, slices.Collect(maps.Values(known)))...), err
}

// settle makes what was read the new state of a service. An instance that differs in its version alone stays what it was:
// no proxy has any use for that.
func settle(known map[string]endpoint.Instance, instances []endpoint.Instance) map[string]endpoint.Instance {
	byID := make(map[string]endpoint.Instance, len(instances))
	for _, i := range instances {
		if before, ok := known[i.ID]; ok && same(before, i) {
			i = before
		}
		byID[i.ID] = i
	}
	return byID
}

// services lists the services that the mesh's nodes name, sorted, each once.
func (w *warmEndpoints) services() []endpoint.ServiceKey {
	var all []endpoint.ServiceKey
	for _, n := range w.nodes {
		all = append(all, n.service)
	}
	slices.SortFunc(all, endpoint.CompareServices)
	return slices.Compact(all)
}
