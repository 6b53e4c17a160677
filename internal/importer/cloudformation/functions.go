package cloudformation

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// This file: intrinsic functions but for references (reference.go) and conditions (condition.go).

func (e *evaluator) call(name string, arg *yaml.Node, line, depth int) value {
	switch name {
	case "Ref":
		return e.ref(e.word(arg, "Ref", depth), line)
	case "Fn::GetAtt":
		return e.getAtt(arg, line, depth)
	case "Fn::ImportValue":
		return e.importValue(e.word(arg, name, depth), line)
	case "Fn::Sub":
		return e.sub(arg, line, depth)
	case "Fn::Join":
		return e.join(arg, line, depth)
	case "Fn::Select":
		return e.choose(arg, line, depth)
	case "Fn::Split":
		return e.split(arg, line, depth)
	case "Fn::FindInMap":
		return e.findInMap(arg, line, depth)
	case "Fn::If":
		return e.branch(arg, line, depth)
	case "Fn::Base64":
		v := e.word(arg, name, depth)
		if v.kind != text {
			return v
		}
		return e.made(base64.StdEncoding.EncodeToString([]byte(v.text)), line)
	case "Fn::Length":
		v := e.eval(arg, depth)
		if v.kind == list {
			return value{kind: text, text: strconv.Itoa(len(v.items)), line: line}
		}
		return e.misused(v, name, "a list", line)
	case "Fn::ToJsonString":
		v := e.eval(arg, depth)
		if hasUnknown(v) {
			return value{kind: unknown, line: line}
		}
		j, err := json.Marshal(plain(v))
		if err != nil {
			return e.problem(line, "Fn::ToJsonString: "+err.Error(), "")
		}
		return e.made(string(j), line)
	case "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not", "Condition":
		return e.problem(line, name+" has its place in conditions only", "")
	}
	return e.problem(line, shown(name)+" is not evaluated here: write its value in its place", "")
}

// misused notes that a function's argument is not what it takes, unless that was noted already.
func (e *evaluator) misused(v value, name, takes string, line int) value {
	if hasUnknown(v) {
		return value{kind: unknown, line: line}
	}
	return e.problem(line, name+" takes "+takes, "")
}

// word evaluates an argument that must be a text.
func (e *evaluator) word(n *yaml.Node, name string, depth int) value {
	v := e.eval(n, depth)
	if v.kind == text {
		return v
	}
	return e.misused(v, name, "a string", v.line)
}

// arguments evaluates a list of arguments. It is nil if they are not what the function takes, which is noted.
func (e *evaluator) arguments(n *yaml.Node, name, takes string, least, most, line, depth int) []value {
	n = follow(n)
	if n.Kind != yaml.SequenceNode || len(n.Content) < least || len(n.Content) > most || n.Tag != "!!seq" {
		e.problem(line, name+" takes "+takes, "")
		return nil
	}
	var all []value
	for _, c := range n.Content {
		v := e.eval(c, depth)
		if v.kind == unknown {
			return nil
		}
		all = append(all, v)
	}
	return all
}

func (e *evaluator) join(arg *yaml.Node, line, depth int) value {
	const takes = "a delimiter and a list of strings"
	args := e.arguments(arg, "Fn::Join", takes, 2, 2, line, depth)
	if args == nil {
		return value{kind: unknown, line: line}
	}
	if args[0].kind != text || args[1].kind != list {
		return e.misused(args[1], "Fn::Join", takes, line)
	}
	var parts []string
	for _, item := range args[1].items {
		if item.kind != text {
			return e.misused(item, "Fn::Join", takes, line)
		}
		parts = append(parts, item.text)
	}
	return e.made(strings.Join(parts, args[0].text), line)
}

func (e *evaluator) choose(arg *yaml.Node, line, depth int) value {
	const takes = "a number and a list with that many items before the one that is meant"
	args := e.arguments(arg, "Fn::Select", takes, 2, 2, line, depth)
	if args == nil {
		return value{kind: unknown, line: line}
	}
	i, err := strconv.Atoi(args[0].text)
	if err != nil || args[1].kind != list || i < 0 || i >= len(args[1].items) {
		return e.misused(args[1], "Fn::Select", takes, line)
	}
	return args[1].items[i]
}

func (e *evaluator) split(arg *yaml.Node, line, depth int) value {
	const takes = "a delimiter and a string"
	args := e.arguments(arg, "Fn::Split", takes, 2, 2, line, depth)
	if args == nil {
		return value{kind: unknown, line: line}
	}
	if args[0].kind != text || args[0].text == "" || args[1].kind != text {
		return e.misused(args[1], "Fn::Split", takes, line)
	}
	v := value{kind: list, line: line}
	for _, part := range strings.Split(args[1].text, args[0].text) {
		v.items = append(v.items, value{kind: text, text: part, line: line})
	}
	e.steps += len(v.items)
	return v
}

func (e *evaluator) findInMap(arg *yaml.Node, line, depth int) value {
	args := e.arguments(arg, "Fn::FindInMap", "a mapping's name and two keys", 3, 4, line, depth)
	if args == nil {
		return value{kind: unknown, line: line}
	}
	for _, a := range args[:3] {
		if a.kind != text {
			return e.misused(a, "Fn::FindInMap", "a mapping's name and two keys", line)
		}
	}
	found := child(child(child(e.mappings, args[0].text), args[1].text), args[2].text)
	if found != nil {
		return e.eval(found, depth)
	}
	if len(args) == 4 {
		for _, m := range args[3].members {
			if m.name == "DefaultValue" {
				return m.value
			}
		}
	}
	return e.problem(line, "there is no value at "+shown(args[1].text)+", "+shown(args[2].text)+" in mapping "+shown(args[0].text), "")
}

var variable = regexp.MustCompile(`\$\{([^{}]*)\}`)

// sub fills ${Name}, ${Logical.Attribute} and the variables that are given with it; ${!Name} stays as ${Name}.
func (e *evaluator) sub(arg *yaml.Node, line, depth int) value {
	arg = follow(arg)
	given := map[string]value{}
	if arg.Kind == yaml.SequenceNode {
		if len(arg.Content) != 2 || follow(arg.Content[1]).Kind != yaml.MappingNode {
			return e.problem(line, "Fn::Sub takes a string, or a list of a string and variables", "")
		}
		for _, p := range pairs(arg.Content[1]) {
			given[p.key.Value] = e.word(p.value, "Fn::Sub", depth)
		}
		arg = follow(arg.Content[0])
	}
	if arg.Kind != yaml.ScalarNode {
		return e.problem(line, "Fn::Sub takes a string, or a list of a string and variables", "")
	}
	var out strings.Builder
	failed, from := false, 0
	for _, at := range variable.FindAllStringSubmatchIndex(arg.Value, -1) {
		name := strings.TrimSpace(arg.Value[at[2]:at[3]])
		out.WriteString(arg.Value[from:at[0]])
		from = at[1]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			out.WriteString("${" + literal + "}")
			continue
		}
		v, ok := given[name]
		if !ok {
			v = e.named(name, line)
		}
		if v.kind != text {
			e.misused(v, "Fn::Sub", "strings: "+name+" is none", line)
			failed = true
			continue
		}
		if out.Len()+len(v.text) > maxText {
			return e.made(strings.Repeat(" ", maxText+1), line)
		}
		out.WriteString(v.text)
	}
	if failed {
		return value{kind: unknown, line: line}
	}
	out.WriteString(arg.Value[from:])
	return e.dynamic(e.made(out.String(), line))
}

// named is what ${name} means: Ref of it, or GetAtt where it has a dot.
func (e *evaluator) named(name string, line int) value {
	if logical, attribute, ok := strings.Cut(name, "."); ok {
		return e.attribute(logical, attribute, line)
	}
	return e.ref(value{kind: text, text: name, line: line}, line)
}

// hasUnknown tells whether a problem lies somewhere in v.
func hasUnknown(v value) bool {
	return v.kind == unknown || slices.ContainsFunc(v.items, hasUnknown) ||
		slices.ContainsFunc(v.members, func(m member) bool { return hasUnknown(m.value) })
}

// plain is a value as encoding/json takes it; all scalars are strings.
func plain(v value) any {
	switch v.kind {
	case text:
		return v.text
	case list:
		all := []any{}
		for _, i := range v.items {
			all = append(all, plain(i))
		}
		return all
	case object:
		all := map[string]any{}
		for _, m := range v.members {
			all[m.name] = plain(m.value)
		}
		return all
	}
	return nil
}
