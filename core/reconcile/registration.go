package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
)

// registration is the object at events.RegistrationPath: what the newest pass over a mesh's resources found, and what is
// to be taken back when nobody asks for it any more.
type registration struct {
	resource.Report
	Namespaces []string              `json:"namespaces,omitempty"` // of the directory, that may hold names which were made for the mesh
	Services   []endpoint.ServiceKey `json:"services,omitempty"`   // that were made for its nodes; sorted

	etag string
}

// registration reads what the last pass left. A damaged object counts as none.
func (c *changes) registration(ctx context.Context) (registration, error) {
	var before registration
	data, etag, err := c.Objects.Get(ctx, events.RegistrationPath(c.w.mesh.UID))
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return before, fmt.Errorf("read what was found before: %w", err)
	}
	if err := json.Unmarshal(data, &before); err != nil {
		before = registration{}
	}
	before.etag = etag
	return before, nil
}

// report writes what this pass found and left, if it differs. Who loses against another pass leaves it to that one: the
// next sweep writes what is true then.
func (c *changes) report(ctx context.Context, before, now registration) error {
	slices.SortFunc(c.found, resource.Finding.Compare)
	now.MeshUID, now.Generation = c.w.mesh.UID, c.w.generation
	now.Findings = slices.CompactFunc(c.found, func(a, b resource.Finding) bool { return a == b })
	nothing := before.etag == "" && len(now.Findings)+len(now.Namespaces)+len(now.Services) == 0
	same := slices.Equal(now.Findings, before.Findings) && slices.Equal(now.Namespaces, before.Namespaces) && slices.Equal(now.Services, before.Services)
	if nothing || before.etag != "" && same || before.Generation > now.Generation {
		return nil
	}
	data, err := json.Marshal(now)
	if err != nil {
		return fmt.Errorf("encode what was found: %w", err)
	}
	if err := put(ctx, c.Objects, events.RegistrationPath(c.w.mesh.UID), data, before.etag); err != nil && !lost(err) {
		return err
	}
	return nil
}

// release gives up services that were made for nodes of the mesh and that no node names any more. One that has instances
// stays, and is tried again with the next sweep: a deregistration takes a while.
func (c *changes) release(ctx context.Context) error {
	before, err := c.registration(ctx)
	if err != nil || c.Directory == nil {
		return err
	}
	now := before
	now.Services = nil
	wanted := c.w.services()
	var errs []error
	for _, service := range before.Services {
		if !slices.Contains(wanted, service) {
			gone, err := c.Directory.Release(ctx, c.w.mesh.UID, service)
			if errs = append(errs, err); gone && err == nil {
				continue
			}
		}
		now.Services = append(now.Services, service)
	}
	c.found = before.Findings
	return errors.Join(append(errs, c.report(ctx, before, now))...)
}

// takeBack undoes what was done beyond the log for a mesh that is gone.
func (r *Registrar) takeBack(ctx context.Context, w *warmEndpoints) error {
	w.nodes, w.bindings, w.names, w.virtualServices = nil, nil, nil, nil
	c := newChanges(r, w, w.reader.State(), false)
	before, err := c.registration(ctx)
	if err != nil {
		return err
	}
	if len(before.Namespaces)+len(before.Services)+len(c.present.Services) == 0 {
		return nil
	}
	now := before
	now.Namespaces, err = c.resolve(ctx, before.Namespaces)
	return errors.Join(err, c.report(ctx, before, now), c.unbind(ctx, nil), c.tell(ctx), c.release(ctx))
}
