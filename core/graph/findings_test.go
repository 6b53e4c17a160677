package graph

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFindingsAreExplained compares the codes that this package gives with the table in docs/findings.md.
func TestFindingsAreExplained(t *testing.T) {
	text, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|(.*)\\|$").FindAllStringSubmatch(string(text), -1) {
		explained = append(explained, row[1])
		cells := strings.Split(row[2], "|")
		if len(cells) != 3 || slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) == "" }) {
			t.Errorf("the row of %s must say what is so, what happens and what to do", row[1])
		}
	}
	if diff := cmp.Diff(givenCodes(t), explained); diff != "" {
		t.Errorf("codes given (-), rows of docs/findings.md (+):\n%s", diff)
	}
}

// givenCodes lists the codes in calls of Notes.add, sorted.
func givenCodes(t *testing.T) []string {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set, codes := token.NewFileSet(), []string(nil)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 4 {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "add" {
				return true
			}
			code, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: a finding's code must be a literal", set.Position(call.Pos()))
				return true
			}
			text, err := strconv.Unquote(code.Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, text)
			return true
		})
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}
