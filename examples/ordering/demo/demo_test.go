package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// programsFolder holds ownmesh and ordering, built once for all tests here.
var programsFolder = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ownmesh-demo-bin-")
	if err != nil {
		return "", err
	}
	for name, pkg := range map[string]string{"ownmesh": "./cmd/ownmesh", "ordering": "./examples/ordering/services"} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, name), pkg)
		build.Dir = envoybin.Root()
		if out, err := build.CombinedOutput(); err != nil {
			return dir, errors.New(string(out))
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := programsFolder(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func binaries(t *testing.T) string {
	t.Helper()
	envoybin.Find(t)
	dir, err := programsFolder()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDemo is `make demo`.
func TestDemo(t *testing.T) {
	var out bytes.Buffer
	err := run(t.Context(), &out, envoybin.Root(), binaries(t), false)
	t.Log("\n" + out.String())
	if err != nil {
		t.Fatal(err)
	}
}

// TestDemoFailsWhereTheMeshIsAnother proves that the demo can fail: all is well with this mesh, but it doesn't do what
// the demo says.
func TestDemoFailsWhereTheMeshIsAnother(t *testing.T) {
	root := t.TempDir()
	text, err := os.ReadFile(meshFile(envoybin.Root()))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(strings.Replace(string(text), "weight: 100", "weight: 3", 1), "weight: 0", "weight: 100", 1)
	other = strings.Replace(other, "weight: 3}", "weight: 0}", 1)
	if err := os.MkdirAll(filepath.Dir(meshFile(root)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(meshFile(root), []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ENVOY", envoybin.Find(t))
	err = run(t.Context(), &bytes.Buffer{}, root, binaries(t), false)
	var f failure
	if !errors.As(err, &f) || !strings.Contains(f.got, "inventory v2") || !strings.Contains(err.Error(), "logs") {
		t.Errorf("want a failure that says who answered and where the logs are, got %v", err)
	}
}

// TestInterruptedUpLeavesNothing presses Ctrl-C on `make up`.
func TestInterruptedUpLeavesNothing(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := &watcher{wanted: mustCompile(`Ctrl-C ends`), found: make(chan []string, 1)}
	ended := make(chan error, 1)
	bin := binaries(t)
	go func() { ended <- run(ctx, out, envoybin.Root(), bin, true) }()
	select {
	case err := <-ended:
		t.Fatalf("ended by itself: %v", err)
	case <-out.found:
	}
	interrupt()
	if err := <-ended; err != nil {
		t.Errorf("Ctrl-C is how `make up` ends, but it said %v", err)
	}
	if left := childrenOf(t, bin); len(left) > 0 {
		t.Errorf("still running: %q", left)
	}
}
