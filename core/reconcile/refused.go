package reconcile

import (
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
)

// This file: what those outside refuse. It never ends more than what was refused.

// call is what was asked of the directory about a service.
type call struct {
	service endpoint.ServiceKey
	kind    callKind
}

type callKind int

const (
	callEnsure callKind = iota
	callRead
	callPublish
	callWithdraw
)

// refusedBefore tells whether this pass was refused the like already.
func (c *changes) refusedBefore(what call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused[what]
}

// allow makes a refusal a finding of the nodes that name the service, and gives back any other error. So a refusal ends
// nothing but what was refused: the next sweep tries again, and until then nobody waits for it.
func (c *changes) allow(what call, err error) error {
	refusal := endpoint.RefusalOf(err)
	if refusal == nil {
		return err
	}
	c.Logger.Warn("refused outside, and left to the next sweep", "mesh", c.w.mesh.UID, "service", what.service.Service, "namespace", what.service.Namespace, "err", err)
	for key, n := range c.w.nodes {
		if n.service == what.service {
			c.note(key.Kind, key.Name, "spec.serviceDiscovery.awsCloudMap", refusal.Code, refusal.Message, refusal.Hint)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// Of instances, one may be refused and the next one not, unless nobody may.
	c.refused[what] = refusal.Kind == endpoint.Denied || what.kind != callPublish && what.kind != callWithdraw
	return nil
}

// allowBinding makes a refusal a finding of the binding, and gives back any other error.
func (c *changes) allowBinding(b binding, err error) error {
	refusal := endpoint.RefusalOf(err)
	if refusal == nil {
		return err
	}
	c.note(resource.KindTaskBinding, b.name, "spec", refusal.Code, refusal.Message, refusal.Hint)
	return nil
}

// noteMesh makes a refusal a finding of the mesh, as no resource asks for what was refused.
func (c *changes) noteMesh(refusal *endpoint.RefusalError) {
	c.note(resource.KindMesh, c.w.mesh.Name, "spec", refusal.Code, refusal.Message, refusal.Hint)
}

// isMissing tells of an error whether it says that what was asked for is not there.
func isMissing(err error) bool {
	refusal := endpoint.RefusalOf(err)
	return refusal != nil && refusal.Kind == endpoint.Missing
}
