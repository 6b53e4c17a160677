package archtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Rule forbids imports.
//
// Import patterns cover a path and everything below it. One that starts with a slash is a folder of this module
// ("/" is all of it), "std" is the standard library, "*" is everything, any other is an import path.
type Rule struct {
	Of     []string // folders, with everything below them, whose packages obey
	Not    []string // patterns of what they must not import
	But    []string // patterns of what they may import all the same
	Direct bool     // only their own imports count; else also what these import, inside this module
	Why    string
	Later  bool // there is no such folder yet; else a rule that guards nothing is a mistake
}

// Imports returns a line for each thing that breaks a rule.
func (t *Tree) Imports(rules []Rule) []string {
	var broken []string
	for _, r := range rules {
		guarded := 0
		for _, dir := range t.dirs() {
			if !slices.ContainsFunc(r.Of, func(of string) bool { return below(dir, of) }) {
				continue
			}
			guarded++
			broken = append(broken, t.imports(dir, r)...)
		}
		if guarded == 0 && !r.Later {
			broken = append(broken, fmt.Sprintf("the rule for %s guards nothing: no such folder", strings.Join(r.Of, ", ")))
		}
		if guarded > 0 && r.Later {
			broken = append(broken, fmt.Sprintf("the rule for %s is marked Later, but the folder is there", strings.Join(r.Of, ", ")))
		}
	}
	return broken
}

// imports walks from one package breadth first, so that the chain it reports is the shortest.
func (t *Tree) imports(dir string, r Rule) []string {
	var broken []string
	reported := map[string]bool{} // by pattern: one line says enough
	from := map[string]string{dir: ""}
	for queue := []string{dir}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if t.Packages[at] == nil {
			continue // an import of a package that is not there: the compiler's to report
		}
		for _, to := range t.Packages[at].Imports {
			if pattern, bad := r.forbids(t, to); bad && !reported[pattern] {
				reported[pattern] = true
				broken = append(broken, fmt.Sprintf("%s imports %s, %s", chain(from, at), to, r.Why))
			}
			own, ok := t.own(to)
			if _, seen := from[own]; ok && !seen && !r.Direct {
				from[own] = at
				queue = append(queue, own)
			}
		}
	}
	return broken
}

func (r Rule) forbids(t *Tree, to string) (pattern string, bad bool) {
	if slices.ContainsFunc(r.But, func(p string) bool { return t.covers(p, to) }) {
		return "", false
	}
	i := slices.IndexFunc(r.Not, func(p string) bool { return t.covers(p, to) })
	if i < 0 {
		return "", false
	}
	return r.Not[i], true
}

// covers tells whether a pattern of a Rule means this import path.
func (t *Tree) covers(pattern, importPath string) bool {
	own, isOwn := t.own(importPath)
	folder, inModule := strings.CutPrefix(pattern, "/")
	switch {
	case pattern == "*":
		return true
	case pattern == "std":
		first, _, _ := strings.Cut(importPath, "/")
		return !isOwn && !strings.Contains(first, ".")
	case inModule:
		return isOwn && below(own, cmp.Or(folder, "."))
	}
	return below(importPath, pattern)
}

// Calls returns a line for each file below the folders that names one of the functions (time.Now), and says why not.
func (t *Tree) Calls(of, functions []string, why string) []string {
	var broken []string
	for _, dir := range t.dirs() {
		if !slices.ContainsFunc(of, func(of string) bool { return below(dir, of) }) {
			continue
		}
		for _, f := range t.Packages[dir].Files {
			for _, c := range f.Calls {
				if slices.Contains(functions, c) {
					broken = append(broken, fmt.Sprintf("%s uses %s, %s", f.Path, c, why))
				}
			}
		}
	}
	return broken
}

// Docs returns a line for each package without a package comment.
func (t *Tree) Docs() []string {
	var broken []string
	for _, dir := range t.dirs() {
		if !t.Packages[dir].Doc {
			broken = append(broken, fmt.Sprintf("package %s has no package comment: say what it is for, what it never does, where to start reading", dir))
		}
	}
	return broken
}

// Long returns a line for each file of more than limit lines that isn't listed with a reason, and for each listed one
// that has no need to be. What is for tests, and generated files, may be as long as they like.
func (t *Tree) Long(limit int, reasons map[string]string) []string {
	var broken []string
	listed := maps.Clone(reasons)
	for _, dir := range t.dirs() {
		for _, f := range t.Packages[dir].Files {
			if f.Lines <= limit {
				continue
			}
			if reasons[f.Path] == "" {
				broken = append(broken, fmt.Sprintf("%s has %d lines, more than %d: split it, or list it with a reason", f.Path, f.Lines, limit))
			}
			delete(listed, f.Path)
		}
	}
	for _, p := range sortedKeys(listed) {
		broken = append(broken, fmt.Sprintf("%s is listed as a long file, but has no more than %d lines or is gone: take it off the list", p, limit))
	}
	return broken
}

func below(p, top string) bool {
	return top == "." || p == top || strings.HasPrefix(p, top+"/")
}

// chain is how the walk came to a package: core/api -> core/compile.
func chain(from map[string]string, at string) string {
	line := at
	for at = from[at]; at != ""; at = from[at] {
		line = at + " -> " + line
	}
	return line
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
