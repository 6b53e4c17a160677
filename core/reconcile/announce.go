package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// point makes the mesh's name mean its uid. The name's object is replaced only while the store says that the name
// means this mesh, and only on the ETag read before asking: so a handler that slept can't point a name back.
func (c *Compiler) point(ctx context.Context, mesh store.Mesh) error {
	path := events.NamePath(mesh.Name)
	for range attempts {
		uid, etag, err := c.Objects.Get(ctx, path)
		if err != nil && !errors.Is(err, artifact.ErrNotFound) {
			return fmt.Errorf("read the name %q: %w", mesh.Name, err)
		}
		if string(uid) == mesh.UID {
			return nil
		}
		now, err := c.Store.MeshByName(ctx, mesh.Name)
		if errors.Is(err, store.ErrNotFound) || (err == nil && now.UID != mesh.UID) {
			return nil
		}
		if err != nil {
			return err
		}
		if err = put(ctx, c.Objects, path, []byte(mesh.UID), etag); !lost(err) {
			return err
		}
	}
	return fmt.Errorf("point the name %q to mesh %s: lost %d times", mesh.Name, mesh.UID, attempts)
}

// report writes the findings of the published generation, only forward. Nobody asks for those of a deleted mesh.
func (c *Compiler) report(ctx context.Context, w *warmConfig) error {
	if w.at.Deleted {
		return nil
	}
	report := resource.Report{MeshUID: w.mesh.UID, Generation: w.compiled.Generation(), Findings: w.compiled.Findings()}
	data, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	path := events.ReportPath(w.mesh.UID)
	for range attempts {
		old, etag, err := c.Objects.Get(ctx, path)
		if err != nil && !errors.Is(err, artifact.ErrNotFound) {
			return fmt.Errorf("read the report: %w", err)
		}
		var present resource.Report
		if json.Unmarshal(old, &present) == nil && present.Generation > report.Generation {
			return nil
		}
		if err = put(ctx, c.Objects, path, data, etag); !lost(err) {
			return err
		}
	}
	return fmt.Errorf("write the report of mesh %s: lost %d times", w.mesh.UID, attempts)
}

// put creates an object, or replaces the one with this ETag.
func put(ctx context.Context, objects artifact.Objects, path string, data []byte, etag string) error {
	var err error
	if etag == "" {
		_, err = objects.Create(ctx, path, data)
	} else {
		_, err = objects.Replace(ctx, path, data, etag)
	}
	if err != nil && !lost(err) {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return err
}

func lost(err error) bool {
	return errors.Is(err, artifact.ErrExists) || errors.Is(err, artifact.ErrChanged)
}
