package cloudformation

import (
	"reflect"

	"go.yaml.in/yaml/v3"
)

// This file: conditions. Each gives what it is, and false where a problem keeps it from being known.

// branch is Fn::If: only the branch that is taken is evaluated.
func (e *evaluator) branch(arg *yaml.Node, line, depth int) value {
	arg = follow(arg)
	if arg.Kind != yaml.SequenceNode || len(arg.Content) != 3 || arg.Content[0].Kind != yaml.ScalarNode {
		return e.problem(line, "Fn::If takes a condition's name and two values", "")
	}
	is, ok := e.namedCondition(arg.Content[0].Value, line)
	switch {
	case !ok:
		return value{kind: unknown, line: line}
	case is:
		return e.eval(arg.Content[1], depth)
	default:
		return e.eval(arg.Content[2], depth)
	}
}

func (e *evaluator) namedCondition(name string, line int) (is, ok bool) {
	if is, ok := e.decided[name]; ok {
		return is, true
	}
	n, there := e.conditions[name]
	if !there {
		e.problem(line, "there is no condition "+shown(name), "")
		return false, false
	}
	leave, ok := e.enter("condition " + name)
	if !ok {
		e.problem(line, "condition "+shown(name)+" needs itself", "")
		return false, false
	}
	defer leave()
	is, ok = e.condition(n, 0)
	if ok {
		e.decided[name] = is
	}
	return is, ok
}

func (e *evaluator) condition(n *yaml.Node, depth int) (is, ok bool) {
	n = follow(n)
	if e.steps++; e.steps > maxSteps || depth > maxDepth {
		e.problem(n.Line, "the condition is too deep", "")
		return false, false
	}
	name, arg, isFunction := function(n)
	if !isFunction && n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "Condition" {
		name, arg, isFunction = "Condition", n.Content[1], true
	}
	if !isFunction {
		return e.noCondition(n.Line)
	}
	arg = follow(arg)
	if name == "Condition" {
		return e.namedCondition(arg.Value, n.Line)
	}
	if arg.Kind != yaml.SequenceNode || len(arg.Content) == 0 {
		return e.noCondition(n.Line)
	}
	switch name {
	case "Fn::Equals":
		args := e.arguments(arg, name, "two values", 2, 2, n.Line, depth+1)
		if args == nil || hasUnknown(args[0]) || hasUnknown(args[1]) {
			return false, false
		}
		return reflect.DeepEqual(plain(args[0]), plain(args[1])), true
	case "Fn::Not":
		is, ok = e.condition(arg.Content[0], depth+1)
		return !is, ok
	case "Fn::And", "Fn::Or":
		return e.all(arg.Content, name == "Fn::And", depth+1)
	}
	return e.noCondition(n.Line)
}

// all is And, or, with and false, Or. What is known decides where it can.
func (e *evaluator) all(of []*yaml.Node, and bool, depth int) (is, ok bool) {
	is, ok = and, true
	for _, n := range of {
		one, known := e.condition(n, depth)
		ok = ok && known
		if known && one != and {
			is = !and
		}
	}
	return is, ok
}

func (e *evaluator) noCondition(line int) (is, ok bool) {
	e.problem(line, "this is no condition: it takes Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition", "")
	return false, false
}
