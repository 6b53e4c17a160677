package envoy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// The document of features names every test here, each in the file that it is in, and none that isn't.
func TestFeatures(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(envoybin.Root(), "docs", "features.md"))
	if err != nil {
		t.Fatal(err)
	}
	defined := testsHere(t)
	named := map[string]bool{}
	link := regexp.MustCompile("\\[`(Test\\w+)`\\]\\(\\.\\./test/envoy/(\\w+\\.go)\\)")
	for _, found := range link.FindAllSubmatch(text, -1) {
		test, file := string(found[1]), string(found[2])
		named[test] = true
		if !slices.Contains(defined[test], file) {
			t.Errorf("features.md: there is no %s in test/envoy/%s", test, file)
		}
	}
	for _, found := range regexp.MustCompile("`(Test[A-Z]\\w*)`").FindAllSubmatch(link.ReplaceAll(text, nil), -1) {
		t.Errorf("features.md names %s without a link to its file", found[1])
	}
	for test, files := range defined {
		if !named[test] {
			t.Errorf("features.md doesn't name %s of %s: which feature does it prove?", test, files[0])
		}
	}
}

// testsHere are the tests of this folder, with the files that they are in: of some, one a system.
func testsHere(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]string{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range function.FindAllSubmatch(source, -1) {
			if name := string(found[1]); name != "TestMain" {
				tests[name] = append(tests[name], file)
			}
		}
	}
	if len(tests) < 10 {
		t.Fatalf("found only %d tests: looked in the wrong place", len(tests))
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
