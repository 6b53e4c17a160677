package cloudformation

import (
	"encoding/json"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ownmesh/ownmesh/core/resource"
)

const typePrefix = "AWS::AppMesh::"

// Template is one template's text, as YAML nodes.
type Template struct {
	File string // for messages that name another template
	Root *yaml.Node
}

// Options are what a person passes to fill what templates leave open.
type Options struct {
	// Parameters are values of the templates' parameters, and of pseudo parameters (AWS::Region). Lists are separated
	// by commas.
	Parameters map[string]string
	// Resolve gives what only a deployed stack knows: LOGICAL (what Ref gives), LOGICAL.ATTRIBUTE, ImportValue.NAME, or
	// a dynamic reference with its braces.
	Resolve map[string]string
}

// Resource is one App Mesh resource.
type Resource struct {
	Logical string
	Line    int
	Body    json.RawMessage // the input of the Create call, plus its kind: VirtualNode
}

// Left is something of a template that is not carried over, and why that is so.
type Left struct {
	Logical string // "" for the template itself
	Type    string // as in AWS::ECS::Service, or what it is: Transform
	Line    int
	Reason  string
}

// Problem is something that keeps a resource from being read.
type Problem struct {
	Logical string // the resource that needs it
	Line    int
	Message string
	Pass    string // what would mend it, as a command-line flag; "" if none would
}

// Result is what one template holds.
type Result struct {
	Resources []Resource // in the template's order, without those that have problems
	Left      []Left
	Problems  []Problem // each cause once
}

// Is tells whether a document is a template: an object with resources that have types.
func Is(root *yaml.Node) bool {
	if root == nil || root.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		switch key.Value {
		case "AWSTemplateFormatVersion":
			return true
		case "Resources":
			if value.Kind == yaml.MappingNode && (len(value.Content) == 0 || hasType(value.Content[1])) {
				return true
			}
		}
	}
	return false
}

func hasType(n *yaml.Node) bool {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "Type" {
			return true
		}
	}
	return false
}

// Read reads templates together, so that one may import what another exports. Results are in the templates' order.
func Read(templates []Template, o Options) []Result {
	set := &stacks{options: o}
	for _, t := range templates {
		set.all = append(set.all, newEvaluator(set, t))
	}
	results := make([]Result, len(templates))
	for i, e := range set.all {
		results[i] = e.template()
	}
	return results
}

// Parameters lists the names that templates have parameters for, sorted: others are spelling mistakes.
func Parameters(templates []Template) []string {
	var names []string
	for _, t := range templates {
		e := newEvaluator(&stacks{}, t)
		for name := range e.parameters {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// stacks are the templates that are read together.
type stacks struct {
	options Options
	all     []*evaluator
}

// template reads all resources of a template.
func (e *evaluator) template() Result {
	for _, m := range e.transforms {
		name := follow(m)
		if given := follow(child(name, "Name")); given != nil { // one with parameters
			name = given
		}
		e.left("", "Transform", m.Line, "transforms are not run: what "+shown(name.Value)+" would add or change is missing")
	}
	for _, r := range e.order {
		e.resource(r)
	}
	return Result{Resources: e.done, Left: e.leftOut, Problems: e.problems}
}

func (e *evaluator) left(logical, typ string, line int, reason string) {
	e.leftOut = append(e.leftOut, Left{Logical: logical, Type: typ, Line: line, Reason: reason})
}

// declared is a resource as the template declares it.
type declared struct {
	logical    string
	typ        string
	line       int
	condition  string
	properties []pair
	attributes []pair // beside type, properties, condition: DependsOn, DeletionPolicy …
}

// info is the App Mesh kind; false for resources of other services.
func (d *declared) info() (resource.Info, bool) {
	title, ok := strings.CutPrefix(d.typ, typePrefix)
	if !ok {
		return resource.Info{}, false
	}
	i := slices.IndexFunc(resource.Kinds, func(i resource.Info) bool { return i.Title == title && !i.Own })
	if i < 0 {
		return resource.Info{}, false
	}
	return resource.Kinds[i], true
}

// property finds a property's node; nil if it is not given.
func (d *declared) property(name string) *yaml.Node {
	for _, p := range d.properties {
		if p.key.Value == name {
			return p.value
		}
	}
	return nil
}

// silent are attributes that say nothing of what the resource is: its order is the API's, its metadata is for tools.
var silent = []string{"DependsOn", "Metadata", "Description"}

// resource reads one declared resource.
func (e *evaluator) resource(d *declared) {
	e.at, e.blocked = d.logical, false
	if strings.HasPrefix(d.logical, "Fn::") {
		e.problem(d.line, d.logical+" is not evaluated: write the resources that it stands for", "")
		return
	}
	info, ok := d.info()
	switch {
	case !ok && strings.HasPrefix(d.typ, typePrefix):
		e.problem(d.line, "there is no resource type "+shown(d.typ), "")
		return
	case !ok && d.typ == "AWS::CloudFormation::Stack":
		e.left(d.logical, d.typ, d.line, "it is a template of its own: pass that one's file too if App Mesh resources are in it")
		return
	case !ok:
		e.left(d.logical, d.typ, d.line, "it is no App Mesh resource")
		return
	}
	if d.condition != "" {
		there, ok := e.namedCondition(d.condition, d.line)
		if !ok {
			return
		}
		if !there {
			e.left(d.logical, d.typ, d.line, "its condition "+shown(d.condition)+" is false")
			return
		}
	}
	for _, a := range d.attributes {
		if !slices.Contains(silent, a.key.Value) {
			e.left(d.logical, d.typ, a.key.Line, "attribute "+shown(a.key.Value)+" has no counterpart here")
		}
	}
	body := e.body(d, info)
	if !e.blocked {
		e.done = append(e.done, Resource{Logical: d.logical, Line: d.line, Body: body})
	}
}
