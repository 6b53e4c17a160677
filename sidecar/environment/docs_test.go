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

const begin, end = "<!-- variables: go test ./sidecar/environment -update -->\n", "<!-- end of variables -->"

// One page lists all variables just as the code does, the other those of the sidecar program.
func TestDocumentation(t *testing.T) {
	for page, want := range map[string]string{"docs/telemetry.md": tables(), "docs/sidecar.md": program()} {
		file := filepath.Join(envoybin.Root(), page)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, ok := strings.Cut(string(text), begin)
		got, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s has no place for the variables: %q", file, begin+end)
		}
		if *update {
			if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if d := gocmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got), refresh with go test ./sidecar/environment -update\n%s", page, d)
		}
	}
}

const header = "\n| variable | default | what it does |\n|---|---|---|\n"

func tables() string {
	var does, idle strings.Builder
	for _, v := range environment.Variables {
		if v.Without != "" {
			fmt.Fprintf(&idle, "| `%s` | %s |\n", v.Name, v.Without)
			continue
		}
		fmt.Fprintf(&does, "| `%s` | %s | %s |\n", v.Name, cmp.Or(v.Default, "–"), v.Means)
	}
	return header + does.String() +
		"\nThese of App Mesh's have no effect here:\n\n| variable | why |\n|---|---|\n" + idle.String() + "\n"
}

func program() string {
	var does strings.Builder
	for _, v := range environment.Variables {
		if _, means, ok := strings.Cut(v.Means, "sidecar: "); ok {
			fmt.Fprintf(&does, "| `%s` | %s | %s |\n", v.Name, cmp.Or(v.Default, "–"), means)
		} else if means, ok := strings.CutPrefix(v.Means, "sidecar, explicit: "); ok {
			fmt.Fprintf(&does, "| `%s` | %s | with explicit interception: %s |\n", v.Name, cmp.Or(v.Default, "–"), means)
		}
	}
	return header + does.String() + "\n"
}
