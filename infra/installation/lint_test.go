package installation_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tool is a program that `make tools-infra` installs.
func tool(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(filepath.Join("../../.tools/infra", path))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(full); err != nil {
		t.Fatalf("%v: run `make tools-infra`", err)
	}
	return full
}

// TestTemplatesAreClean: W3005 is told of dependencies that CDK names besides those that follow from references.
func TestTemplatesAreClean(t *testing.T) {
	t.Parallel()
	files := []string{standard().file, existing().file, local().file, isolated().file, public().file}
	t.Run("cfn-lint", func(t *testing.T) {
		t.Parallel()
		// By its Python: the script's first line has the place where the checkout was when it was installed.
		args := append([]string{tool(t, "venv/bin/cfn-lint"), "-i", "W3005", "--"}, files...)
		run(t, exec.Command(tool(t, "venv/bin/python"), args...))
	})
	t.Run("cdk-nag", func(t *testing.T) {
		t.Parallel()
		tool(t, "node_modules/cdk-nag/package.json")
		run(t, exec.Command("node", append([]string{"../nag.js"}, files...)...))
	})
}

// TestNagSees: a linter that finds nothing in what is wrong is not run rightly.
func TestNagSees(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "open.template.json")
	content := `{"Resources":{"Open":{"Type":"AWS::S3::Bucket"}}}`
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	tool(t, "node_modules/cdk-nag/package.json")
	out, err := exec.Command("node", "../nag.js", file).Output()
	if err == nil || !strings.Contains(string(out), "AwsSolutions-S10 ") || !strings.Contains(string(out), " Open: ") {
		t.Errorf("%v\n%s", err, out)
	}
}

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if out, err := cmd.Output(); err != nil {
		t.Errorf("%v\n%s%s", err, out, errs.String())
	}
}
