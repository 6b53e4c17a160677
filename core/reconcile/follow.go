package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
)

// followWithin is how long a pass sees to what resources ask for before it goes on to the log: instances are waiting. What
// is left is an error, and goes on where it stopped when the message comes again.
const followWithin = 10 * time.Second

// follow does what a mesh's resources ask for beyond its log: services of nodes are there, bound tasks are registered,
// names resolve; and what nobody asks for any more is taken back. What stands in the way of that are findings. all has
// what is known to be there looked at again.
func (c *changes) follow(ctx context.Context, all bool) error {
	bound, found := c.w.bound()
	c.found, c.bound = append(c.found, found...), bound
	if all {
		c.w.followed.again(c.Now())
	}
	within, cancel := context.WithTimeout(ctx, followWithin)
	defer cancel()
	before, err := c.registration(ctx)
	c.before = before.Findings
	errs := []error{c.ensure(within, all), c.unbind(ctx, bound), c.bind(within, bound)}
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	now := registration{Services: c.w.madeServices(before.Services)}
	now.Namespaces, err = c.resolve(within, before.Namespaces)
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
		c.ensured[service] = true
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
	if ctx.Err() != nil {
		return fmt.Errorf("make sure of %d services: %w", len(services), ctx.Err())
	}
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
			delete(c.w.followed.names, ns)
			wanted[ns] = endpoint.Names{Namespace: ns, Services: c.servicesIn(ns)}
		}
	}
	return c.ensureNames(ctx, wanted, by)
}

func (c *changes) ensureNames(ctx context.Context, wanted map[string]endpoint.Names, by map[string]string) ([]string, error) {
	var errs []error
	var holding []string
	for _, ns := range slices.Sorted(maps.Keys(wanted)) {
		asked := resource.Key{Kind: resource.KindResolvableName, Name: by[ns]}
		if by[ns] != "" && c.w.followed.resolves(wanted[ns]) {
			c.keep(asked)
			holding = append(holding, ns)
			continue
		}
		refusals, left, err := c.Directory.EnsureNames(ctx, c.w.mesh.UID, wanted[ns])
		if errs = append(errs, err); by[ns] != "" || left || err != nil {
			holding = append(holding, ns)
		}
		if err == nil && !left {
			c.w.followed.names[ns] = wanted[ns]
		}
		for _, name := range slices.Sorted(maps.Keys(refusals)) {
			switch refusal := refusals[name]; {
			case by[ns] != "":
				c.note(asked.Kind, asked.Name, "spec.namespaceName", refusal.Code, refusal.Message, refusal.Hint)
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
