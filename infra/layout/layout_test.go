package layout_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/infra/layout"
)

// write makes an OCI layout of one image for arm64, with its index in an index.
func write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	digest := func(d string) string { return strings.Repeat(d, 64) }
	for name, content := range map[string]string{
		"index.json":                  `{"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:` + digest("1") + `"}]}`,
		"blobs/sha256/" + digest("1"): `{"manifests":[{"digest":"sha256:` + digest("2") + `","platform":{"architecture":"arm64"}}]}`,
		"blobs/sha256/" + digest("2"): `{"config":{"digest":"sha256:` + digest("3") + `"},"layers":[{"digest":"sha256:` + digest("4") + `"}]}`,
		"blobs/sha256/" + digest("3"): `config`,
		"blobs/sha256/" + digest("4"): `layer`,
		"blobs/sha256/" + digest("5"): `of another architecture`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestALayoutBecomesWhatDockerLoads(t *testing.T) {
	to := filepath.Join(t.TempDir(), "x.tar")
	var first []byte
	dir := write(t)
	for range 2 {
		if err := layout.Pack(dir, "arm64", "ownmesh/relay", to); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, data) {
			t.Error("the same layout became other bytes")
		}
		first = data
	}
	found := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(first)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		found[h.Name] = string(data)
	}
	config, layer := "blobs/sha256/"+strings.Repeat("3", 64), "blobs/sha256/"+strings.Repeat("4", 64)
	want := `[{"Config":"` + config + `","Layers":["` + layer + `"],"RepoTags":["ownmesh/relay:222222222222"]}]`
	if found["manifest.json"] != want || found[config] != "config" || found[layer] != "layer" || len(found) != 3 {
		t.Errorf("holds %v", found)
	}
}

func TestALayoutWithoutTheArchitectureIsRefused(t *testing.T) {
	err := layout.Pack(write(t), "riscv64", "x", filepath.Join(t.TempDir(), "x.tar"))
	if err == nil || !strings.Contains(err.Error(), "no image for riscv64") {
		t.Errorf("got %v", err)
	}
}
