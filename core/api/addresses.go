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
	m, err := c.mesh(c.ctx)
	if err != nil {
		return nil, err
	}
	proxy, err := c.item(c.ctx, m)
	if err != nil {
		return nil, err
	}
	var fault error
	get := func(k resource.Key) (resource.Resource, bool) {
		r, found, err := c.lookUp(c.ctx, m, k)
		fault = errors.Join(fault, err)
		return r.Resource, found
	}
	fills := graph.Addresses(get, artifact.ProxyKey(proxy.Key.String()))
	if fault != nil {
		return nil, fault
	}
	return object{"addresses": orEmpty(fills)}, nil
}
