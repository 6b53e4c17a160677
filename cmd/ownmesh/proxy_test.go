package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/core/api"
	"github.com/ownmesh/ownmesh/internal/sigv4/verify"
)

// transcript is a buffer that may be written and read at the same time.
type transcript struct {
	mu sync.Mutex
	b  strings.Builder
}

func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(b)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// command runs a command in this process.
func command(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var b transcript
	code = run(t.Context(), args, strings.NewReader(""), &b, &b)
	return code, b.String()
}

// An API that wants signatures is reached by the CLI itself, and by way of `ownmesh proxy`.
func TestAnAPIThatWantsSignatures(t *testing.T) {
	dir := t.TempDir()
	for name, value := range map[string]string{
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": filepath.Join(dir, "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "none"),
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "good", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session",
	} {
		t.Setenv(name, value)
	}
	s, err := bolt.Open(filepath.Join(dir, "mesh.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := bolt.OpenRegistry(filepath.Join(dir, "instances.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), registry.Close()); err != nil {
			t.Error(err)
		}
	})
	g := &verify.Gateway{Stage: "/prod", Region: "eu-west-1", Next: api.New(api.Options{
		Store: s, Registry: registry, Now: time.Now, NewID: uuid.NewString, Account: "123456789012", Region: "eu-west-1", Version: "v1.2.3",
	})}
	g.Allow("good", verify.Key{Secret: "secret", Session: "session"})
	gateway := httptest.NewServer(g)
	t.Cleanup(gateway.Close)

	if code, out := command(t, "version", "--sign", "--endpoint", gateway.URL+"/prod"); code != exitOK || !strings.Contains(out, "v1.2.3") {
		t.Errorf("signed by the CLI: %d, %s", code, out)
	}
	if code, out := command(t, "get", "meshes", "--endpoint", gateway.URL+"/prod"); code != exitRefused || !strings.Contains(out, "Missing Authentication Token") {
		t.Errorf("unsigned: %d, %s", code, out)
	}
	if code, out := command(t, "get", "meshes", "--sign", "--endpoint", gateway.URL); code != exitRefused || !strings.Contains(out, "must end with the stage") {
		t.Errorf("without its stage: %d, %s", code, out)
	}

	ctx, stop := context.WithCancel(t.Context())
	var said, hints transcript
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"proxy", "--api", gateway.URL + "/prod", "--listen", "127.0.0.1:0"}, strings.NewReader(""), &said, &hints)
	}()
	ready := regexp.MustCompile(`(?m)^ready proxy=(\S+) api=\S+/prod region=eu-west-1$`)
	for end := time.Now().Add(20 * time.Second); !ready.MatchString(said.String()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the proxy is not ready: %s", said.String())
		}
	}
	address := ready.FindStringSubmatch(said.String())[1]
	if code, out := command(t, "version", "--endpoint", address); code != exitOK || !strings.Contains(out, "v1.2.3") {
		t.Errorf("by way of the proxy: %d, %s", code, out)
	}
	if code, out := command(t, "proxy", "--api", gateway.URL+"/prod", "--listen", strings.TrimPrefix(address, "http://")); code != exitFailure || !strings.Contains(out, "port 0 picks a free one") {
		t.Errorf("a second one at the same address: %d, %s", code, out)
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("the proxy ended with %d", code)
	}
	for _, hint := range []string{"export AWS_ENDPOINT_URL_APP_MESH=" + address + "\n", `endpoints { appmesh = "` + address + `" }`} {
		if !strings.Contains(hints.String(), hint) {
			t.Errorf("the proxy doesn't say %q: %s", hint, hints.String())
		}
	}
}
