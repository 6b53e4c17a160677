package api

import (
	"context"
	"fmt"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// guards are what keeps a resource from being deleted, in the order in which they are told. Clients match on the
// texts. Routes and gateway routes can always be deleted.
//
// Interceptions guard neither what they name nor their mesh: they go with it. Deleting a mesh is one commit, on the
// mesh's row alone; from then on nobody looks under its uid for anything but the journal, whatever else is left there.
var guards = []struct {
	kind resource.Kind
	run  func(*call, context.Context, store.Mesh, resource.Key) error
}{
	{resource.KindMesh, (*call).guardMesh},
	{resource.KindVirtualRouter, children(resource.KindRoute)},
	{resource.KindVirtualGateway, children(resource.KindGatewayRoute)},
	{resource.KindVirtualRouter, (*call).guardProvider},
	{resource.KindVirtualNode, (*call).guardProvider},
	{resource.KindVirtualService, (*call).guardService},
}

func (c *call) guard(ctx context.Context, m store.Mesh, k resource.Key) error {
	for _, g := range guards {
		if g.kind == k.Kind {
			if err := g.run(c, ctx, m, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// guardMesh holds a mesh that is not empty.
func (c *call) guardMesh(ctx context.Context, m store.Mesh, _ resource.Key) error {
	for _, kind := range []resource.Kind{resource.KindVirtualService, resource.KindVirtualNode, resource.KindVirtualRouter, resource.KindVirtualGateway} {
		left, err := c.h.Store.List(ctx, m.UID, kind, "", "", 1)
		if err != nil {
			return fmt.Errorf("look for a %s in mesh %s: %w", kind, m.Name, err)
		}
		if len(left) > 0 {
			titles := mustInfo(kind).Title + "s"
			return fail(resourceInUse, "Mesh %s for account %s has active %s, please delete %s before deleting the Mesh", m.Name, c.h.Account, titles, titles)
		}
	}
	return nil
}

// children holds a parent that still has children of a kind.
func children(kind resource.Kind) func(*call, context.Context, store.Mesh, resource.Key) error {
	return func(c *call, ctx context.Context, m store.Mesh, k resource.Key) error {
		left, err := c.h.Store.List(ctx, m.UID, kind, k.Name, "", 1)
		if err != nil {
			return fmt.Errorf("look for a %s of %s: %w", kind, k, err)
		}
		if len(left) > 0 {
			return fail(resourceInUse, "%s with name %s cannot be deleted because it has %ss", mustInfo(k.Kind).Title, k.Name, mustInfo(kind).Title)
		}
		return nil
	}
}

// guardProvider holds a node or router that traffic is sent to. Referrers come sorted by kind, so routes come first.
func (c *call) guardProvider(ctx context.Context, m store.Mesh, k resource.Key) error {
	referrers, err := c.referrers(ctx, m, k, 1)
	if err != nil || len(referrers) == 0 {
		return err
	}
	because := "it is a VirtualService provider"
	switch referrers[0].Kind {
	case resource.KindRoute:
		because = "it is the target of one or more routes."
	case resource.KindTaskBinding:
		because = fmt.Sprintf("TaskBinding %s binds tasks to it", referrers[0].Name)
	}
	return fail(resourceInUse, "%s with name %s cannot be deleted because %s", mustInfo(k.Kind).Title, k.Name, because)
}

// guardService holds a service that a gateway route targets. App Mesh names the gateway routes by their ids.
func (c *call) guardService(ctx context.Context, m store.Mesh, k resource.Key) error {
	referrers, err := c.referrers(ctx, m, k, maxNamed)
	if err != nil || len(referrers) == 0 {
		return err
	}
	var ids []string
	for _, referrer := range referrers {
		r, found, err := c.lookUp(ctx, m, referrer)
		if err != nil {
			return err
		}
		if found {
			ids = append(ids, r.UID)
		}
	}
	return fail(resourceInUse, "VirtualService %s is being referenced in the following: GATEWAY_ROUTE: [%s]", k.Name, strings.Join(ids, ", "))
}

func (c *call) referrers(ctx context.Context, m store.Mesh, k resource.Key, limit int) ([]resource.Key, error) {
	keys, err := c.h.Store.Referrers(ctx, m.UID, k, limit)
	if err != nil {
		return nil, fmt.Errorf("look for what refers to %s: %w", k, err)
	}
	return keys, nil
}
