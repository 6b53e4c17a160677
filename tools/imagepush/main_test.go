package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/ownmesh/ownmesh/internal/image"
)

// server is a registry that wants a password.
func server(t *testing.T) (host string) {
	t.Helper()
	inner := registry.New()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "AWS" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// TestWhatCDKAsks runs the commands in CDK's order, each in a process's place.
func TestWhatCDKAsks(t *testing.T) {
	img, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	tag, err := name.NewTag("ownmesh/relay:1234")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(file, tag, img); err != nil {
		t.Fatal(err)
	}
	registry, state := server(t), t.TempDir()
	to := registry + "/assets:abc"
	for _, c := range []struct {
		args  string
		stdin string
		want  string
	}{
		{"login --username AWS --password-stdin http://" + registry + "/", "secret", ""},
		{"load -i " + file, "", "Loaded image: ownmesh/relay:1234\n"},
		{"tag ownmesh/relay:1234 " + to, "", ""},
		{"--config /nowhere push " + to, "", to + ": sha256:"},
	} {
		var out bytes.Buffer
		if err := run(state, strings.Fields(c.args), strings.NewReader(c.stdin), &out); err != nil {
			t.Fatalf("%s: %v", c.args, err)
		}
		if !strings.HasPrefix(out.String(), c.want) {
			t.Errorf("%s: printed %q, want %q", c.args, out.String(), c.want)
		}
	}
	reference, err := name.ParseReference(to)
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := remote.Image(reference, remote.WithAuth(&authn.Basic{Username: "AWS", Password: "secret"}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := pushed.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if want, err := img.ConfigName(); err != nil || got != want {
		t.Errorf("pushed %v, want %v (%v)", got, want, err)
	}
	if info, err := os.Stat(filepath.Join(state, "state.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the password's file: %v, %v", info, err)
	}
}

// TestCopy: what `make images` writes arrives under the digest that it printed, every architecture of it.
func TestCopy(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "x")
	platform := func(arch string) image.Platform {
		return image.Platform{Arch: arch, Layers: [][]image.File{{{Path: "x", Mode: 0o644, Content: []byte(arch)}}}}
	}
	digest, err := image.Write(folder, image.Image{Name: "x", UID: 1337, Entrypoint: []string{"/x"}, Platforms: []image.Platform{platform("amd64"), platform("arm64")}})
	if err != nil {
		t.Fatal(err)
	}
	registry, state := server(t), t.TempDir()
	to := registry + "/x:1"
	var out bytes.Buffer
	if err := run(state, strings.Fields("login --username AWS --password-stdin "+registry), strings.NewReader("secret"), &out); err != nil {
		t.Fatal(err)
	}
	if err := run(state, []string{"copy", folder, to}, nil, &out); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), to+": "+digest+"\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	reference, err := name.ParseReference(to)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(reference, remote.WithAuth(&authn.Basic{Username: "AWS", Password: "secret"}))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := index.IndexManifest(); err != nil || len(m.Manifests) != 2 {
		t.Errorf("arrived as %+v, %v", m, err)
	}
}

func TestWhatItRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"":                      "name a command",
		"build .":               `"build" is nothing that it does`,
		"tag a b":               "no image a was loaded",
		"push registry.local/a": "no image registry.local/a was loaded or tagged",
		"load -i /nowhere.tar":  "/nowhere.tar",
		"login me":              "want --username",
		"copy /nowhere a":       "run `make images`?",
	} {
		err := run(t.TempDir(), strings.Fields(args), strings.NewReader(""), &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", args, err, want)
		}
	}
}
