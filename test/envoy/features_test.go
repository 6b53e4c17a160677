package envoy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// The document of features names every test here, and each test that it names is in the file that it links to.
func TestFeatures(t *testing.T) {
	t.Parallel()
	root := envoybin.Root()
	text, err := os.ReadFile(filepath.Join(root, "docs", "features.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	link := regexp.MustCompile("\\[`(Test\\w+)`\\]\\(\\.\\./([\\w/]+_test\\.go)\\)")
	for _, found := range link.FindAllSubmatch(text, -1) {
		test, file := string(found[1]), string(found[2])
		named[test] = true
		if !slices.Contains(testsIn(t, filepath.Join(root, file)), test) {
			t.Errorf("features.md: there is no %s in %s", test, file)
		}
	}
	for _, found := range regexp.MustCompile("`(Test[A-Z]\\w*)`").FindAllSubmatch(link.ReplaceAll(text, nil), -1) {
		t.Errorf("features.md names %s without a link to its file", found[1])
	}
	files, err := filepath.Glob("*_test.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files of tests: %v", len(files), err)
	}
	for _, file := range files {
		if file == "leftovers_linux_test.go" {
			continue // it proves that the tests clean up, and no feature
		}
		for _, test := range testsIn(t, file) {
			if !named[test] && !slices.Contains(ofTests, test) {
				t.Errorf("features.md doesn't name %s of %s: which feature does it prove?", test, file)
			}
		}
	}
}

// ofTests prove no feature, but that the tests here leave nothing behind.
var ofTests = []string{"TestMain", "TestLeftoversAreRemovedOnce"}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// testsIn are the tests of a file.
func testsIn(t *testing.T, file string) (tests []string) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
	}
	for _, found := range testFunction.FindAllSubmatch(source, -1) {
		tests = append(tests, string(found[1]))
	}
	return tests
}

// The document of differences names files and folders that are there.
func TestDifferences(t *testing.T) {
	t.Parallel()
	docs := filepath.Join(envoybin.Root(), "docs")
	text, err := os.ReadFile(filepath.Join(docs, "differences.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []struct{ in, pattern string }{
		{envoybin.Root(), "`((?:adapters|core|internal|sidecar|test|xdsrelay)/[\\w./-]+)`"},
		{docs, `\]\(([\w./-]+)\)`},
	} {
		named := regexp.MustCompile(place.pattern).FindAllSubmatch(text, -1)
		if len(named) == 0 {
			t.Errorf("differences.md names nothing like %s", place.pattern)
		}
		for _, found := range named {
			if _, err := os.Stat(filepath.Join(place.in, string(found[1]))); err != nil {
				t.Errorf("differences.md names what is not there: %v", err)
			}
		}
	}
}
