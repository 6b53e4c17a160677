package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ownmesh/ownmesh/core/resource"
)

// raw is one document as JSON, and where it stands.
type raw struct {
	file         string
	number, line int
	data         json.RawMessage
	template     *yaml.Node // of a template, instead of data
	origin       string     // see Document.Origin
}

// document reads what every document has in common. It returns all that is wrong.
func (r raw) document(mesh string) (Document, []error) {
	d := Document{File: r.file, Number: r.number, Line: r.line, Origin: r.origin}
	var problems []error
	problem := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: "+format, append([]any{d.Where()}, args...)...))
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(r.data, &members); err != nil || members == nil {
		problem("a document must be an object with a kind, got %s", short(r.data))
		return d, problems
	}
	if version, ok := members["apiVersion"]; ok { // EKS users have these at hand, and kinds of the same names
		problem("this is an object of Kubernetes (apiVersion %s), which is not read: give what `aws appmesh describe-…` printed of it, or write it as the API has it, with kind, meshName, a name and spec", short(version))
		return d, problems
	}
	maps.DeleteFunc(members, func(_ string, v json.RawMessage) bool { return string(v) == "null" })
	text := func(member string) string {
		var s string
		if v, ok := members[member]; ok && json.Unmarshal(v, &s) != nil {
			problem("%s must be a string, got %s", member, short(v))
		}
		return s
	}
	kind := text("kind")
	info, ok := resource.ParseKind(kind)
	switch {
	case kind == "" && members["kind"] == nil:
		problem("kind is missing: it must be one of %s", kinds())
		return d, problems
	case !ok:
		problem("unknown kind %q: it must be one of %s", kind, kinds())
		return d, problems
	}
	d.Kind = info.Kind
	d.Mesh = text("meshName")
	allowed := []string{"kind", "meshName"}
	if info.Kind == resource.KindMesh {
		d.Name = d.Mesh
	} else {
		d.Name, d.Owner = text(info.NameMember), text("meshOwner")
		d.Mesh = cmp.Or(d.Mesh, mesh)
		allowed = append(allowed, "meshOwner", info.NameMember)
	}
	required := map[string]string{"meshName": d.Mesh, info.NameMember: d.Name}
	if parent, ok := resource.InfoOf(info.Parent); ok {
		d.Parent = text(parent.NameMember)
		required[parent.NameMember] = d.Parent
		allowed = append(allowed, parent.NameMember)
	}
	for _, member := range slices.Sorted(maps.Keys(required)) {
		if _, said := members[member]; required[member] == "" && (!said || string(members[member]) == `""`) {
			problem("%s is missing", member)
		}
	}
	allowed = append(allowed, "spec", "tags", "clientToken") // the token is the caller's of another day: not sent
	for _, member := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(allowed, member) {
			problem("unknown member %s: a %s has %s", member, info.Title, strings.Join(allowed[1:], ", "))
		}
	}
	problems = append(problems, d.check(info, members)...)
	return d, problems
}

// check reads spec and tags as the API would, so that nothing is applied of a set of files that it would refuse.
func (d *Document) check(info resource.Info, members map[string]json.RawMessage) []error {
	body := map[string]json.RawMessage{}
	for _, member := range []string{info.NameMember, "spec", "tags"} {
		if v, ok := members[member]; ok {
			body[member] = v
		}
	}
	j, err := json.Marshal(body)
	if err != nil {
		return []error{fmt.Errorf("%s: %w", d.Where(), err)}
	}
	if d.Name == "" {
		return nil // said already
	}
	req, violations := resource.ParseRequest("Create"+info.Title, j)
	var problems []error
	for _, v := range violations {
		problems = append(problems, fmt.Errorf("%s: %s: %s", d.Where(), d.Key, v))
	}
	d.Spec, d.Tags = req.Spec, req.Tags
	_, d.HasTags = members["tags"]
	return problems
}

// kinds lists the spellings that messages and help offer.
func kinds() string {
	var titles []string
	for _, i := range resource.Kinds {
		titles = append(titles, i.Title)
	}
	return strings.Join(titles, ", ")
}

// short is the beginning of a value, on one line.
func short(v json.RawMessage) string {
	const limit = 60
	var b bytes.Buffer
	if json.Compact(&b, v) != nil {
		b.Reset()
		b.Write(v)
	}
	if b.Len() > limit {
		return strings.ToValidUTF8(b.String()[:limit], "") + "…"
	}
	return b.String()
}
