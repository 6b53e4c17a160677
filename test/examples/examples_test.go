// Package examples runs every example's script, as its README says.
package examples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// bin is the folder of the programs that examples run.
var bin string

func TestMain(m *testing.M) {
	var err error
	if bin, err = os.MkdirTemp("", "ownmesh-examples-bin-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(bin)
	os.Exit(code)
}

var build = sync.OnceValue(func() error {
	for name, pkg := range map[string]string{"ownmesh": "./cmd/ownmesh", "example-app": "./examples/kit/app"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(bin, name), pkg)
		cmd.Dir = envoybin.Root()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return nil
})

// TestExamples runs the examples side by side. Each ends with exit code 0 only if what it shows was true.
func TestExamples(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join(envoybin.Root(), "examples/*/run.sh"))
	if err != nil || len(scripts) < 6 {
		t.Fatalf("scripts: %v, %v", scripts, err)
	}
	if err := build(); err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		t.Run(filepath.Base(filepath.Dir(script)), func(t *testing.T) {
			t.Parallel()
			out, err := run(t, script)
			t.Logf("%s", out)
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// An example that does not show what it says fails.
func TestExamplesCanFail(t *testing.T) {
	if err := build(); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "run.sh")
	kit := filepath.Join(envoybin.Root(), "examples/kit/kit.sh")
	text := "#!/usr/bin/env bash\n. '" + kit + "'\nshows 'nothing' 'something*' 'else'\necho unreachable\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, script)
	if err == nil {
		t.Errorf("it ended well:\n%s", out)
	}
}

func run(t *testing.T, script string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", script)
	cmd.Env = append(os.Environ(), "OWNMESH_BIN="+bin, "ENVOY="+envoybin.Find(t), "TMPDIR="+t.TempDir())
	return cmd.CombinedOutput()
}
