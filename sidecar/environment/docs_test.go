package environment_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/sidecar/environment"
)

var update = flag.Bool("update", false, "write the tables of docs/telemetry.md anew")

// The page lists all variables just as the code does.
func TestDocumentation(t *testing.T) {
	const begin, end = "<!-- variables: go test ./sidecar/environment -update -->\n", "<!-- end of variables -->"
	file := filepath.Join(envoybin.Root(), "docs/telemetry.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the variables: %q", file, begin+end)
	}
	want := tables()
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got), refresh with go test ./sidecar/environment -update\n%s", d)
	}
}

func tables() string {
	var does, idle strings.Builder
	for _, v := range environment.Variables {
		if v.Without != "" {
			fmt.Fprintf(&idle, "| `%s` | %s |\n", v.Name, v.Without)
			continue
		}
		fmt.Fprintf(&does, "| `%s` | %s | %s |\n", v.Name, cmp.Or(v.Default, "–"), v.Means)
	}
	return "\n| variable | default | what it does |\n|---|---|---|\n" + does.String() +
		"\nThese of App Mesh's have no effect here:\n\n| variable | why |\n|---|---|\n" + idle.String() + "\n"
}
