package resource

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file: one JSON value against one shape.

// maxViolations bounds an answer: a body of a mebibyte can hold a hundred thousand faults.
const maxViolations = 100

// checker collects what is wrong with one request.
type checker struct {
	violations []Violation
	unlisted   int // how many more there are
}

// full says that one more violation would not be listed: it counts it, and spares the caller to describe it.
func (c *checker) full() bool {
	if len(c.violations) < maxViolations {
		return false
	}
	c.unlisted++
	return true
}

func (c *checker) add(p *path, rule, got string) {
	if !c.full() {
		c.violations = append(c.violations, Violation{Path: p.String(), Rule: rule, Got: got})
	}
}

// all is what was found.
func (c *checker) all() []Violation {
	if c.unlisted > 0 {
		return append(c.violations, Violation{Path: bodyPath, Rule: fmt.Sprintf("has %d more faults like these", c.unlisted)})
	}
	return c.violations
}

func (c *checker) value(p *path, s *shape, n node) {
	switch s.typ {
	case structureShape:
		c.structure(p, s, n)
	case listShape:
		c.list(p, s, n)
	case stringShape:
		if n.kind != stringNode {
			c.add(p, "must be a string", n.shown())
			return
		}
		c.string(p, s, n.text)
	case integerShape, longShape:
		if n.kind != numberNode {
			c.add(p, "must be a whole number", n.shown())
			return
		}
		c.number(p, s, n.raw)
	case booleanShape:
		if n.kind != boolNode {
			c.add(p, "must be true or false", n.shown())
		}
	default:
		panic("resource: no input holds a " + string(s.typ))
	}
}

func (c *checker) structure(p *path, s *shape, n node) {
	if n.kind != objectNode {
		c.add(p, "must be an object", n.shown())
		return
	}
	var given []string
	for i := range n.members {
		m := &n.members[i]
		member, known := s.members[m.name]
		switch {
		case !known || member.location != "":
			if !c.full() {
				c.violations = append(c.violations, Violation{Path: p.member(m.name).String(), Rule: c.stranger(s, m.name)})
			}
		case m.repeated:
			c.add(p.member(m.name), "is given more than once", "")
		case m.node.kind == nullNode: // the same as absent
		default:
			given = append(given, m.name)
			c.value(p.member(m.name), member.shape, m.node)
		}
	}
	for _, name := range s.required {
		if s.members[name].location == "" && n.get(name).kind == absent {
			c.add(p.member(name), "is required", "")
		}
	}
	if s.union && len(given) > 1 {
		c.add(p, "must have at most one of "+strings.Join(s.names, ", "), strings.Join(given, " and "))
	}
}

// stranger says what is wrong with a member that the body may not have here.
func (c *checker) stranger(s *shape, name string) string {
	if m, ok := s.members[name]; ok {
		if m.location == "uri" {
			return "belongs in the request's path, not in its body"
		}
		return "belongs in the request's query, not in its body"
	}
	var known []string
	for _, k := range s.names {
		if s.members[k].location == "" {
			known = append(known, k)
		}
	}
	what := "is not a member of " + s.name
	if len(known) == 0 {
		return what + ", which has none"
	}
	if near := nearest(name, known); near != "" {
		return what + fmt.Sprintf(": did you mean %q?", near)
	}
	return what + ", which has " + strings.Join(known, ", ")
}

func (c *checker) list(p *path, s *shape, n node) {
	if n.kind != listNode {
		c.add(p, "must be a list", n.shown())
		return
	}
	if count := int64(len(n.items)); count < s.min || count > s.max {
		c.add(p, "must have "+between(s, 0, math.MaxInt64)+" items", strconv.FormatInt(count, 10))
	}
	for i := range n.items {
		c.value(p.item(i), s.item, n.items[i])
	}
}

func (c *checker) number(p *path, s *shape, literal []byte) {
	d := parseDecimal(literal)
	if !d.whole() {
		c.add(p, "must be a whole number", cut(string(literal)))
		return
	}
	if i, ok := d.int64(); !ok || i < s.min || i > s.max {
		c.add(p, "must be "+between(s, math.MinInt64, math.MaxInt64), cut(string(literal)))
	}
}

func (c *checker) string(p *path, s *shape, text string) {
	count := int64(utf8.RuneCountInString(text))
	if count < s.min || count > s.max {
		got := quoted(text)
		if len(text) > shownLength {
			got += fmt.Sprintf(" (%d characters)", count)
		}
		c.add(p, "must be "+between(s, 0, math.MaxInt64)+" characters long", got)
	}
	if len(s.enum) > 0 && !slices.Contains(s.enum, text) {
		rule := "must be one of " + strings.Join(s.enum, ", ")
		if len(s.enum) == 1 {
			rule = "must be " + s.enum[0]
		}
		c.add(p, rule, quoted(text))
	}
	if s.pattern != nil && !s.pattern.MatchString(text) {
		c.add(p, "must match "+s.pattern.String(), quoted(text))
	}
	if s.isName && strings.IndexFunc(text, unicode.IsControl) >= 0 {
		c.add(p, "must have no control characters", quoted(text))
	}
	if s.isTagKey && len(text) >= len(reservedTags) && strings.EqualFold(text[:len(reservedTags)], reservedTags) {
		c.add(p, "must not start with "+reservedTags+", which is reserved", quoted(text))
	}
}

// reservedTags starts the keys that AWS keeps to itself, in any case.
const reservedTags = "aws:"

// between words a shape's bounds, without those that say nothing: lowest and highest.
func between(s *shape, lowest, highest int64) string {
	switch {
	case s.max == highest:
		return fmt.Sprintf("at least %d", s.min)
	case s.min == lowest:
		return fmt.Sprintf("at most %d", s.max)
	case s.min == s.max:
		return strconv.FormatInt(s.min, 10)
	}
	return fmt.Sprintf("between %d and %d", s.min, s.max)
}
