package compile

import (
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// This file: the passes that look at one resource alone.

// get reads a unit's value as what its pass makes; the zero value for an absent thing.
func get[T any](j *job, p passNo, a, b string, port int) T {
	v, _ := j.read(unitID{pass: p, a: a, b: b, port: port}).(T)
	return v
}

// one runs a reader over a resource; nil if there is none.
func one[T any](j *job, k resource.Key, read func(resource.Resource) (T, []resource.Finding)) any {
	r, ok := j.resource(k)
	if !ok {
		return nil
	}
	v, found := read(r)
	j.note(found)
	return v
}

func readMesh(j *job, _ unitID) any { return one(j, j.memo.mesh, graph.ReadMesh) }

func readNode(j *job, id unitID) any {
	return one(j, resource.Key{Kind: resource.KindVirtualNode, Name: id.a}, graph.ReadNode)
}

func readRouter(j *job, id unitID) any {
	return one(j, resource.Key{Kind: resource.KindVirtualRouter, Name: id.a}, graph.ReadRouter)
}

func readRoute(j *job, id unitID) any {
	return one(j, resource.Key{Kind: resource.KindRoute, Parent: id.a, Name: id.b}, graph.ReadRoute)
}

func readService(j *job, id unitID) any {
	return one(j, resource.Key{Kind: resource.KindVirtualService, Name: id.a}, graph.ReadService)
}

func readGateway(j *job, id unitID) any {
	return one(j, resource.Key{Kind: resource.KindVirtualGateway, Name: id.a}, graph.ReadGateway)
}

func readGatewayRoute(j *job, id unitID) any {
	return one(j, resource.Key{Kind: resource.KindGatewayRoute, Parent: id.a, Name: id.b}, graph.ReadGatewayRoute)
}

func (j *job) meshSpec() graph.Mesh { return get[graph.Mesh](j, pMesh, "", "", 0) }

func (j *job) node(name string) *graph.Node { return get[*graph.Node](j, pNode, name, "", 0) }

func (j *job) gateway(name string) *graph.Gateway {
	return get[*graph.Gateway](j, pGateway, name, "", 0)
}

func nodePorts(j *job, id unitID) any {
	if n := j.node(id.a); n != nil {
		return n.Ports()
	}
	return nil
}

func serves(j *job, id unitID) any {
	if n := j.node(id.a); n != nil {
		s, found := n.Serves(j.meshSpec(), j.material)
		j.note(found)
		return s
	}
	return nil
}

func calls(j *job, id unitID) any {
	if n := j.node(id.a); n != nil {
		return n.Calls(j.meshSpec())
	}
	return nil
}

func offer(j *job, id unitID) any {
	if n := j.node(id.a); n != nil {
		if o, ok := n.Offer(j.meshSpec(), id.port); ok {
			return o
		}
	}
	return nil
}

func requestLimit(j *job, id unitID) any {
	if n := j.node(id.a); n != nil {
		return n.RequestLimit(id.port)
	}
	return graph.Duration{}
}

// Service, NodePorts and RouterPorts make a job the World that graph resolves in.

func (j *job) Service(name string) *graph.Service {
	return get[*graph.Service](j, pService, name, "", 0)
}

func (j *job) NodePorts(node string) graph.Ports { return get[graph.Ports](j, pNodePorts, node, "", 0) }

func (j *job) RouterPorts(router string) graph.Ports {
	return get[graph.Ports](j, pRouter, router, "", 0)
}

// scope is the mode that interceptions set for a scope; "" if there are none.
func scope(j *job, id unitID) any {
	names := j.names(resource.KindInterception, id.a)
	if len(names) == 0 {
		return resource.InterceptionMode("")
	}
	r, ok := j.resource(resource.Key{Kind: resource.KindInterception, Name: names[0]})
	if !ok {
		return resource.InterceptionMode("")
	}
	mode, _ := graph.ReadInterception(r, names, true) // pInterception notes the findings
	return mode
}

// mode reports whether a proxy takes connections explicitly.
func mode(j *job, id unitID) any {
	for _, of := range []string{id.a, graph.WholeMesh} {
		if m := get[resource.InterceptionMode](j, pScope, of, "", 0); m != "" {
			return m == resource.Explicit
		}
	}
	return j.memo.Interception == resource.Explicit
}

// interception checks an interception against what it names.
func interception(j *job, id unitID) any {
	r, ok := j.resource(resource.Key{Kind: resource.KindInterception, Name: id.a})
	if !ok {
		return nil
	}
	exists := true
	of := graph.InterceptionScope(r)
	if spec, err := resource.Decode[resource.InterceptionSpec](r.Spec); err == nil {
		switch {
		case spec.VirtualNode != "":
			exists = j.NodePorts(spec.VirtualNode) != nil
		case spec.VirtualGateway != "":
			exists = j.gateway(spec.VirtualGateway) != nil
		}
	}
	_, found := graph.ReadInterception(r, j.names(resource.KindInterception, of), exists)
	j.note(found)
	return nil
}
