package api

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// maxTags is how many tags a request and a resource may hold.
const maxTags = 50

// tagged finds the resource of the query's ARN. The ARN's region is not compared: it is that of the request which
// asked for the ARN, and one installation answers for all.
func (c *call) tagged() (meshUID string, k resource.Key, err error) {
	arn := c.query.Get("resourceArn")
	partition, _, account, mesh, k, err := resource.ARNParse(arn)
	if err != nil {
		return "", k, fail(badRequest, "resourceArn must be the ARN of an App Mesh resource, got %q", arn)
	}
	absent := fail(notFound, "There is no resource with ARN %s", arn)
	if partition != c.h.Partition || account != c.h.Account {
		return "", k, absent
	}
	m, err := c.h.Store.MeshByName(c.ctx, mesh)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", k, absent
	case err != nil:
		return "", k, fmt.Errorf("read mesh %s: %w", mesh, err)
	}
	return m.UID, k, nil
}

// tagsFailed turns what the store says about the tags of the query's ARN into an answer.
func (c *call) tagsFailed(err error) error {
	var e *failure
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fail(notFound, "There is no resource with ARN %s", c.query.Get("resourceArn"))
	case errors.As(err, &e):
		return e
	}
	return fmt.Errorf("tags of %s: %w", c.query.Get("resourceArn"), err)
}

// arnViolations is what is wrong with the query; resourceArn is required.
func (c *call) arnViolations() []resource.Violation {
	if !c.query.Has("resourceArn") {
		return []resource.Violation{{Path: "resourceArn", Rule: "is required"}}
	}
	return c.params()
}

func listTags(c *call) (any, error) {
	if err := refuse(c.arnViolations()); err != nil {
		return nil, err
	}
	uid, k, err := c.tagged()
	if err != nil {
		return nil, err
	}
	scope := []string{c.op.name, uid, k.String()}
	after, err := afterToken(scope, c.query.Get("nextToken"))
	if err != nil {
		return nil, err
	}
	tags, err := c.h.Store.Tags(c.ctx, uid, k)
	if err != nil {
		return nil, c.tagsFailed(err)
	}
	type tag struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	items := []tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if key > after {
			items = append(items, tag{key, tags[key]})
		}
	}
	page, token := cut(items, c.limit(defaultTagsPage), scope, func(t tag) string { return t.Key })
	return listAnswer("tags", page, token), nil
}

func tag(c *call) (any, error) {
	req, vs := resource.ParseRequest(c.op.name, c.body)
	if err := refuse(append(c.arnViolations(), vs...)); err != nil {
		return nil, err
	}
	return c.changeTags(func(tags map[string]string) (map[string]string, error) {
		all := make(map[string]string, len(tags)+len(req.Tags))
		maps.Copy(all, tags)
		maps.Copy(all, req.Tags)
		if len(all) > maxTags {
			return nil, errTooManyTags
		}
		return all, nil
	})
}

var errTooManyTags = fail(tooManyTags, "a resource can have at most %d tags; no tag was applied", maxTags)

func untag(c *call) (any, error) {
	req, vs := resource.ParseRequest(c.op.name, c.body)
	if err := refuse(append(c.arnViolations(), vs...)); err != nil {
		return nil, err
	}
	return c.changeTags(func(tags map[string]string) (map[string]string, error) {
		left := maps.Clone(tags)
		for _, key := range req.TagKeys {
			delete(left, key)
		}
		return left, nil
	})
}

// changeTags does not go through the optimistic loop: tags are not configuration and bump no generation.
func (c *call) changeTags(change func(map[string]string) (map[string]string, error)) (any, error) {
	uid, k, err := c.tagged()
	if err != nil {
		return nil, err
	}
	if err := c.h.Store.UpdateTags(c.ctx, uid, k, change); err != nil {
		return nil, c.tagsFailed(err)
	}
	return object{}, nil
}
