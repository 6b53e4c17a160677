package compile_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/meshtest"
	"github.com/ownmesh/ownmesh/internal/shapetest"
)

// TestNoMemberIsLeftOut walks every member of every spec of App Mesh. Each is set to each of its values, or to two, and
// left out: each time some proxy's configuration must come out otherwise. What has no effect is listed with its reason
// in members_table_test.go, and so is which value leaving a member out stands for.
func TestNoMemberIsLeftOut(t *testing.T) {
	w := newWalk(t)
	for _, kind := range slices.Sorted(maps.Keys(subjects)) {
		for _, m := range w.model.Members(kind + "Spec") {
			w.check(kind, m)
		}
	}
	for path := range withoutEffect {
		if !w.used[path] {
			t.Errorf("withoutEffect lists %s, which no spec has", path)
		}
	}
	for path := range defaults {
		if !w.used[path] {
			t.Errorf("defaults lists %s, which no spec has", path)
		}
	}
	t.Logf("%d members, %d configurations", w.members, w.compiled)
}

type walk struct {
	*testing.T
	model    *shapetest.Model
	base     compile.State
	used     map[string]bool // entries of the tables
	members  int
	compiled int
}

func newWalk(t *testing.T) *walk {
	w := &walk{T: t, model: shapetest.Load(t, memberNames), used: map[string]bool{}, base: meshtest.Read(t, "testdata/members.yaml")}
	w.base.Certificates = map[string]graph.Material{}
	for _, arn := range []string{"arn:1", "arn:2"} {
		w.base.Certificates[arn] = graph.Material{Files: graph.CertificateFiles{Chain: "/acm/" + arn, Key: "/acm/key"}, Authorities: "PEM of " + arn}
	}
	return w
}

// check compiles the mesh with each value of a member, and without it.
func (w *walk) check(kind string, m shapetest.Member) {
	w.members++
	path := kind + "." + m.String()
	outcome := map[string]string{} // by configuration: the value that made it
	reason, idle := w.without(path)
	values := valuesOf(path, m, w.model)
	if len(values) == 0 {
		w.Errorf("%s: no value", path)
	}
	see := func(value string, made string) {
		before, seen := outcome[made]
		outcome[made] = value
		switch {
		case !seen && idle && len(outcome) > 1:
			w.Errorf("%s has an effect (%s), yet is listed as having none: %s", path, value, reason)
		case seen && !idle && !(value == leftOut && defaults[w.entry(path, isDefault)] == before):
			w.Errorf("%s: %s and %s make the same configuration. Compile it, or list it with its reason", path, before, value)
		case !seen && value == leftOut && defaults[w.entry(path, isDefault)] != "":
			w.Errorf("%s: left out it should be as %s", path, defaults[w.entry(path, isDefault)])
		}
	}
	for _, v := range values {
		made, violations := w.compile(kind, w.spec(kind, path, m, v))
		if len(violations) > 0 {
			w.Fatalf("%s: the API refuses %v: %v", path, v, violations)
		}
		see(fmt.Sprint(v), made)
	}
	spec := w.spec(kind, path, m, values[0])
	if w.model.LeaveOut(spec, kind+"Spec", m.Steps) {
		if made, violations := w.compile(kind, spec); len(violations) == 0 {
			see(leftOut, made)
			return
		}
	}
	if len(values) < 2 {
		w.Errorf("%s has one value, and can't be left out: what does it do?", path)
	}
}

const leftOut = "left out"

// spec is the subject's spec with a value at a member, and with what the member needs around it.
func (w *walk) spec(kind, path string, m shapetest.Member, value any) any {
	var spec any
	if err := json.Unmarshal(w.base.Resources[subjects[kind]].Spec, &spec); err != nil && kind != "Mesh" {
		w.Fatal(err)
	}
	shape := kind + "Spec"
	spec = w.model.Put(spec, shape, m.Steps, value)
	for _, c := range contexts {
		if match := c.of.FindStringSubmatch(path); match != nil {
			for around, v := range c.put(match) {
				spec = w.model.Put(spec, shape, shapetest.Steps(around), v)
			}
		}
	}
	return w.model.Put(spec, shape, m.Steps, value)
}

// compile gives a fingerprint of what all proxies get; or what the API has against the spec.
func (w *walk) compile(kind string, spec any) (string, []resource.Violation) {
	w.compiled++
	text, err := json.Marshal(map[string]any{"spec": spec, nameMembers[kind]: subjects[kind].Name})
	if err != nil {
		w.Fatal(err)
	}
	request, violations := resource.ParseRequest("Create"+kind, text)
	if len(violations) > 0 {
		return "", violations
	}
	state := w.base
	r := meshtest.New(subjects[kind], string(request.Spec))
	if kind == "Mesh" {
		state.Mesh = r
	} else {
		state.Resources = maps.Clone(state.Resources)
		state.Resources[r.Key] = r
	}
	return fingerprint(compile.Compile(compile.Options{}, state).Config()), nil
}

func fingerprint(c *artifact.Config) string {
	h := sha256.New()
	for _, id := range slices.SortedFunc(maps.Keys(c.Resources), artifact.ID.Compare) {
		fmt.Fprintln(h, id, c.Resources[id].Hash)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Proxies)) {
		fmt.Fprintln(h, key, c.Proxies[key])
	}
	return string(h.Sum(nil))
}

// without says whether a member, or something around it, is listed as having no effect, and why.
func (w *walk) without(path string) (reason string, listed bool) {
	for entry, reason := range withoutEffect {
		if path == entry || strings.HasPrefix(path, entry+".") {
			w.used[entry] = true
			return reason, true
		}
	}
	return "", false
}

func isDefault(entry string) bool { _, ok := defaults[entry]; return ok }

// entry is the longest end of a path that a table has; "" for none.
func (w *walk) entry(path string, has func(string) bool) string {
	for rest := path; ; {
		if has(rest) {
			w.used[rest] = true
			return rest
		}
		_, after, ok := strings.Cut(rest, ".")
		if !ok {
			return ""
		}
		rest = after
	}
}

// valuesOf are the values that a member is tried with: by the longest end of its path, else as its shape says.
func valuesOf(path string, m shapetest.Member, model *shapetest.Model) []any {
	for rest := path; ; {
		if v, ok := memberValues[rest]; ok {
			return v
		}
		_, after, ok := strings.Cut(rest, ".")
		if !ok {
			return model.Values(m)
		}
		rest = after
	}
}

// context is what must stand around a member for it to have an effect.
type context struct {
	of  *regexp.Regexp
	put func(match []string) map[string]any // by path: the value
}
