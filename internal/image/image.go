// Package image writes container images as OCI layouts, without a container engine: what is in it is given file by
// file, for each platform, and the same files give the same digest on every machine.
//
// It never pulls a base image, runs anything, or records who built an image, where or when. Start with Write.
package image

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image is what one image is, for all its platforms.
type Image struct {
	Name       string // the layout's org.opencontainers.image.ref.name: relay
	UID        int    // who runs in it; 0 is refused
	Entrypoint []string
	Cmd        []string
	Env        []string // NAME=value
	Ports      []int    // TCP ports that it listens on
	Labels     map[string]string
	StopSignal string // "" is SIGTERM
	WorkDir    string // "" is /
	Platforms  []Platform
}

// Platform is what an image holds for one architecture. Layers that change seldom come first: registries keep each once.
type Platform struct {
	Arch   string // amd64 or arm64, of Linux
	Layers [][]File
}

// Write writes an image to a folder as an OCI layout, in place of what was there, and gives the digest of its index:
// "sha256:…". Tools take the folder as it is: skopeo copy oci:FOLDER, crane push FOLDER.
func Write(folder string, i Image) (digest string, err error) {
	if i.UID <= 0 {
		return "", fmt.Errorf("image %s: it must not run as root: give it a uid", i.Name)
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range i.Platforms {
		img, err := i.build(p)
		if err != nil {
			return "", fmt.Errorf("image %s for %s: %w", i.Name, p.Arch, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: p.Arch}},
		})
	}
	hash, err := index.Digest()
	if err != nil {
		return "", fmt.Errorf("image %s: %w", i.Name, err)
	}
	if err := replaceLayout(folder, i.Name, index); err != nil {
		return "", fmt.Errorf("write image %s: %w", i.Name, err)
	}
	return hash.String(), nil
}

// replaceLayout writes the layout beside its place first: half of one is never seen.
func replaceLayout(folder, name string, index v1.ImageIndex) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(folder), "."+filepath.Base(folder)+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	l, err := layout.Write(fresh, empty.Index)
	if err != nil {
		return err
	}
	if err := l.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": name})); err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	return os.Rename(fresh, folder)
}

func (i Image) build(p Platform) (v1.Image, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for n, files := range p.Layers {
		layer, err := newLayer(files)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", n, err)
		}
		if img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: types.OCILayer}); err != nil {
			return nil, fmt.Errorf("layer %d: %w", n, err)
		}
	}
	old, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config := old.DeepCopy()
	config.OS, config.Architecture = "linux", p.Arch
	user := strconv.Itoa(i.UID)
	config.Config = v1.Config{
		User: user + ":" + user, Entrypoint: i.Entrypoint, Cmd: i.Cmd, Env: i.Env, Labels: i.Labels,
		StopSignal: i.StopSignal, WorkingDir: i.WorkDir, ExposedPorts: map[string]struct{}{},
	}
	for _, port := range i.Ports {
		config.Config.ExposedPorts[strconv.Itoa(port)+"/tcp"] = struct{}{}
	}
	return mutate.ConfigFile(img, config)
}
