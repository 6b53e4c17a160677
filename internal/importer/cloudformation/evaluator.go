package cloudformation

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kind is what a value is.
type kind int

const (
	absent  kind = iota // AWS::NoValue, or null: as if it were not written
	unknown             // a problem has been noted: whatever is made of it is unknown too
	text                // a string, number or boolean: which, its place decides
	list
	object
)

// value is what a node evaluates to.
type value struct {
	kind    kind
	text    string
	items   []value
	members []member
	line    int
}

type member struct {
	name  string
	line  int
	value value
}

// Bounds on evaluating one template: nothing in a real one comes near.
const (
	maxSteps = 2_000_000
	maxBytes = 64 << 20 // of strings that functions make
	maxText  = 1 << 20  // of one of them
)

// evaluator evaluates one template.
type evaluator struct {
	stacks     *stacks
	file       string
	parameters map[string]*yaml.Node
	mappings   *yaml.Node
	conditions map[string]*yaml.Node
	declared   map[string]*declared
	order      []*declared
	exports    []*yaml.Node // the outputs
	transforms []*yaml.Node

	at       string          // the resource that is read
	decided  map[string]bool // conditions
	visiting map[string]bool // what is being evaluated, against cycles
	steps    int
	bytes    int
	quiet    int // problems are not noted: something is only tried
	noted    map[Problem]bool
	blocked  bool // a problem of this resource was noted with another one

	done     []Resource
	leftOut  []Left
	problems []Problem
}

func newEvaluator(set *stacks, t Template) *evaluator {
	e := &evaluator{
		stacks: set, file: t.File,
		parameters: map[string]*yaml.Node{}, conditions: map[string]*yaml.Node{}, declared: map[string]*declared{},
		decided: map[string]bool{}, visiting: map[string]bool{}, noted: map[Problem]bool{},
	}
	for _, section := range pairs(t.Root) {
		switch section.key.Value {
		case "Parameters":
			fill(e.parameters, section.value)
		case "Mappings":
			e.mappings = section.value
		case "Conditions":
			fill(e.conditions, section.value)
		case "Resources":
			e.declare(section.value)
		case "Outputs":
			for _, p := range pairs(section.value) {
				e.exports = append(e.exports, p.value)
			}
		case "Transform":
			if v := follow(section.value); v.Kind == yaml.SequenceNode {
				e.transforms = v.Content
			} else {
				e.transforms = []*yaml.Node{v}
			}
		}
	}
	return e
}

func fill(into map[string]*yaml.Node, n *yaml.Node) {
	for _, p := range pairs(n) {
		into[p.key.Value] = p.value
	}
}

func (e *evaluator) declare(resources *yaml.Node) {
	for _, p := range pairs(resources) {
		d := &declared{logical: p.key.Value, line: p.key.Line}
		for _, a := range pairs(p.value) {
			switch a.key.Value {
			case "Type":
				d.typ = a.value.Value
			case "Condition":
				d.condition = a.value.Value
			case "Properties":
				d.properties = pairs(a.value)
			default:
				d.attributes = append(d.attributes, a)
			}
		}
		if e.declared[d.logical] != nil {
			e.at = d.logical
			e.problem(d.line, "there is a resource of this name already", "")
			continue
		}
		e.declared[d.logical] = d
		e.order = append(e.order, d)
	}
}

// problem notes what keeps the present resource from being read, each cause once, and gives an unknown value.
func (e *evaluator) problem(line int, message, pass string) value {
	if e.quiet > 0 {
		return value{kind: unknown, line: line}
	}
	e.blocked = true
	p := Problem{Logical: e.at, Line: line, Message: message, Pass: pass}
	cause := p
	if pass != "" { // one flag mends all places, so one place is enough to say
		cause = Problem{Pass: pass}
	}
	if !e.noted[cause] {
		e.noted[cause] = true
		e.problems = append(e.problems, p)
	}
	return value{kind: unknown, line: line}
}

// eval evaluates a node.
func (e *evaluator) eval(n *yaml.Node, depth int) value {
	n = follow(n)
	if n == nil {
		return value{}
	}
	if e.steps++; e.steps > maxSteps || depth > maxDepth {
		return e.problem(n.Line, fmt.Sprintf("it is nested deeper than %d, or evaluates to more than %d values", maxDepth, maxSteps), "")
	}
	if name, argument, ok := function(n); ok {
		v := e.call(name, argument, n.Line, depth+1)
		v.line = n.Line
		return v
	}
	switch n.Kind {
	case yaml.SequenceNode:
		return e.list(n, depth)
	case yaml.MappingNode:
		return e.object(n, depth)
	case yaml.ScalarNode:
		if n.ShortTag() == "!!null" {
			return value{line: n.Line}
		}
		return e.dynamic(value{kind: text, text: n.Value, line: n.Line})
	}
	return e.problem(n.Line, "this is no value", "")
}

func (e *evaluator) list(n *yaml.Node, depth int) value {
	v := value{kind: list, line: n.Line}
	for _, c := range n.Content {
		if item := e.eval(c, depth+1); item.kind != absent {
			v.items = append(v.items, item)
		}
	}
	return v
}

func (e *evaluator) object(n *yaml.Node, depth int) value {
	v := value{kind: object, line: n.Line}
	seen := map[string]bool{}
	for _, p := range pairs(n) {
		if p.key.ShortTag() == "!!merge" {
			return e.problem(p.key.Line, "CloudFormation knows no merges (<<)", "")
		}
		if seen[p.key.Value] {
			return e.problem(p.key.Line, "member "+shown(p.key.Value)+" is there twice", "")
		}
		seen[p.key.Value] = true
		if item := e.eval(p.value, depth+1); item.kind != absent {
			v.members = append(v.members, member{p.key.Value, p.key.Line, item})
		}
	}
	return v
}

const dynamicStart = "{{resolve:"

// dynamic fills references to parameter and secret stores, which only AWS can resolve.
func (e *evaluator) dynamic(v value) value {
	for from := 0; v.kind == text; {
		start := strings.Index(v.text[from:], dynamicStart)
		if start < 0 {
			return v
		}
		start += from
		end := strings.Index(v.text[start:], "}}")
		if end < 0 {
			return v
		}
		reference := v.text[start : start+end+2]
		given, ok := e.stacks.options.Resolve[reference]
		if !ok {
			return e.problem(v.line, "only AWS can resolve "+shown(reference), "--resolve '"+reference+"=VALUE'")
		}
		v.text = v.text[:start] + given + v.text[start+len(reference):]
		from = start + len(given)
	}
	return v
}

// made is a text that a function made, within bounds.
func (e *evaluator) made(s string, line int) value {
	if e.bytes += len(s); e.bytes > maxBytes || len(s) > maxText {
		return e.problem(line, fmt.Sprintf("functions make more than %d MB of text", maxBytes>>20), "")
	}
	return value{kind: text, text: s, line: line}
}

// enter notes that something is being evaluated; false if it is already: it needs itself.
func (e *evaluator) enter(what string) (leave func(), ok bool) {
	if e.visiting[what] {
		return nil, false
	}
	e.visiting[what] = true
	return func() { delete(e.visiting, what) }, true
}
