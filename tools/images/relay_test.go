package main

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/internal/image"
)

// The relay's image is the same twice, built in two places, and holds a relay that runs: not as root, and with what it
// listens on and caches in set.
func TestRelayImage(t *testing.T) {
	t.Parallel()
	root := envoybin.Root()
	parts := filepath.Join(root, ".tools/image")
	if _, err := os.Stat(parts); err != nil {
		t.Fatal("no parts of images: run `make tools-image`")
	}
	var digests []string
	var folder string
	for range 2 {
		s := source{programs: t.TempDir(), parts: parts, arch: []string{"amd64", "arm64"}, version: "1.2.3"}
		for _, arch := range s.arch {
			build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version=1.2.3", "-o", filepath.Join(s.programs, arch, "xdsrelay"), "./xdsrelay")
			build.Dir, build.Env = root, append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0", "GOARCH="+arch)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		i, err := relay(s)
		if err != nil {
			t.Fatal(err)
		}
		folder = filepath.Join(t.TempDir(), "relay")
		digest, err := image.Write(folder, i)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	if digests[0] != digests[1] {
		t.Errorf("two builds gave %q", digests)
	}
	img := platform(t, folder, runtime.GOARCH)
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Config; c.User != "65532:65532" || c.Entrypoint[0] != "/relay" || strings.Join(c.Env, " ") != "OWNMESH_XDS=0.0.0.0:15010 OWNMESH_CACHE=/var/cache/ownmesh" ||
		c.Labels["org.opencontainers.image.version"] != "1.2.3" {
		t.Errorf("its config is %+v", c)
	}
	program := filepath.Join(t.TempDir(), "relay")
	if !extract(t, img, "relay", program) {
		t.Fatal("there is no relay in it")
	}
	if out, err := exec.Command(program, "version").CombinedOutput(); err != nil || string(out) != "xdsrelay 1.2.3\n" {
		t.Errorf("it says %q, %v", out, err)
	}
}

func platform(t *testing.T, folder, arch string) v1.Image {
	t.Helper()
	outer, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	of, err := outer.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	index, err := outer.ImageIndex(of.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range inner.Manifests {
		if m.Platform.Architecture == arch {
			img, err := index.Image(m.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return img
		}
	}
	t.Fatalf("there is no image for %s", arch)
	return nil
}

// extract writes one file of an image to disk.
func extract(t *testing.T, img v1.Image, name, to string) bool {
	t.Helper()
	contents := mutate.Extract(img)
	defer contents.Close()
	for r := tar.NewReader(contents); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name != name {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o755); err != nil {
			t.Fatal(err)
		}
		return true
	}
}
