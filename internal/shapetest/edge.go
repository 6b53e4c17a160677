package shapetest

import (
	"slices"
	"strings"
)

// This file: requests that just satisfy one constraint each.

// Edges makes one request for each bound and each enumerated value of each member that an operation's body can hold,
// in which the member is right at the bound, or has the value. All are valid by themselves.
func (m *Model) Edges(operation string) []Request {
	if !m.HasBody(operation) {
		return nil
	}
	var requests []Request
	m.sites(m.Operations[operation].Input.Shape, nil, func(at site) {
		put := func(constraint string, change func(old any) any) {
			body := with(m.body(operation, at.steps), at.steps, change)
			requests = append(requests, m.request(operation, body, constraint, pathOf(at.steps)))
		}
		s := m.Shapes[at.shape]
		switch s.Type {
		case "integer", "long":
			low, high := s.bounds()
			put("min", func(any) any { return number(low) })
			put("max", func(any) any { return number(high) })
		case "list":
			if s.Min != nil && *s.Min == 0 || s.Min == nil {
				put("min", func(any) any { return []any{} })
			}
			if s.Max != nil {
				put("max", func(old any) any { return slices.Repeat(old.([]any), int(*s.Max)) })
			}
		case "string":
			for _, value := range s.Enum {
				put("enum", func(any) any { return value })
			}
			letter := "é" // two bytes: bounds are of characters
			if s.Pattern != "" {
				letter = "a"
			}
			if s.Min != nil {
				put("min", func(any) any { return strings.Repeat(letter, int(*s.Min)) })
			}
			if s.Max != nil {
				put("max", func(any) any { return strings.Repeat(letter, int(*s.Max)) })
			}
		case "structure":
			if s.Union {
				put("union", func(any) any { return map[string]any{} })
			}
		}
	})
	return requests
}
