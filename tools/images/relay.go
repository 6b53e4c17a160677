package main

import (
	"io/fs"
	"path/filepath"

	"github.com/ownmesh/ownmesh/internal/image"
)

// relay is the relay program, and the authorities of the web that it knows AWS by.
func relay(s source) (image.Image, error) {
	i := image.Image{
		Name: "relay", UID: 65532,
		Entrypoint: []string{"/relay"},
		// In a container all of its network is its own; the relay refuses to serve it without TLS and tokens.
		Env:    []string{"OWNMESH_XDS=0.0.0.0:15010", "OWNMESH_CACHE=/var/cache/ownmesh"},
		Ports:  []int{15010},
		Labels: s.labels("relay", "serves an Ownmesh mesh's configuration to Envoys"),
	}
	for _, arch := range s.arch {
		authorities, err := bundle(filepath.Join(s.parts, arch, "root/usr/share/ca-certificates/mozilla"))
		if err != nil {
			return i, err
		}
		i.Platforms = append(i.Platforms, image.Platform{Arch: arch, Layers: [][]image.File{
			{
				{Path: "etc/ssl/certs/ca-certificates.crt", Mode: 0o644, Content: authorities},
				{Path: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
				{Path: "var/cache/ownmesh", Mode: fs.ModeDir | 0o700, UID: i.UID},
			},
			{s.program(arch, "xdsrelay", "relay")},
		}})
	}
	return i, nil
}
