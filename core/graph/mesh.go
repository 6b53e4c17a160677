package graph

import "github.com/ownmesh/ownmesh/core/resource"

// Mesh is what a mesh says for all of its members.
type Mesh struct {
	Name     string
	AllowAll bool // connections to unknown destinations pass
	IP       IPPreference
}

// ReadMesh reads a mesh.
func ReadMesh(r resource.Resource) (Mesh, []resource.Finding) {
	n := &Notes{Key: r.Key}
	spec := decode[resource.MeshSpec](r, n)
	m := Mesh{Name: r.Name}
	if spec.EgressFilter != nil {
		m.AllowAll = spec.EgressFilter.Type == "ALLOW_ALL"
	}
	if spec.ServiceDiscovery != nil {
		m.IP = IPPreference(spec.ServiceDiscovery.IPPreference)
	}
	return m, n.Found
}
