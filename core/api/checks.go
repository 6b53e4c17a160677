package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// proposal is a new or changed resource before it is accepted.
type proposal struct {
	mesh     store.Mesh
	parent   store.Record // zero for kinds without one
	resource store.Record
	newRefs  []store.Ref // what the resource names that no delete guard holds yet
}

// checks are the rules between resources that refuse a create or an update, in this order: what is missing is told
// before what doesn't fit. Everything else that looks wrong is accepted and becomes a finding.
var checks = []struct {
	kind resource.Kind // "" for all
	run  func(*call, context.Context, proposal) error
}{
	{"", (*call).checkReferences},
	{resource.KindRoute, (*call).checkRoutePort},
	{resource.KindVirtualRouter, (*call).checkRouterListeners},
}

func (c *call) check(ctx context.Context, p proposal) error {
	for _, check := range checks {
		if check.kind == "" || check.kind == p.resource.Kind {
			if err := check.run(c, ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkReferences wants what the resource names to be there. What it named before is held by a delete guard, so it is.
func (c *call) checkReferences(ctx context.Context, p proposal) error {
	for _, ref := range p.newRefs {
		if err := c.mustExist(ctx, p.mesh, ref.Target); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) mustExist(ctx context.Context, m store.Mesh, k resource.Key) error {
	_, found, err := c.lookUp(ctx, m, k)
	if err == nil && !found {
		err = fail(notFound, "%s with name %s is missing", mustInfo(k.Kind).Title, k.Name)
	}
	return err
}

// checkRoutePort wants a route to say its port if the router has several.
func (c *call) checkRoutePort(_ context.Context, p proposal) error {
	router, err := resource.Decode[resource.VirtualRouterSpec](p.parent.Spec)
	if err != nil {
		return err
	}
	if len(router.Listeners) < 2 {
		return nil
	}
	has, err := hasPort(p.resource)
	if err == nil && !has {
		err = fail(badRequest, "Route must define a port match criteria if the Virtual Router has multiple listeners")
	}
	return err
}

// maxNamed bounds how many names a message lists.
const maxNamed = 5

// checkRouterListeners is the same rule from the other side: no second listener while a route lacks its port.
func (c *call) checkRouterListeners(ctx context.Context, p proposal) error {
	router, err := resource.Decode[resource.VirtualRouterSpec](p.resource.Spec)
	if err != nil {
		return err
	}
	if len(router.Listeners) < 2 {
		return nil
	}
	var names []string
	missing := 0
	for after, more := "", true; more; {
		routes, err := c.h.Store.List(ctx, p.mesh.UID, resource.KindRoute, p.resource.Name, after, defaultPage)
		if err != nil {
			return fmt.Errorf("list routes of router %s: %w", p.resource.Name, err)
		}
		for _, r := range routes {
			has, err := hasPort(r)
			if err != nil {
				return err
			}
			if has {
				continue
			}
			if missing++; missing <= maxNamed {
				names = append(names, r.Name)
			}
		}
		if more = len(routes) == defaultPage; more {
			after = routes[len(routes)-1].Name
		}
	}
	if missing > 0 {
		return fail(badRequest, "All Routes for this Virtual Router must define a port match before adding multiple listeners to this Virtual Router. "+
			"%d Route(s) are missing port. Listing up to %d route names: [%s]", missing, maxNamed, strings.Join(names, ", "))
	}
	return nil
}

// hasPort tells whether a route matches on a port, whatever its type.
func hasPort(route store.Record) (bool, error) {
	spec, err := resource.Decode[resource.RouteSpec](route.Spec)
	if err != nil {
		return false, fmt.Errorf("route %s: %w", route.Name, err)
	}
	return spec.HTTPRoute != nil && spec.HTTPRoute.Match.Port != nil ||
		spec.HTTP2Route != nil && spec.HTTP2Route.Match.Port != nil ||
		spec.GRPCRoute != nil && spec.GRPCRoute.Match.Port != nil ||
		spec.TCPRoute != nil && spec.TCPRoute.Match != nil && spec.TCPRoute.Match.Port != nil, nil
}

// refChanges compares what a resource names before and after a change. A zero resource names nothing.
func refChanges(old, r resource.Resource) (add, gone []store.Ref) {
	before, after := resource.References(old), resource.References(r)
	for _, k := range after {
		if !slices.Contains(before, k) {
			add = append(add, store.Ref{Target: k, Referrer: r.Key})
		}
	}
	for _, k := range before {
		if !slices.Contains(after, k) {
			gone = append(gone, store.Ref{Target: k, Referrer: old.Key})
		}
	}
	return add, gone
}

// holds tells whether what a resource of this kind names can't be deleted before it. What an interception is for can:
// an interception whose node is gone has no effect.
func holds(k resource.Kind) bool { return k != resource.KindInterception }
