package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// programsDir is where TestMain lets tests build what the demo runs.
var programsDir string

func TestMain(m *testing.M) {
	var err error
	if programsDir, err = os.MkdirTemp("", "ownmesh-demo-bin-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(programsDir)
	os.Exit(code)
}

// build puts ownmesh and ordering into programsDir, once for all tests.
var build = sync.OnceValue(func() error {
	for name, pkg := range map[string]string{"ownmesh": "./cmd/ownmesh", "ordering": "./examples/ordering/services"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(programsDir, name), pkg)
		cmd.Dir = envoybin.Root()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
	}
	return nil
})

func binaries(t *testing.T) string {
	t.Helper()
	envoybin.Find(t)
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return programsDir
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
	t.Setenv("TMPDIR", t.TempDir()) // the logs that stay need not outlive the test
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
