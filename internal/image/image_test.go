package image_test

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/ownmesh/ownmesh/internal/image"
)

func example(source string) image.Image {
	layers := [][]image.File{
		{{Path: "etc/hello", Mode: 0o644, Content: []byte("hello")}, {Path: "lib", Mode: fs.ModeSymlink, Target: "usr/lib"}},
		{{Path: "bin/app", Mode: 0o755, Source: source}, {Path: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777}, {Path: "cache", Mode: fs.ModeDir | 0o700, UID: 1337}},
	}
	return image.Image{
		Name: "app", UID: 1337, Entrypoint: []string{"/bin/app"}, Ports: []int{8080}, Labels: map[string]string{"b": "2", "a": "1"},
		Platforms: []image.Platform{{Arch: "amd64", Layers: layers}, {Arch: "arm64", Layers: layers}},
	}
}

// The same files give the same bytes wherever they lie, and what comes out is a layout that tools read.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	var digests []string
	for _, name := range []string{"one", "two"} {
		source := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(source, []byte("program"), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second takes the first's place
			digest, err := image.Write(filepath.Join(dir, name), example(source))
			if err != nil {
				t.Fatal(err)
			}
			digests = append(digests, digest)
		}
	}
	for _, d := range digests {
		if d != digests[0] || !strings.HasPrefix(d, "sha256:") {
			t.Errorf("digests are %q, want one", digests)
		}
	}
	outer, err := layout.ImageIndexFromPath(filepath.Join(dir, "one"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := outer.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].Digest.String() != digests[0] {
		t.Fatalf("the layout holds %+v", manifest.Manifests)
	}
	index, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	inner, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for n, arch := range []string{"amd64", "arm64"} {
		if got := inner.Manifests[n].Platform; got.Architecture != arch || got.OS != "linux" {
			t.Errorf("platform %d is %v", n, got)
		}
		img, err := index.Image(inner.Manifests[n].Digest)
		if err != nil {
			t.Fatal(err)
		}
		check(t, img, arch)
	}
}

func check(t *testing.T, img v1.Image, arch string) {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Architecture != arch || config.Config.User != "1337:1337" || !config.Created.IsZero() {
		t.Errorf("its config is %+v", config)
	}
	got, contents := map[string]string{}, mutate.Extract(img)
	defer contents.Close()
	r := tar.NewReader(contents)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = h.FileInfo().Mode().String() + " " + h.Linkname + string(text)
		if h.Name == "cache" && h.Uid != 1337 {
			t.Errorf("cache belongs to %d", h.Uid)
		}
	}
	want := map[string]string{
		"bin": "drwxr-xr-x ", "bin/app": "-rwxr-xr-x program", "cache": "drwx------ ", "etc": "drwxr-xr-x ",
		"etc/hello": "-rw-r--r-- hello", "lib": "Lrwxrwxrwx usr/lib", "tmp": "dtrwxrwxrwx ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWriteRefuses(t *testing.T) {
	with := func(files ...image.File) image.Image {
		return image.Image{Name: "app", UID: 1, Platforms: []image.Platform{{Arch: "arm64", Layers: [][]image.File{files}}}}
	}
	for name, test := range map[string]struct {
		image image.Image
		want  string
	}{
		"root":          {image.Image{Name: "app"}, "must not run as root"},
		"absolute":      {with(image.File{Path: "/bin/app"}), "begin without a slash"},
		"above":         {with(image.File{Path: "../app"}), "begin without a slash"},
		"twice":         {with(image.File{Path: "a"}, image.File{Path: "a"}), "given twice"},
		"in a file":     {with(image.File{Path: "a"}, image.File{Path: "a/b"}), "no folder"},
		"no source":     {with(image.File{Path: "a", Source: "/none"}), "no such file"},
		"a device file": {with(image.File{Path: "a", Mode: fs.ModeDevice}), "none of a file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := image.Write(filepath.Join(t.TempDir(), "x"), test.image); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
