package archtest_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

var (
	tourRow  = regexp.MustCompile("(?m)^\\| `([a-z/]+)/` \\|.*\\| (.*) \\|$")
	tourFile = regexp.MustCompile("`([^`]+)`")
)

// The table of folders in ARCHITECTURE.md begins at files that are there, and leaves out none of core's.
func TestTour(t *testing.T) {
	root := os.DirFS(envoybin.Root())
	page, err := fs.ReadFile(root, "ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, row := range tourRow.FindAllStringSubmatch(string(page), -1) {
		told[row[1]] = true
		for _, file := range tourFile.FindAllStringSubmatch(row[2], -1) {
			if _, err := fs.Stat(root, path.Join(row[1], strings.TrimSuffix(file[1], "/"))); err != nil {
				t.Errorf("ARCHITECTURE.md says to start reading %s/ at %s: %v", row[1], file[1], err)
			}
		}
	}
	folders, err := fs.ReadDir(root, "core")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if f.IsDir() && !told["core/"+f.Name()] {
			t.Errorf("ARCHITECTURE.md does not say what core/%s/ is for", f.Name())
		}
	}
	if len(told) < len(folders) {
		t.Errorf("%d rows were found: has the table another form?", len(told))
	}
}
