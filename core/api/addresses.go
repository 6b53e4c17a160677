package api

import (
	"errors"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// getAddresses says which local addresses a sidecar of a virtual node or gateway needs for explicit interception. It
// reads only the resources that the proxy's own names lead to.
func getAddresses(c *call) (any, error) {
	if err := refuse(c.params()); err != nil {
		return nil, err
	}
	p, err := c.startingProxy()
	if err != nil {
		return nil, err
	}
	key := artifact.ProxyKey(c.itemKey().String())
	if p.published != nil {
		return object{"addresses": orEmpty(publishedAddresses(p.published, key))}, nil
	}
	var fault error
	get := func(k resource.Key) (resource.Resource, bool) {
		r, found, err := c.lookUp(c.ctx, p.mesh, k)
		fault = errors.Join(fault, err)
		return r.Resource, found
	}
	fills := graph.Addresses(get, key)
	if fault != nil {
		return nil, fault
	}
	return object{"addresses": orEmpty(fills)}, nil
}
