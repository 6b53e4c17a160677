package shapetest

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strings"
)

// This file: requests that break one constraint each.

// Broken makes one request for each way to break each constraint of each member of an operation's input.
func (m *Model) Broken(operation string) []Request {
	requests := m.brokenParams(operation)
	if !m.HasBody(operation) {
		return requests
	}
	// breaks adds a request in which change was made at steps.
	breaks := func(constraint string, steps []string, change func(old any) any) {
		body := with(m.body(operation, steps), steps, change)
		requests = append(requests, m.request(operation, body, constraint, pathOf(steps)))
	}
	top := m.Operations[operation].Input.Shape
	m.breakStructure(site{shape: top}, breaks)
	m.sites(top, nil, func(at site) {
		s := m.Shapes[at.shape]
		for _, wrong := range wrongTypes(s.Type) {
			breaks("type", at.steps, func(any) any { return wrong })
		}
		switch s.Type {
		case "structure":
			m.breakStructure(at, breaks)
		case "list":
			if at.member == "tags" && operation == "TagResource" {
				s.Max = nil // another error's business
			}
			m.breakList(at, s, breaks)
		case "integer", "long":
			low, high := s.bounds()
			breaks("min", at.steps, func(any) any { return beside(low, -1) })
			breaks("max", at.steps, func(any) any { return beside(high, 1) })
		case "string":
			for _, w := range wrongTexts(s, at.shape) {
				breaks(w.constraint, at.steps, func(any) any { return w.text })
			}
		}
	})
	return requests
}

type breaker func(constraint string, steps []string, change func(old any) any)

func (m *Model) breakStructure(at site, breaks breaker) {
	s := m.Shapes[at.shape]
	for _, name := range s.Required {
		if s.Members[name].Location == "" {
			steps := append(slices.Clone(at.steps), name)
			breaks("required", steps, func(any) any { return gone })
			breaks("required", steps, func(any) any { return nil })
		}
	}
	breaks("unknown", append(slices.Clone(at.steps), "unheardOf"), func(any) any { return "x" })
	if alternatives := m.Alternatives(at.shape); len(alternatives) > 1 {
		breaks("union", at.steps, func(old any) any {
			object := old.(map[string]any)
			for _, name := range alternatives {
				object[name] = m.fill(s.Members[name].Shape, name, nil)
			}
			return object
		})
	}
}

func (m *Model) breakList(at site, s Shape, breaks breaker) {
	if s.Min != nil && *s.Min > 0 {
		breaks("min", at.steps, func(any) any { return []any{} })
	}
	if s.Max != nil {
		breaks("max", at.steps, func(old any) any {
			list := old.([]any)
			for int64(len(list)) <= *s.Max {
				list = append(list, list[0])
			}
			return list
		})
	}
	breaks("type", append(slices.Clone(at.steps), anyItem), func(any) any { return nil })
}

// wrongText is a string that breaks a constraint.
type wrongText struct{ constraint, text string }

// wrongTexts are strings that break a string shape's constraints.
func wrongTexts(s Shape, shape string) []wrongText {
	var texts []wrongText
	if len(s.Enum) > 0 {
		texts = append(texts, wrongText{"enum", strings.ToUpper(s.Enum[0]) + "-"})
	}
	if s.Min != nil && *s.Min > 0 {
		texts = append(texts, wrongText{"min", strings.Repeat("é", int(*s.Min)-1)})
	}
	if s.Max != nil {
		texts = append(texts, wrongText{"max", strings.Repeat("x", int(*s.Max)+1)})
	}
	if s.Pattern != "" {
		texts = append(texts, wrongText{"pattern", "schlüssel"})
	}
	if shape == "ResourceName" {
		texts = append(texts, wrongText{"control", "a\nb"})
	}
	if shape == "TagKey" {
		texts = append(texts, wrongText{"reserved", "aws:cloudformation:stack-name"})
	}
	return texts
}

// wrongTypes are values of other types.
func wrongTypes(typ string) []any {
	wrong := map[string]any{"structure": map[string]any{}, "list": []any{}, "string": "7", "integer": number(7), "boolean": true}
	if typ == "long" {
		typ = "integer"
	}
	delete(wrong, typ)
	var values []any
	for _, name := range sortedKeys(wrong) {
		values = append(values, wrong[name])
	}
	if typ == "integer" {
		values = append(values, json.Number("7.5"))
	}
	return values
}

// beside is the number next to i, which an int64 may not hold.
func beside(i, step int64) json.Number {
	return json.Number(new(big.Int).Add(big.NewInt(i), big.NewInt(step)).String())
}

// brokenParams breaks what lies in path and query. An empty segment of a path can't be sent: it is another path.
func (m *Model) brokenParams(operation string) []Request {
	var requests []Request
	input := m.input(operation)
	for _, name := range sortedKeys(input.Members) {
		member := input.Members[name]
		if member.Location == "" {
			continue
		}
		breaks := func(constraint, value string) {
			r := m.request(operation, m.body(operation, nil), constraint, name)
			r.Params[name] = value
			requests = append(requests, r)
		}
		s := m.Shapes[member.Shape]
		switch s.Type {
		case "string":
			for _, w := range wrongTexts(s, member.Shape) {
				if w.text != "" {
					breaks(w.constraint, w.text)
				}
			}
		case "integer":
			low, high := s.bounds()
			breaks("min", beside(low, -1).String())
			breaks("max", beside(high, 1).String())
			breaks("max", beside(math.MaxInt64, 1).String())
			for _, wrong := range []string{"many", "1.5", "1e1", ""} {
				breaks("type", wrong)
			}
		}
		if name == "resourceArn" {
			breaks("pattern", "arn:aws:s3:::bucket")
			r := m.request(operation, m.body(operation, nil), "required", name)
			delete(r.Params, name)
			requests = append(requests, r)
		}
	}
	return requests
}

// BrokenEverywhere is a request in which every string, number and boolean has a wrong type at once.
func (m *Model) BrokenEverywhere(operation string) Request {
	body := m.body(operation, nil)
	var paths []string
	var spoil func(v any, steps []string) any
	spoil = func(v any, steps []string) any {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range sortedKeys(v) {
				v[name] = spoil(v[name], append(slices.Clone(steps), name))
			}
			return v
		case []any:
			v[0] = spoil(v[0], append(slices.Clone(steps), anyItem))
			return v
		}
		paths = append(paths, pathOf(steps))
		return []any{}
	}
	body = spoil(body, nil)
	return m.request(operation, body, "type", paths...)
}
