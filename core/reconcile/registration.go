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

// report writes what was found and left, if it differs. Who loses against another pass leaves it to that one: the
// next sweep writes what is true then.
func (c *changes) report(ctx context.Context, before, now registration, found []resource.Finding) error {
	found = slices.SortedFunc(slices.Values(found), resource.Finding.Compare)
	now.MeshUID, now.Generation = c.w.mesh.UID, c.w.generation
	now.Findings = slices.CompactFunc(found, func(a, b resource.Finding) bool { return a == b })
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
// stays, and is tried again with the next sweep: a deregistration takes a while. It is the last that a pass does, and
// writes all that the pass found.
func (c *changes) release(ctx context.Context) error {
	before, err := c.registration(ctx)
	if err != nil {
		return err
	}
	now := before
	now.Services = nil
	wanted := c.w.services()
	var errs []error
	for _, service := range before.Services {
		if !slices.Contains(wanted, service) {
			gone, err := c.giveUp(ctx, service)
			if errs = append(errs, err); gone {
				continue
			}
		}
		now.Services = append(now.Services, service)
	}
	return errors.Join(append(errs, c.report(ctx, before, now, c.found))...)
}

// giveUp has the directory give a service up, which nobody names: a refusal is a finding of the mesh.
func (c *changes) giveUp(ctx context.Context, service endpoint.ServiceKey) (gone bool, err error) {
	if c.Directory == nil {
		return false, nil
	}
	gone, err = c.Directory.Release(ctx, c.w.mesh.UID, service)
	if refusal := endpoint.RefusalOf(err); refusal != nil {
		c.Logger.Warn("a service can't be taken back", "mesh", c.w.mesh.UID, "service", service.Service, "namespace", service.Namespace, "err", err)
		c.noteMesh(refusal)
		return false, nil
	}
	return gone && err == nil, err
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
	return errors.Join(err, c.report(ctx, before, now, before.Findings), c.unbind(ctx, nil), c.tell(ctx), c.release(ctx))
}
