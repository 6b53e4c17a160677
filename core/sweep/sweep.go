// Package sweep finds what a sweep has looked at, to make up for lost messages, and what a collector goes through. It
// changes nothing but by the collector that it is given, and knows no Envoy types: the API stands on it, too. Start with
// Published.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/store"
)

// Lister is what is read to find all meshes; store.Store has it.
type Lister interface {
	Meshes(ctx context.Context, after string, limit int) ([]store.Mesh, error)
}

const meshPage = 100

// Present lists the meshes in the store, deleted ones not included.
func Present(ctx context.Context, s Lister) ([]string, error) {
	var uids []string
	for after := ""; ; {
		page, err := s.Meshes(ctx, after, meshPage)
		if err != nil {
			return nil, fmt.Errorf("list meshes: %w", err)
		}
		for _, mesh := range page {
			uids, after = append(uids, mesh.UID), mesh.Name
		}
		if len(page) < meshPage {
			return uids, nil
		}
	}
}

// Published lists every mesh that a sweep has looked at: those in the store, and those of which anything was ever
// published, for a mesh may have been deleted while nobody listened. With an error it lists what it could.
func Published(ctx context.Context, s Lister, objects artifact.Objects) ([]string, error) {
	present, err := Present(ctx, s)
	published, publishedErr := artifact.UIDs(ctx, objects)
	uids := slices.Concat(present, published)
	slices.Sort(uids)
	return slices.Compact(uids), errors.Join(err, publishedErr)
}

// Collect deletes what no reader can need any more. A mesh that can't be collected holds up no other.
func Collect(ctx context.Context, objects artifact.Objects, c *artifact.Collector) (deleted int, err error) {
	uids, err := artifact.UIDs(ctx, objects)
	errs := []error{err}
	for _, uid := range uids {
		n, err := c.Collect(ctx, uid)
		deleted, errs = deleted+n, append(errs, err)
	}
	return deleted, errors.Join(errs...)
}
