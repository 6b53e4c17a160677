// Package apply makes a mesh what documents say: it creates what is missing, updates what differs, and leaves the
// rest alone, so that applying twice changes nothing the second time.
//
// It deletes nothing that documents don't name, and it stops at the first document that the API refuses: what came
// before it stays. Start with Run.
package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/manifest"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
)

// Action is what was done about one document, or, of a dry run, what would be.
type Action string

// The actions. Missing is of a resource that was to be deleted.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Unchanged Action = "unchanged"
	Deleted   Action = "deleted"
	Missing   Action = "missing"
)

// Result is what was done about one document.
type Result struct {
	Mesh     string        `json:"mesh"`
	Kind     resource.Kind `json:"kind"`
	Parent   string        `json:"parent,omitempty"`
	Name     string        `json:"name"`
	Action   Action        `json:"action"`
	File     string        `json:"file"`
	Document int           `json:"document"`
}

// Options of Run and Delete.
type Options struct {
	DryRun bool
	// Step, if set, is called before each document: how many are done, of how many.
	Step func(done, total int, d manifest.Document)
}

// Error says which document could not be applied.
type Error struct {
	Document manifest.Document
	Err      error
}

// Error names the document, the resource and what the server said.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s: %v", e.Document.Where(), e.Document.Key, e.Err)
}

// Unwrap is the server's error.
func (e *Error) Unwrap() error { return e.Err }

// Run applies documents in the order in which creating works. Results tell what was done, also beside an error,
// which is an *Error.
func Run(ctx context.Context, c *client.Client, docs []manifest.Document, o Options) ([]Result, error) {
	docs = slices.Clone(docs)
	manifest.Sort(docs)
	return each(docs, o, func(d manifest.Document) (Action, error) {
		action, err := one(ctx, c, d, o.DryRun)
		if err == nil && o.DryRun && action == Created {
			err = homeless(ctx, c, d, docs)
		}
		return action, err
	})
}

// Delete removes what documents name, in the order in which deleting works.
func Delete(ctx context.Context, c *client.Client, docs []manifest.Document, o Options) ([]Result, error) {
	docs = slices.Clone(docs)
	manifest.Sort(docs)
	slices.Reverse(docs)
	return each(docs, o, func(d manifest.Document) (Action, error) {
		call := c.Delete
		if o.DryRun {
			call = c.Get
		}
		if _, err := call(ctx, d.Ref); errors.Is(err, client.ErrNotFound) {
			return Missing, nil
		} else if err != nil {
			return "", err
		}
		return Deleted, nil
	})
}

// homeless says of a document that would be created, if its mesh or parent is neither there nor in a document: then it
// could not be.
func homeless(ctx context.Context, c *client.Client, d manifest.Document, docs []manifest.Document) error {
	info, _ := resource.InfoOf(d.Kind)
	homes := []resource.Key{{Kind: resource.KindMesh, Name: d.Mesh}}
	if info.Parent != "" {
		homes = append(homes, resource.Key{Kind: info.Parent, Name: d.Parent})
	}
	for _, home := range homes {
		if slices.ContainsFunc(docs, func(other manifest.Document) bool { return other.Mesh == d.Mesh && other.Key == home }) {
			continue
		}
		if _, err := c.Get(ctx, client.Ref{Mesh: d.Mesh, Key: home}); err != nil {
			return err
		}
	}
	return nil
}

func each(docs []manifest.Document, o Options, do func(manifest.Document) (Action, error)) ([]Result, error) {
	results := []Result{}
	for i, d := range docs {
		if o.Step != nil {
			o.Step(i, len(docs), d)
		}
		action, err := do(d)
		if err != nil {
			return results, &Error{Document: d, Err: err}
		}
		results = append(results, Result{
			Mesh: d.Mesh, Kind: d.Kind, Parent: d.Parent, Name: d.Name,
			Action: action, File: d.File, Document: d.Number,
		})
	}
	return results, nil
}

func one(ctx context.Context, c *client.Client, d manifest.Document, dry bool) (Action, error) {
	there, err := c.Get(ctx, d.Ref)
	if errors.Is(err, client.ErrNotFound) {
		if dry {
			return Created, nil
		}
		_, err := c.Create(ctx, d.Ref, d.Spec, d.Tags)
		return Created, err
	} else if err != nil {
		return "", err
	}
	action := Unchanged
	if !same(d.Kind, there.Spec, d.Spec) {
		action = Updated
		if !dry {
			if _, err := c.Update(ctx, d.Ref, d.Spec); err != nil {
				return "", err
			}
		}
	}
	if !d.HasTags {
		return action, nil
	}
	changed, err := tags(ctx, c, there.ARN, d.Tags, dry)
	if changed {
		action = Updated
	}
	return action, err
}

// tags makes a resource's tags what want says. Old ones go first, so that the limit of tags is not in the way.
func tags(ctx context.Context, c *client.Client, arn string, want map[string]string, dry bool) (changed bool, err error) {
	have, err := c.Tags(ctx, arn)
	if err != nil {
		return false, fmt.Errorf("read tags: %w", err)
	}
	set := map[string]string{}
	for key, value := range want {
		if v, ok := have[key]; !ok || v != value {
			set[key] = value
		}
	}
	maps.DeleteFunc(have, func(key, _ string) bool { _, keep := want[key]; return keep })
	if dry || len(set)+len(have) == 0 {
		return len(set)+len(have) > 0, nil
	}
	if len(have) > 0 {
		if err := c.Untag(ctx, arn, slices.Sorted(maps.Keys(have))); err != nil {
			return true, fmt.Errorf("remove tags: %w", err)
		}
	}
	if len(set) > 0 {
		if err := c.Tag(ctx, arn, set); err != nil {
			return true, fmt.Errorf("set tags: %w", err)
		}
	}
	return true, nil
}
