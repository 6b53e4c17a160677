package main

import "github.com/ownmesh/ownmesh/internal/image"

// ordering is the example application: one program, which the first argument makes one of its services.
func ordering(s source) (image.Image, error) {
	i := image.Image{
		Name: "ordering", UID: 65532,
		Entrypoint: []string{"/ordering"},
		Ports:      []int{8080},
		Labels:     s.labels("ordering", "the example application of Ownmesh"),
	}
	for _, arch := range s.arch {
		i.Platforms = append(i.Platforms, image.Platform{Arch: arch, Layers: [][]image.File{{s.program(arch, "services", "ordering")}}})
	}
	return i, nil
}
