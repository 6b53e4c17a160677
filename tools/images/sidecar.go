package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ownmesh/ownmesh/internal/image"
)

// uid is who Envoy runs as: the one that App Mesh's proxyConfiguration leaves alone (IgnoredUID).
const uid = 1337

// system says how Linux's architectures are called elsewhere, and where their programs look for the loader.
var system = map[string]struct{ triplet, loader, loaderAt string }{
	"amd64": {"x86_64-linux-gnu", "ld-linux-x86-64.so.2", "lib64"},
	"arm64": {"aarch64-linux-gnu", "ld-linux-aarch64.so.1", "lib"},
}

// libraries are all that Envoy is linked with.
var libraries = []string{"libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"}

// sidecar is Envoy, the sidecar program, and what these two need: the C library, authorities of the web, an account.
func sidecar(s source) (image.Image, error) {
	i := image.Image{
		Name: "sidecar", UID: uid,
		Entrypoint: []string{"/usr/local/bin/sidecar"},
		Env:        []string{"PATH=/usr/local/bin"},
		Labels:     s.labels("sidecar", "Envoy as a sidecar or gateway of an Ownmesh mesh"),
	}
	for _, arch := range s.arch {
		base, err := s.base(arch)
		if err != nil {
			return i, fmt.Errorf("image sidecar for %s: %w; tools/image-parts.sh fetches the parts", arch, err)
		}
		i.Platforms = append(i.Platforms, image.Platform{Arch: arch, Layers: [][]image.File{
			base,
			{{Path: "usr/local/bin/envoy", Mode: 0o755, Source: filepath.Join(s.parts, arch, "wheel/envoy/_bin/envoy")}},
			{s.program(arch, "sidecar", "usr/local/bin/sidecar")},
		}})
	}
	return i, nil
}

// base is all but the programs.
func (s source) base(arch string) ([]image.File, error) {
	sys, ok := system[arch]
	if !ok {
		return nil, fmt.Errorf("architecture %q must be amd64 or arm64", arch)
	}
	root := filepath.Join(s.parts, arch, "root")
	authorities, err := bundle(filepath.Join(root, "usr/share/ca-certificates/mozilla"))
	if err != nil {
		return nil, err
	}
	text := func(path, content string) image.File {
		return image.File{Path: path, Mode: 0o644, Content: []byte(content)}
	}
	files := []image.File{
		text("etc/passwd", "root:x:0:0:root:/:/sbin/nologin\nenvoy:x:1337:1337:envoy:/tmp:/sbin/nologin\n"),
		text("etc/group", "root:x:0:\nenvoy:x:1337:\n"),
		text("etc/nsswitch.conf", "hosts: files dns\n"),
		{Path: "etc/ssl/certs/ca-certificates.crt", Mode: 0o644, Content: authorities},
		{Path: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Path: "run/ownmesh", Mode: fs.ModeDir | 0o700, UID: uid},
		{Path: filepath.Join(sys.loaderAt, sys.loader), Mode: fs.ModeSymlink, Target: "/lib/" + sys.triplet + "/" + sys.loader},
	}
	for _, name := range append([]string{sys.loader}, libraries...) {
		at := "lib/" + sys.triplet + "/" + name
		files = append(files, image.File{Path: at, Mode: 0o755, Source: filepath.Join(root, at)})
	}
	for _, name := range []string{"libc6", "ca-certificates"} {
		at := "usr/share/doc/" + name + "/copyright"
		files = append(files, image.File{Path: at, Mode: 0o644, Source: filepath.Join(root, at)})
	}
	return files, nil
}

// bundle is all certificates of a folder in one file, as most programs want them.
func bundle(folder string) ([]byte, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.crt")) // sorted
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no certificates in %s", folder)
	}
	var all bytes.Buffer
	for _, p := range paths {
		one, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		all.Write(bytes.TrimSpace(one))
		all.WriteByte('\n')
	}
	return all.Bytes(), nil
}
