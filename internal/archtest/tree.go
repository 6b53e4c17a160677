// Package archtest checks the repository's own source: who may import whom (rules.go), that every package says what it
// is for, that files stay short enough to be read, and that links in Markdown lead somewhere (links.go).
//
// It reads the .go files itself. A test that asks `go list` instead is cached, since go test doesn't see what the
// child process read, and shows a false green. It never runs or type-checks code: build tags and test files don't
// hide an import from it, and test files may import what they like.
//
// Start with rules.go; its test runs them over this repository.
package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Tree is what the rules look at: the packages below one folder.
type Tree struct {
	Module   string              // the module's path: github.com/ownmesh/ownmesh
	Packages map[string]*Package // by folder, "." for the top
}

// Package is one folder with .go files.
type Package struct {
	Dir     string
	Imports []string // of its files without the test files, sorted, without doubles
	Doc     bool     // one of its files has a package comment
	Files   []File   // its files without generated ones and what is for tests: test files, and what imports testing
}

// File is one .go file.
type File struct {
	Path  string // from the top folder
	Lines int
	Calls []string // functions of other packages that it names: time.Now
}

// Load reads all packages below the top folder of fsys, but for folders that Go ignores too (testdata, and names that
// start with a dot or underscore). Nested modules count as part of the tree.
func Load(fsys fs.FS, module string) (*Tree, error) {
	t := &Tree{Module: module, Packages: map[string]*Package{}}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && ignored(p):
			return fs.SkipDir
		case !d.IsDir() && path.Ext(p) == ".go":
			return t.add(fsys, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read packages: %w", err)
	}
	return t, nil
}

func ignored(dir string) bool {
	base := path.Base(dir)
	return base == "testdata" || base == "node_modules" || dir != "." && strings.ContainsAny(base[:1], "._")
}

func (t *Tree) add(fsys fs.FS, name string) error {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p := t.Packages[path.Dir(name)]
	if p == nil {
		p = &Package{Dir: path.Dir(name)}
		t.Packages[p.Dir] = p
	}
	p.Doc = p.Doc || f.Doc != nil
	if strings.HasSuffix(name, "_test.go") {
		return nil
	}
	for _, i := range f.Imports {
		to, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return fmt.Errorf("%s: import %s: %w", name, i.Path.Value, err)
		}
		p.Imports = append(p.Imports, to)
	}
	slices.Sort(p.Imports)
	p.Imports = slices.Compact(p.Imports)
	forTests := slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing"` })
	if !forTests && !ast.IsGenerated(f) {
		p.Files = append(p.Files, File{Path: name, Lines: bytes.Count(src, []byte("\n")), Calls: qualified(f)})
	}
	return nil
}

// qualified lists what a file names of the packages that it imports, as time.Now, sorted; renamed imports under
// their import path's last piece.
func qualified(f *ast.File) []string {
	packages := map[string]string{}
	for _, i := range f.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		name := path.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
		packages[name] = path.Base(p)
	}
	found := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && packages[x.Name] != "" {
				found[packages[x.Name]+"."+s.Sel.Name] = true
			}
		}
		return true
	})
	return sortedKeys(found)
}

// dirs lists the folders of all packages, sorted.
func (t *Tree) dirs() []string { return sortedKeys(t.Packages) }

// own returns the folder of an import path that belongs to the module.
func (t *Tree) own(importPath string) (dir string, ok bool) {
	if importPath == t.Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, t.Module+"/")
}
