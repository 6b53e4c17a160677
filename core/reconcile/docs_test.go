package reconcile_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFindingsAreExplained compares the codes of register's findings, wherever they come from, with docs/registry.md.
func TestFindingsAreExplained(t *testing.T) {
	text, err := os.ReadFile("../../docs/registry.md")
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|.+\\|.+\\|$").FindAllStringSubmatch(string(text), -1) {
		explained = append(explained, row[1])
	}
	code := regexp.MustCompile(`"((?:cluster|cloud-map|ecs|instance|name|namespace|resolvable-name|service|task|task-binding)-[a-z]+(?:-[a-z]+)*)"`)
	var given []string
	for _, folder := range []string{".", "../../adapters/cloudmap", "../../adapters/ecs"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range code.FindAllStringSubmatch(string(source), -1) {
				given = append(given, match[1])
			}
		}
	}
	slices.Sort(given)
	if diff := cmp.Diff(slices.Compact(given), explained); diff != "" {
		t.Errorf("codes given (-), rows of docs/registry.md (+):\n%s", diff)
	}
}
