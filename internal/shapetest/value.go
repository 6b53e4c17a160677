package shapetest

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// This file: valid values, as encoding/json has them: map[string]any, []any, string, json.Number, bool.

// anyItem is the step from a list to its only item.
const anyItem = "[0]"

// fill makes a value with every member. Of alternatives it takes the one that steps lead through, else the first.
func (m *Model) fill(shape, member string, steps []string) any {
	s := m.Shapes[shape]
	switch s.Type {
	case "structure":
		alternatives := m.Alternatives(shape)
		chosen := ""
		if len(alternatives) > 0 {
			chosen = alternatives[0]
			if len(steps) > 0 && slices.Contains(alternatives, steps[0]) {
				chosen = steps[0]
			}
		}
		v := map[string]any{}
		for name, m2 := range s.Members {
			if m2.Location != "" || slices.Contains(alternatives, name) && name != chosen {
				continue
			}
			var rest []string
			if len(steps) > 0 && steps[0] == name {
				rest = steps[1:]
			}
			v[name] = m.fill(m2.Shape, name, rest)
		}
		return v
	case "list":
		var rest []string
		if len(steps) > 0 {
			rest = steps[1:]
		}
		return []any{m.fill(s.Member.Shape, member, rest)}
	case "boolean":
		return true
	case "integer", "long":
		low, high := s.bounds()
		return number(min(max(low+1, 7), high))
	}
	return m.text(s, member)
}

// text is a valid string.
func (m *Model) text(s Shape, member string) string {
	if name, ok := m.Names[member]; ok {
		return name
	}
	if len(s.Enum) > 0 {
		return s.Enum[len(s.Enum)-1]
	}
	text := member
	if s.Min != nil {
		for int64(len(text)) < *s.Min {
			text += "x"
		}
	}
	if s.Max != nil && int64(len(text)) > *s.Max {
		text = text[:*s.Max]
	}
	return text
}

// bounds are the least and the largest number that a shape allows.
func (s Shape) bounds() (low, high int64) {
	low, high = math.MinInt32, math.MaxInt32
	if s.Type == "long" {
		low, high = math.MinInt64, math.MaxInt64
	}
	if s.Min != nil {
		low = *s.Min
	}
	if s.Max != nil {
		high = *s.Max
	}
	return low, high
}

func number(i int64) json.Number { return json.Number(strconv.FormatInt(i, 10)) }

// with sets what lies at steps in a value, in place, and returns the value.
func with(value any, steps []string, change func(old any) any) any {
	if len(steps) == 0 {
		return change(value)
	}
	if steps[0] == anyItem {
		list := value.([]any)
		list[0] = with(list[0], steps[1:], change)
		return list
	}
	object := value.(map[string]any)
	if v := with(object[steps[0]], steps[1:], change); v == gone {
		delete(object, steps[0])
	} else {
		object[steps[0]] = v
	}
	return object
}

// gone, where with's change returns it, takes a member away.
var gone = &struct{ int }{}

// pathOf is steps as messages write them: spec.listeners[0].portMapping.
func pathOf(steps []string) string {
	return strings.ReplaceAll(strings.Join(steps, "."), "."+anyItem, anyItem)
}

// site is a member, or a list's item, that an operation's body can hold.
type site struct {
	shape  string
	member string
	steps  []string
}

// sites walks everything that a body can hold below a structure's members.
func (m *Model) sites(shape string, steps []string, visit func(site)) {
	for _, name := range sortedKeys(m.Shapes[shape].Members) {
		if member := m.Shapes[shape].Members[name]; member.Location == "" {
			m.below(site{member.Shape, name, append(slices.Clone(steps), name)}, visit)
		}
	}
}

func (m *Model) below(at site, visit func(site)) {
	visit(at)
	switch s := m.Shapes[at.shape]; s.Type {
	case "structure":
		m.sites(at.shape, at.steps, visit)
	case "list":
		m.below(site{s.Member.Shape, at.member, append(slices.Clone(at.steps), anyItem)}, visit)
	}
}
