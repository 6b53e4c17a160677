package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// create makes a resource of any kind. The name is in the body.
func create(c *call) (any, error) {
	req, err := c.request()
	if err != nil {
		return nil, err
	}
	if c.op.info.Kind == resource.KindMesh {
		return c.createMesh(req)
	}
	return c.change(func(ctx context.Context, m store.Mesh, now time.Time) (plan, error) {
		parent, err := c.parent(ctx, m)
		if err != nil {
			return plan{}, err
		}
		k := c.key(req.Name)
		present, found, err := c.lookUp(ctx, m, k)
		if err != nil {
			return plan{}, err
		}
		if found {
			answer, err := c.created(m.Name, present, req)
			return plan{answer: answer}, err
		}
		p, err := c.put(ctx, m, parent, store.Record{}, c.newRecord(k, req, now))
		p.tags = req.Tags
		return p, err
	})
}

// createMesh is create for the kind whose row is the condition of all other commits.
func (c *call) createMesh(req resource.Request) (any, error) {
	m := store.Mesh{
		Record: c.newRecord(resource.Key{Kind: resource.KindMesh, Name: req.Name}, req, c.h.now()),
		Owner:  c.h.Account, Generation: 1,
	}
	answer, err := c.answerFor(m, m.Record)
	if err != nil {
		return nil, err
	}
	open := false // whether a CreateMesh may have happened without our knowing
	return c.settle(req.Name, func(ctx context.Context) (any, error) {
		if open {
			if _, err := c.h.Store.MeshByUID(ctx, m.UID); err == nil {
				return c.meshCreated(m, answer), nil
			} else if !errors.Is(err, store.ErrNotFound) {
				return nil, fmt.Errorf("look for mesh %s: %w", req.Name, err)
			}
		}
		present, err := c.h.Store.MeshByName(ctx, req.Name)
		if err == nil && present.UID != m.UID {
			return c.created(present.Name, present.Record, req)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("read mesh %s: %w", req.Name, err)
		}
		err = c.h.Store.CreateMesh(ctx, m, req.Tags, c.id, c.h.Caller(c.r))
		if err == nil {
			return c.meshCreated(m, answer), nil
		}
		open = open || !lostRace(err)
		return nil, fmt.Errorf("create mesh %s: %w", req.Name, err)
	})
}

func (c *call) meshCreated(m store.Mesh, answer any) any {
	c.h.Committed(events.MeshChanged{UID: m.UID, Generation: m.Generation})
	return answer
}

func (c *call) newRecord(k resource.Key, req resource.Request, now time.Time) store.Record {
	return store.Record{
		Resource:    resource.Resource{Key: k, UID: c.h.NewID(), Version: 1, CreatedAt: now, UpdatedAt: now, Spec: req.Spec},
		CreateToken: newToken(req, 1, now),
	}
}

func describe(c *call) (any, error) {
	if err := refuse(c.params()); err != nil {
		return nil, err
	}
	m, err := c.mesh(c.ctx)
	if err != nil {
		return nil, err
	}
	r, err := c.item(c.ctx, m)
	if err != nil {
		return nil, err
	}
	return c.answerFor(m, r)
}

// item reads the resource that the path names. Where its parent is missing too, that is what the client hears.
func (c *call) item(ctx context.Context, m store.Mesh) (store.Record, error) {
	r, err := c.read(ctx, m, c.itemKey())
	var e *failure
	if errors.As(err, &e) {
		if _, parentErr := c.parent(ctx, m); parentErr != nil {
			return r, parentErr
		}
	}
	return r, err
}

// list gives a page of a collection, by name.
func list(c *call) (any, error) {
	if err := refuse(c.params()); err != nil {
		return nil, err
	}
	read, scope, meshName := c.listMeshes, []string{c.op.name}, func(r store.Record) string { return r.Name }
	if c.op.info.Kind != resource.KindMesh {
		m, err := c.mesh(c.ctx)
		if err != nil {
			return nil, err
		}
		parent, err := c.parent(c.ctx, m)
		if err != nil {
			return nil, err
		}
		read = func(after string, limit int) ([]store.Record, error) {
			return c.h.Store.List(c.ctx, m.UID, c.op.info.Kind, parent.Name, after, limit)
		}
		scope = append(scope, m.UID, parent.Name)
		meshName = func(store.Record) string { return m.Name }
	}
	after, err := afterToken(scope, c.query.Get("nextToken"))
	if err != nil {
		return nil, err
	}
	limit := c.limit(defaultPage)
	records, err := read(after, limit+1)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", c.op.info.Collection, err)
	}
	page, token := cut(records, limit, scope, func(r store.Record) string { return r.Name })
	items := make([]object, 0, len(page))
	for _, r := range page {
		items = append(items, c.listObject(meshName(r), r.Resource))
	}
	return listAnswer(c.op.info.Collection, items, token), nil
}

func (c *call) listMeshes(after string, limit int) ([]store.Record, error) {
	meshes, err := c.h.Store.Meshes(c.ctx, after, limit)
	records := make([]store.Record, 0, len(meshes))
	for _, m := range meshes {
		records = append(records, m.Record)
	}
	return records, err
}

// listAnswer leaves nextToken out of the last page.
func listAnswer(member string, items any, token string) object {
	o := object{member: items}
	if token != "" {
		o["nextToken"] = token
	}
	return o
}

// update replaces a resource's spec as a whole.
func update(c *call) (any, error) {
	req, err := c.request()
	if err != nil {
		return nil, err
	}
	return c.change(func(ctx context.Context, m store.Mesh, now time.Time) (plan, error) {
		old, err := c.item(ctx, m)
		if err != nil {
			return plan{}, err
		}
		if answer, err := c.updated(m.Name, old, req); answer != nil || err != nil {
			return plan{answer: answer}, err
		}
		parent, err := c.parent(ctx, m)
		if err != nil {
			return plan{}, err
		}
		r := old
		r.Version, r.UpdatedAt, r.Spec = old.Version+1, now, req.Spec
		if req.ClientToken != "" {
			r.UpdateToken = newToken(req, r.Version, now)
		}
		return c.put(ctx, m, parent, old, r)
	})
}

// put plans the writing of a new or changed resource; old is zero for a new one.
func (c *call) put(ctx context.Context, m store.Mesh, parent, old, r store.Record) (plan, error) {
	if !holds(r.Kind) {
		old = store.Record{}
	}
	add, gone := refChanges(old.Resource, r.Resource)
	if err := c.check(ctx, proposal{mesh: m, parent: parent, resource: r, newRefs: add}); err != nil {
		return plan{}, err
	}
	answer, err := c.answerFor(m, r)
	p := plan{put: &r, answer: answer}
	if holds(r.Kind) {
		p.addRefs, p.removeRefs = add, gone
	}
	return p, err
}

// remove deletes a resource unless something needs it.
func remove(c *call) (any, error) {
	if err := refuse(c.params()); err != nil {
		return nil, err
	}
	return c.change(func(ctx context.Context, m store.Mesh, now time.Time) (plan, error) {
		r, err := c.item(ctx, m)
		if err != nil {
			return plan{}, err
		}
		if err := c.guard(ctx, m, r.Key); err != nil {
			return plan{}, err
		}
		p := plan{remove: &r.Key}
		if holds(r.Kind) {
			_, p.removeRefs = refChanges(r.Resource, resource.Resource{})
		}
		last := r.Resource
		last.UpdatedAt = now
		if last.Kind != resource.KindMesh { // App Mesh leaves a deleted mesh its version
			last.Version++
		}
		p.answer, err = c.describeObject(m.Name, last, deleted)
		return p, err
	})
}
