package graph

import "github.com/ownmesh/ownmesh/core/resource"

// WholeMesh is the scope of an interception that names no proxy.
const WholeMesh = ""

// InterceptionScope is what an interception is for: WholeMesh, or a proxy's key as text (virtualNode/cart). It never
// fails: a spec that can't be read is for the whole mesh.
func InterceptionScope(r resource.Resource) string {
	spec, _ := resource.Decode[resource.InterceptionSpec](r.Spec) // ReadInterception reports what can't be read
	switch {
	case spec.VirtualNode != "":
		return resource.Key{Kind: resource.KindVirtualNode, Name: spec.VirtualNode}.String()
	case spec.VirtualGateway != "":
		return resource.Key{Kind: resource.KindVirtualGateway, Name: spec.VirtualGateway}.String()
	}
	return WholeMesh
}

// ReadInterception reads an interception. siblings are the names of all that are for the same scope, itself included,
// ascending: the first counts. exists reports whether the proxy that it names is there.
func ReadInterception(r resource.Resource, siblings []string, exists bool) (resource.InterceptionMode, []resource.Finding) {
	n := &Notes{Key: r.Key}
	spec := decode[resource.InterceptionSpec](r, n)
	switch spec.Mode {
	case resource.Transparent, resource.Explicit:
	default:
		n.add("mode-unknown", "spec.mode", quoted("the mode %s is neither transparent nor explicit: transparent is used", string(spec.Mode)), "use one of them")
		spec.Mode = resource.Transparent
	}
	if !exists {
		n.add("interception-target-missing", "spec", "the proxy that this is for does not exist: it has no effect", "create the virtual node or gateway, or name another")
	}
	if len(siblings) > 1 && siblings[0] != r.Name {
		n.add("interception-duplicate", "spec", quoted("interception %s is for the same: that one counts", siblings[0]), "remove one of them")
	}
	return spec.Mode, n.Found
}
