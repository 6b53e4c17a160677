package compile

import (
	"slices"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// input shows what setInput was given; nil for nothing.
func input(j *job, id unitID) any { return j.memo.inputs[id] }

// resourceUnit is the input that is a resource.
func resourceUnit(k resource.Key) unitID {
	return unitID{pass: pResource, a: string(k.Kind) + "/" + k.Parent, b: k.Name}
}

// stored is a resource as far as compiling depends on it: not on its version, nor on when it changed.
func stored(r resource.Resource) resource.Resource {
	return resource.Resource{Key: r.Key, UID: r.UID, Spec: r.Spec}
}

// resource reads a resource; false if there is none.
func (j *job) resource(k resource.Key) (resource.Resource, bool) {
	r, ok := j.read(resourceUnit(k)).(resource.Resource)
	return r, ok
}

// names reads the names of a kind's resources below a parent, ascending.
func (j *job) names(kind resource.Kind, parent string) []string {
	names, _ := j.read(unitID{pass: pNames, a: string(kind), b: parent}).([]string)
	return names
}

// put changes the resource at a key; nil removes it. What concerns the registry of instances alone changes no proxy.
func (c *Compiled) put(k resource.Key, r *resource.Resource) {
	if k.Kind == resource.KindTaskBinding || k.Kind == resource.KindResolvableName {
		return
	}
	before, had := c.memo.inputs[resourceUnit(k)].(resource.Resource)
	if had && k.Kind == resource.KindInterception {
		c.rename(k.Kind, graph.InterceptionScope(before), k.Name, false)
	}
	if r == nil {
		c.memo.setInput(resourceUnit(k), nil)
	} else {
		c.memo.setInput(resourceUnit(k), stored(*r))
	}
	switch k.Kind {
	case resource.KindRoute, resource.KindGatewayRoute, resource.KindVirtualService:
		c.rename(k.Kind, k.Parent, k.Name, r != nil)
	case resource.KindInterception:
		if r != nil {
			c.rename(k.Kind, graph.InterceptionScope(*r), k.Name, true)
		}
	}
	if r != nil {
		c.wanted[k] = struct{}{}
	} else {
		delete(c.wanted, k)
		c.memo.unwant(root(k))
	}
}

// rename adds a name below a parent, or takes it away.
func (c *Compiled) rename(kind resource.Kind, parent, name string, there bool) {
	id := unitID{pass: pNames, a: string(kind), b: parent}
	names, _ := c.memo.inputs[id].([]string)
	i, found := slices.BinarySearch(names, name)
	if found == there {
		return
	}
	names = slices.Clone(names)
	if there {
		names = slices.Insert(names, i, name)
	} else {
		names = slices.Delete(names, i, i+1)
	}
	if len(names) == 0 {
		c.memo.setInput(id, nil)
		return
	}
	c.memo.setInput(id, names)
}

// root is the unit that is wanted because a resource exists, whoever uses it.
func root(k resource.Key) unitID {
	switch k.Kind {
	case resource.KindVirtualNode, resource.KindVirtualGateway:
		return unitID{pass: pProxy, a: string(proxyKey(k))}
	case resource.KindVirtualRouter:
		return unitID{pass: pTables, a: k.Name}
	case resource.KindRoute:
		return unitID{pass: pBound, a: k.Parent, b: k.Name}
	case resource.KindVirtualService:
		return unitID{pass: pCheckService, a: k.Name}
	case resource.KindGatewayRoute:
		return unitID{pass: pBoundGateway, a: k.Parent, b: k.Name}
	case resource.KindInterception:
		return unitID{pass: pInterception, a: k.Name}
	}
	return unitID{pass: pMesh}
}

func proxyKey(k resource.Key) artifact.ProxyKey { return artifact.ProxyKey(k.String()) }
