package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ownmesh/ownmesh/core/resource"
)

// Ref names a resource from outside its mesh. Of a mesh, Mesh and Key.Name are the same.
type Ref struct {
	Mesh  string
	Owner string // account id of the mesh's owner; "" does not say
	resource.Key
}

// Object is a resource as the API answers it.
type Object struct {
	Ref
	ARN, UID             string
	Version              int64
	CreatedAt, UpdatedAt time.Time
	Status               string          // ACTIVE or DELETED
	Spec                 json.RawMessage // exactly as it was sent
	Raw                  json.RawMessage // the whole answer
}

const fetchers = 8 // how many describe calls All has under way

// Create makes a resource with tags, which may be nil.
func (c *Client) Create(ctx context.Context, r Ref, spec json.RawMessage, tags map[string]string) (Object, error) {
	info, err := infoOf(r)
	if err != nil {
		return Object{}, err
	}
	body := map[string]any{info.NameMember: r.Name, "clientToken": token()}
	if spec != nil {
		body["spec"] = spec
	}
	if len(tags) > 0 {
		body["tags"] = tagList(tags)
	}
	return c.object(ctx, r, call{method: http.MethodPut, path: collection(info, r), query: r.query(), body: body})
}

// Get reads a resource; an *Error that is ErrNotFound if there is none.
func (c *Client) Get(ctx context.Context, r Ref) (Object, error) {
	info, err := infoOf(r)
	if err != nil {
		return Object{}, err
	}
	return c.object(ctx, r, call{method: http.MethodGet, path: item(info, r), query: r.query()})
}

// Update replaces a resource's spec.
func (c *Client) Update(ctx context.Context, r Ref, spec json.RawMessage) (Object, error) {
	info, err := infoOf(r)
	if err != nil {
		return Object{}, err
	}
	body := map[string]any{"clientToken": token()}
	if spec != nil {
		body["spec"] = spec
	}
	return c.object(ctx, r, call{method: http.MethodPut, path: item(info, r), query: r.query(), body: body})
}

// Delete removes a resource, and returns it as it was.
func (c *Client) Delete(ctx context.Context, r Ref) (Object, error) {
	info, err := infoOf(r)
	if err != nil {
		return Object{}, err
	}
	return c.object(ctx, r, call{method: http.MethodDelete, path: item(info, r), query: r.query()})
}

// List reads the names of all resources of a kind: of a parent's, for routes and gateway routes; of all meshes, for
// meshes.
func (c *Client) List(ctx context.Context, mesh string, kind resource.Kind, parent string) ([]Ref, error) {
	of := Ref{Mesh: mesh, Key: resource.Key{Kind: kind, Parent: parent}}
	info, err := infoOf(of)
	if err != nil {
		return nil, err
	}
	var refs []Ref
	for next := ""; ; {
		k := call{method: http.MethodGet, path: collection(info, of), needs: info.Collection}
		if next != "" {
			k.query = url.Values{"nextToken": {next}}
		}
		var page map[string]json.RawMessage
		k.into = &page
		if err := c.do(ctx, k); err != nil {
			return nil, err
		}
		var items []map[string]any
		if err := json.Unmarshal(page[info.Collection], &items); err != nil {
			return nil, fmt.Errorf("%w: the list of %s can't be read: %w", ErrStranger, info.Collection, err)
		}
		for _, i := range items {
			name, _ := i[info.NameMember].(string)
			r := Ref{Mesh: mesh, Key: resource.Key{Kind: kind, Parent: parent, Name: name}}
			if kind == resource.KindMesh {
				r.Mesh = name
			}
			refs = append(refs, r)
		}
		next = ""
		if raw, ok := page["nextToken"]; ok {
			_ = json.Unmarshal(raw, &next) // null and absent both mean the last page
		}
		if next == "" {
			return refs, nil
		}
	}
}

// All reads all resources of a kind, whole; of every parent, where parent is "" and the kind has one. What goes
// away meanwhile is left out.
func (c *Client) All(ctx context.Context, mesh string, kind resource.Kind, parent string) ([]Object, error) {
	refs, err := c.Refs(ctx, mesh, kind, parent)
	if err != nil {
		return nil, err
	}
	found := make([]*Object, len(refs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchers)
	for i, r := range refs {
		g.Go(func() error {
			o, err := c.Get(ctx, r)
			if errors.Is(err, ErrNotFound) {
				return nil
			}
			found[i] = &o
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	objects := make([]Object, 0, len(found))
	for _, o := range found {
		if o != nil {
			objects = append(objects, *o)
		}
	}
	return objects, nil
}

// Refs is List of every parent, where parent is "" and the kind has one.
func (c *Client) Refs(ctx context.Context, mesh string, kind resource.Kind, parent string) ([]Ref, error) {
	info, ok := resource.InfoOf(kind)
	if !ok || info.Parent == "" || parent != "" {
		return c.List(ctx, mesh, kind, parent)
	}
	parents, err := c.List(ctx, mesh, info.Parent, "")
	if err != nil {
		return nil, err
	}
	var refs []Ref
	for _, p := range parents {
		of, err := c.List(ctx, mesh, kind, p.Name)
		if errors.Is(err, ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		refs = append(refs, of...)
	}
	return refs, nil
}

func (c *Client) object(ctx context.Context, r Ref, k call) (Object, error) {
	var raw json.RawMessage
	k.into = &raw
	if err := c.do(ctx, k); err != nil {
		return Object{}, err
	}
	var a struct {
		Spec     json.RawMessage `json:"spec"`
		Status   struct{ Status string }
		Metadata struct {
			ARN       string  `json:"arn"`
			UID       string  `json:"uid"`
			Version   int64   `json:"version"`
			CreatedAt seconds `json:"createdAt"`
			UpdatedAt seconds `json:"lastUpdatedAt"`
		}
	}
	err := json.Unmarshal(raw, &a)
	if err == nil && a.Metadata.UID == "" {
		err = errors.New("it has no uid")
	}
	if err != nil {
		return Object{}, fmt.Errorf("%w: the answer about %s is not what an Ownmesh server says: %w", ErrStranger, r.Key, err)
	}
	return Object{
		Ref: r, ARN: a.Metadata.ARN, UID: a.Metadata.UID, Version: a.Metadata.Version,
		CreatedAt: a.Metadata.CreatedAt.Time, UpdatedAt: a.Metadata.UpdatedAt.Time,
		Status: a.Status.Status, Spec: a.Spec, Raw: raw,
	}, nil
}

// seconds is a time as the API writes it: seconds since 1970, with milliseconds.
type seconds struct{ time.Time }

// UnmarshalJSON reads any JSON number.
func (s *seconds) UnmarshalJSON(b []byte) error {
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	s.Time = time.UnixMilli(int64(f*1000 + 0.5)).UTC()
	return nil
}

func (r Ref) query() url.Values {
	if r.Owner == "" {
		return nil
	}
	return url.Values{"meshOwner": {r.Owner}}
}

func infoOf(r Ref) (resource.Info, error) {
	info, ok := resource.InfoOf(r.Kind)
	if !ok {
		return info, fmt.Errorf("unknown kind %q", r.Kind)
	}
	return info, nil
}

// collection is where resources of a kind are listed and made.
func collection(info resource.Info, r Ref) string {
	switch {
	case info.Kind == resource.KindMesh:
		return path(apiRoot, "meshes")
	case info.Own:
		return path(ownRoot, "meshes", r.Mesh, info.Collection)
	case info.Parent != "":
		return path(apiRoot, "meshes", r.Mesh, string(info.Parent), r.Parent, info.Collection)
	default:
		return path(apiRoot, "meshes", r.Mesh, info.Collection)
	}
}

func item(info resource.Info, r Ref) string { return path(collection(info, r), r.Name) }
