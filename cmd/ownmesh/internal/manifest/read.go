package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/internal/importer"
	"github.com/ownmesh/ownmesh/internal/importer/cloudformation"
)

// This file: what every kind of file comes to.

// reader collects what is in files.
type reader struct {
	options  Options
	raws     []raw
	content  Content
	named    []listed        // resources that saved lists name
	tagless  map[string]bool // files of which it is said that they hold no tags
	problems []error
}

// listed is a resource that a saved list names without its spec.
type listed struct {
	importer.Named
	file string
	line int
}

func (r *reader) problem(err error) { r.problems = append(r.problems, err) }

func (r *reader) left(file string, line int, what, reason string) {
	r.content.Left = append(r.content.Left, Left{File: file, Line: line, What: what, Reason: reason})
}

// path reads what one path names.
func (r *reader) path(path string, stdin io.Reader) {
	files, err := expand(path)
	if err != nil {
		r.problem(err)
		return
	}
	for _, file := range files {
		data, name, err := load(file, stdin)
		if err != nil {
			r.problem(err)
			continue
		}
		raws, err := split(name, data)
		if err != nil {
			r.problem(err)
		}
		r.raws = append(r.raws, raws...)
	}
}

// documents reads all that was split off, in its order. Templates are read together: they may import each other's
// exports.
func (r *reader) documents() {
	var templates []cloudformation.Template
	for _, raw := range r.raws {
		if raw.template != nil {
			templates = append(templates, cloudformation.Template{File: raw.file, Root: raw.template})
		}
	}
	r.checkOptions(templates)
	results := cloudformation.Read(templates, r.options.Options)
	for _, raw := range r.raws {
		if raw.template != nil {
			r.template(raw, results[0])
			results = results[1:]
			continue
		}
		if saved, ok := importer.Read(raw.data); ok {
			r.saved(raw, saved)
			continue
		}
		r.document(raw)
	}
}

// document reads one document; what is wrong with it leaves it out.
func (r *reader) document(raw raw) {
	d, errs := raw.document(r.options.Mesh)
	r.problems = append(r.problems, errs...)
	if len(errs) == 0 {
		r.content.Documents = append(r.content.Documents, d)
	}
}

// checkOptions refuses parameters that no template has: they are spelling mistakes.
func (r *reader) checkOptions(templates []cloudformation.Template) {
	if len(templates) == 0 {
		if len(r.options.Parameters)+len(r.options.Resolve) > 0 {
			r.problem(errors.New("there is no CloudFormation template that parameters could be for"))
		}
		return
	}
	known := cloudformation.Parameters(templates)
	for _, name := range slices.Sorted(maps.Keys(r.options.Parameters)) {
		if !strings.HasPrefix(name, "AWS::") && !slices.Contains(known, name) {
			r.problem(fmt.Errorf("no template has a parameter %q: there is %s", name, cmp.Or(strings.Join(known, ", "), "none")))
		}
	}
}

// template adds what a template holds.
func (r *reader) template(t raw, result cloudformation.Result) {
	for i, res := range result.Resources {
		r.document(raw{file: t.file, number: i + 1, line: res.Line, data: res.Body, origin: res.Logical})
	}
	for _, l := range result.Left {
		r.left(t.file, l.Line, strings.TrimSpace(l.Logical+" "+l.Type), l.Reason)
	}
	for _, p := range result.Problems {
		err := fmt.Errorf("%s:%d: %s: %s", t.file, p.Line, p.Logical, p.Message)
		if p.Pass != "" {
			err = fmt.Errorf("%w: pass %s", err, p.Pass)
		}
		r.problem(err)
	}
	if len(result.Resources)+len(result.Problems) == 0 {
		r.left(t.file, t.line, "the template", "it has no App Mesh resource")
	}
}

// saved adds what a saved answer of the API holds.
func (r *reader) saved(s raw, saved importer.Saved) {
	for _, data := range saved.Documents {
		r.document(raw{file: s.file, number: s.number, line: s.line, data: data})
	}
	for _, n := range saved.Named {
		r.named = append(r.named, listed{n, s.file, s.line})
	}
	for _, n := range saved.Gone {
		r.left(s.file, s.line, n.Key.String(), "it was deleted when this was saved")
	}
	if len(saved.Documents) > 0 && !r.tagless[s.file] {
		r.tagless[s.file] = true
		r.left(s.file, s.line, "tags", "what App Mesh's API describes has none: `aws appmesh list-tags-for-resource` shows them")
	}
}

// unspecified complains of what lists name and no other file describes: a list has no specs.
func (r *reader) unspecified() {
	have := map[client.Ref]bool{}
	for _, d := range r.content.Documents {
		have[client.Ref{Mesh: d.Mesh, Key: d.Key}] = true
	}
	for _, l := range r.named {
		if have[client.Ref{Mesh: l.Mesh, Key: l.Key}] {
			continue
		}
		info, _ := resource.InfoOf(l.Kind)
		r.problem(fmt.Errorf("%s:%d: a list names %s %s but carries no specs: save what this prints and pass it too: %s",
			l.file, l.line, info.Kind, l.Name, importer.Command(l.Named)))
	}
}
