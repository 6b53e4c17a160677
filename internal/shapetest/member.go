package shapetest

import (
	"slices"
	"strings"
)

// This file: every member that a structure can hold, one at a time, in values as small as they can be.

// Member is a string, number or boolean that a structure can hold, however deep.
type Member struct {
	Steps []string // the names of members, and a step for the only item of each list
	Shape string
}

// String is the member as messages name it: listeners[0].portMapping.port.
func (m Member) String() string { return pathOf(m.Steps) }

// Name is the member's own name; of a list's item, the list's.
func (m Member) Name() string {
	names := slices.DeleteFunc(slices.Clone(m.Steps), func(s string) bool { return s == anyItem })
	return names[len(names)-1]
}

// Steps are the steps that a path names.
func Steps(path string) []string {
	return strings.Split(strings.ReplaceAll(path, anyItem, "."+anyItem), ".")
}

// Members lists all that a structure can hold, sorted by name.
func (m *Model) Members(shape string) []Member {
	var all []Member
	m.sites(shape, nil, func(at site) {
		if t := m.Shapes[at.shape].Type; t != "structure" && t != "list" {
			all = append(all, Member{at.steps, at.shape})
		}
	})
	return all
}

// Put sets what lies at steps in a value of a shape, and returns the value. What is not there on the way is made, with
// no more members than it needs; alternatives to what is on the way are taken out. The value is changed in place.
func (m *Model) Put(value any, shape string, steps []string, leaf any) any {
	if len(steps) == 0 {
		return leaf
	}
	s := m.Shapes[shape]
	if s.Type == "list" {
		list, _ := value.([]any)
		if len(list) == 0 {
			list = []any{nil}
		}
		list[0] = m.Put(list[0], s.Member.Shape, steps[1:], leaf)
		return list
	}
	object, ok := value.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	if alternatives := m.Alternatives(shape); slices.Contains(alternatives, steps[0]) {
		for _, other := range alternatives {
			if other != steps[0] {
				delete(object, other)
			}
		}
	}
	object[steps[0]] = m.Put(object[steps[0]], s.Members[steps[0]].Shape, steps[1:], leaf)
	for name, need := range m.needs(shape) {
		if _, there := object[name]; !there {
			object[name] = need
		}
	}
	return object
}

// needs are the members that a structure must have, each as small as it can be.
func (m *Model) needs(shape string) map[string]any {
	needs := map[string]any{}
	for _, name := range m.Shapes[shape].Required {
		needs[name] = m.least(m.Shapes[shape].Members[name].Shape, name)
	}
	return needs
}

// least is a value with no more than it needs: of a union, the first alternative.
func (m *Model) least(shape, member string) any {
	switch s := m.Shapes[shape]; s.Type {
	case "structure":
		object := m.needs(shape)
		if s.Union {
			name := sortedKeys(s.Members)[0]
			object[name] = m.least(s.Members[name].Shape, name)
		}
		return object
	case "list":
		return []any{m.least(s.Member.Shape, member)}
	default:
		return m.fill(shape, member, nil)
	}
}

// LeaveOut takes a member out of a value of a shape, or if that must have it, the nearest thing around it that is
// optional. ok is false if nothing around it is. The value is changed in place.
func (m *Model) LeaveOut(value any, shape string, steps []string) (ok bool) {
	return len(steps) > 0 && m.leaveOut(value, shape, steps)
}

func (m *Model) leaveOut(value any, shape string, steps []string) bool {
	s := m.Shapes[shape]
	if s.Type == "list" {
		return len(steps) > 1 && m.leaveOut(value.([]any)[0], s.Member.Shape, steps[1:])
	}
	object, name := value.(map[string]any), steps[0]
	if len(steps) > 1 && m.leaveOut(object[name], s.Members[name].Shape, steps[1:]) {
		return true
	}
	if slices.Contains(s.Required, name) || slices.Contains(oneOf[shape], name) {
		return false
	}
	delete(object, name)
	return true
}

// Values are valid values of a string, number or boolean: all of an enumeration, else two.
func (m *Model) Values(of Member) []any {
	s := m.Shapes[of.Shape]
	switch {
	case len(s.Enum) > 0:
		var all []any
		for _, e := range s.Enum {
			all = append(all, e)
		}
		return all
	case s.Type == "boolean":
		return []any{true, false}
	case s.Type == "string":
		text := m.text(s, of.Name())
		return []any{text, strings.ToUpper(text)}
	}
	low, high := s.bounds()
	first := min(max(low+1, 7), high-1)
	return []any{number(first), number(first + 1)}
}
