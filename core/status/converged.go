package status

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// Meshes is what a Converger reads of the store.
type Meshes interface {
	MeshByUID(ctx context.Context, uid string) (store.Mesh, error)
}

// Converger tells when every connected proxy of a mesh has accepted what is published: once a generation, however
// many Convergers there are and however often they look.
type Converger struct {
	Reader
	Store  Meshes
	Events notice.Publisher
	Place  notice.Place
}

// told is the object at events.ConvergedPath.
type told struct {
	Generation int64  `json:"generation"`
	By         string `json:"by,omitempty"` // of one look alone: tells its word from another's, where an answer was lost
}

// Handle looks at one mesh, and tells if it has converged and nobody has told of it. It says whether there is nothing
// left to tell of what is published now. A mesh without a connected proxy has not converged: nobody has accepted it.
func (c *Converger) Handle(ctx context.Context, uid string) (done bool, err error) {
	report, err := c.Report(ctx, uid)
	if err != nil || report.Generation == 0 {
		return err == nil, err
	}
	before, etag, err := c.memory(ctx, uid)
	if err != nil || before.Generation >= report.Generation {
		return err == nil, err
	}
	now, err := c.Mesh(ctx, uid, report.Generation)
	if err != nil || !now.converged() {
		return false, err
	}
	mesh, err := c.Store.MeshByUID(ctx, uid)
	if errors.Is(err, store.ErrNotFound) || err == nil && mesh.Deleted {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read mesh %s: %w", uid, err)
	}
	return c.tell(ctx, mesh, now, before, etag)
}

// converged says whether all that are connected have accepted all that is published.
func (m Mesh) converged() bool {
	for _, p := range m.Proxies {
		if p.State != events.Current {
			return false
		}
	}
	return len(m.Proxies) > 0
}

// memory is what was told, and its ETag, "" if there is no object.
func (c *Converger) memory(ctx context.Context, uid string) (t told, etag string, err error) {
	data, etag, err := c.Objects.Get(ctx, events.ConvergedPath(uid))
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		return told{}, "", nil
	case err != nil:
		return told{}, "", fmt.Errorf("read what was told of mesh %s: %w", uid, err)
	}
	if json.Unmarshal(data, &t) != nil {
		t = told{} // damaged: it is replaced, and one event may be doubled
	}
	return t, etag, nil
}

// tell remembers the generation, and tells it if it was the first to do so. What could not be told is forgotten again.
func (c *Converger) tell(ctx context.Context, mesh store.Mesh, now Mesh, before told, etag string) (bool, error) {
	mine := told{Generation: now.Published, By: rand.Text()}
	etag, err := c.remember(ctx, mesh.UID, mine, etag)
	if errors.Is(err, artifact.ErrExists) || errors.Is(err, artifact.ErrChanged) {
		var there told
		if there, etag, err = c.memory(ctx, mesh.UID); err == nil && there != mine {
			return false, nil // another one is telling; the next look finds out what
		}
	}
	if err != nil {
		return false, err
	}
	e := events.MeshConverged{
		About:   events.About{Mesh: mesh.Name, MeshUID: mesh.UID, Generation: now.Published, Time: c.Now()},
		Proxies: len(now.Proxies), Relays: now.Relays,
	}.Event(c.Place.ARNs(mesh.Owner, mesh.Name, resource.Key{Kind: resource.KindMesh, Name: mesh.Name})...)
	if err := c.Events.Publish(ctx, e); err != nil {
		_, forget := c.remember(context.WithoutCancel(ctx), mesh.UID, before, etag)
		return false, errors.Join(fmt.Errorf("tell that mesh %s has converged: %w", mesh.Name, err), forget)
	}
	return true, nil
}

// remember creates the object, or replaces the one with this ETag.
func (c *Converger) remember(ctx context.Context, uid string, t told, etag string) (string, error) {
	data, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	key := events.ConvergedPath(uid)
	if etag == "" {
		etag, err = c.Objects.Create(ctx, key, data)
	} else {
		etag, err = c.Objects.Replace(ctx, key, data, etag)
	}
	if err != nil {
		return "", fmt.Errorf("write %s: %w", key, err)
	}
	return etag, nil
}
