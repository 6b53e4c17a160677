package cloudformation

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ownmesh/ownmesh/core/resource"
)

// body makes the input of a Create call of a resource's properties, plus its kind.
func (e *evaluator) body(d *declared, info resource.Info) json.RawMessage {
	s := shapes()["Create"+info.Title]
	out := map[string]any{"kind": info.Title}
	names := []string{"meshName", info.NameMember}
	if parent, ok := resource.InfoOf(info.Parent); ok {
		names = append(names, parent.NameMember)
	}
	for _, member := range names {
		if n := d.property(title(member)); n != nil && e.refersToMesh(n) {
			e.problem(n.Line, title(member)+" is Ref of an App Mesh resource, which gives its ARN: Fn::GetAtt gives its name", "")
			continue
		}
		v := e.name(d, info, title(member), d.line)
		if v.kind == text && strings.HasPrefix(v.text, "arn:") && strings.Contains(v.text, ":appmesh:") {
			e.problem(v.line, title(member)+" is "+shown(v.text)+": Ref of an App Mesh resource gives its ARN; Fn::GetAtt gives its name", "")
		}
		if v.kind != text {
			e.misused(v, title(member), "a string", v.line)
			continue
		}
		out[member] = v.text
	}
	seen := map[string]bool{}
	for _, p := range d.properties {
		name := p.key.Value
		member, known := s.spelling[name]
		switch {
		case strings.HasPrefix(name, "Fn::"):
			e.problem(p.key.Line, name+" has no place among properties", "")
			continue
		case !known || member == "clientToken":
			e.problem(p.key.Line, "unknown property "+name+": "+d.typ+" has "+withoutToken(s.names()), "")
			continue
		case seen[name]:
			e.problem(p.key.Line, "property "+name+" is there twice", "")
			continue
		}
		seen[name] = true
		if slices.Contains(names, member) || member == "meshOwner" && e.ownAccount(p.value) {
			continue
		}
		if v := e.eval(p.value, 0); v.kind != absent {
			out[member] = e.shaped(v, s.Members[member].Shape, title(member))
		}
	}
	j, err := json.Marshal(out)
	if err != nil {
		e.problem(d.line, "the properties can't be written as JSON: "+err.Error(), "")
	}
	return j
}

// ownAccount reports whether an owner is the template's own account, which nobody needs to name: the AWS CDK takes it
// out of the mesh's ARN. So it need not be known either.
func (e *evaluator) ownAccount(n *yaml.Node) bool {
	e.quiet++
	defer func() { e.quiet-- }()
	v := e.eval(n, 0)
	return v.kind != text || v.text == e.stacks.options.Parameters[account]
}

// refersToMesh reports whether a node is a bare Ref of an App Mesh resource.
func (e *evaluator) refersToMesh(n *yaml.Node) bool {
	name, arg, ok := function(follow(n))
	if arg = follow(arg); !ok || name != "Ref" || arg.Kind != yaml.ScalarNode {
		return false
	}
	d, ok := e.declared[arg.Value]
	if _, given := e.stacks.options.Resolve[arg.Value]; !ok || given {
		return false
	}
	_, ok = d.info()
	return ok
}

func withoutToken(names string) string { return strings.TrimPrefix(names, "ClientToken, ") }

// wholeNumber is how JSON spells integers; longer ones than any bound stay strings, which the API refuses by name.
var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,18})$`)

// shaped makes of a value what the API wants in its place. What does not fit stays as it is: the API's own check says
// best what is wrong with it.
func (e *evaluator) shaped(v value, name, path string) any {
	s := shapes()[name]
	switch {
	case v.kind == object && s.Type == "structure":
		out := map[string]any{}
		for _, m := range v.members {
			member, ok := s.spelling[m.name]
			if _, asAPI := s.Members[m.name]; asAPI { // AWS's own templates have some so, and were deployed
				member, ok = m.name, true
			}
			if _, twice := out[member]; ok && twice {
				e.problem(m.line, "property "+path+"."+m.name+" is there twice, in two spellings", "")
				continue
			}
			if !ok {
				e.problem(m.line, "unknown property "+path+"."+m.name+": there are "+s.names(), "")
				continue
			}
			out[member] = e.shaped(m.value, s.Members[member].Shape, path+"."+m.name)
		}
		return out
	case v.kind == list && s.Type == "list":
		out := []any{}
		for _, item := range v.items {
			out = append(out, e.shaped(item, s.Member.Shape, path))
		}
		return out
	case v.kind == text && (s.Type == "integer" || s.Type == "long") && wholeNumber.MatchString(v.text):
		return json.Number(v.text)
	case v.kind == text && s.Type == "boolean":
		switch strings.ToLower(v.text) {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return plain(v)
}
