package resource

import (
	"fmt"
	"unicode/utf8"
)

// This file: reading JSON strictly. encoding/json takes duplicate members, broken UTF-8 and lone surrogates without a
// word, which would store something else than was sent; and it says nothing about where a value stood.

// maxDepth bounds how deep values may nest. App Mesh's shapes need about fifteen levels.
const maxDepth = 64

// maxValues bounds how many values a text may hold: in memory each takes a hundred bytes, of text as little as two.
const maxValues = 100_000

// syntaxError says why bytes are not JSON that we take.
type syntaxError struct {
	offset int // of the byte at which reading ended, from 0
	what   string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("byte %d: %s", e.offset, e.what) }

// parseJSON reads exactly one value.
func parseJSON(b []byte) (node, *syntaxError) {
	p := parser{b: b}
	p.space()
	n := p.value(1)
	p.space()
	if p.err == nil && p.i < len(b) {
		p.fail("found " + p.found() + " behind the end of the value")
	}
	if p.err != nil {
		return node{}, p.err
	}
	return n, nil
}

// parser walks over b. After the first fault every step returns at once.
type parser struct {
	b      []byte
	i      int
	values int // so far
	err    *syntaxError
}

func (p *parser) fail(what string) {
	if p.err == nil {
		p.err = &syntaxError{offset: p.i, what: what}
	}
}

// found names the next character for people.
func (p *parser) found() string {
	if p.i >= len(p.b) {
		return "the end"
	}
	r, size := utf8.DecodeRune(p.b[p.i:])
	if r == utf8.RuneError && size <= 1 {
		return fmt.Sprintf("the byte 0x%02x, which is not UTF-8,", p.b[p.i])
	}
	return fmt.Sprintf("%q", r)
}

func (p *parser) space() {
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\r', '\n':
			p.i++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.err == nil && p.i < len(p.b) {
		return p.b[p.i]
	}
	return 0
}

func (p *parser) value(depth int) node {
	if depth > maxDepth {
		p.fail(fmt.Sprintf("values nest deeper than %d levels", maxDepth))
	}
	if p.values++; p.values > maxValues {
		p.fail(fmt.Sprintf("there are more than %d values", maxValues))
	}
	start := p.i
	var n node
	switch c := p.peek(); {
	case c == '{':
		n = p.object(depth)
	case c == '[':
		n = p.list(depth)
	case c == '"':
		n = node{kind: stringNode, text: p.string()}
	case c == '-' || '0' <= c && c <= '9':
		n = node{kind: numberNode}
		p.number()
	case c == 't':
		n = node{kind: boolNode}
		p.word("true")
	case c == 'f':
		n = node{kind: boolNode}
		p.word("false")
	case c == 'n':
		n = node{kind: nullNode}
		p.word("null")
	default:
		p.fail("found " + p.found() + " where a value should start")
	}
	n.raw = p.b[start:p.i]
	return n
}

// mapFrom is the size from which on an object's names are looked up in a map: below it, comparing is cheaper.
const mapFrom = 16

func (p *parser) object(depth int) node {
	n := node{kind: objectNode}
	var seen map[string]bool
	p.i++ // {
	p.space()
	if p.peek() == '}' {
		p.i++
		return n
	}
	for p.err == nil {
		if p.peek() != '"' {
			p.fail("found " + p.found() + " where a member's name should start")
			break
		}
		m := member{name: p.string()}
		if len(n.members) == mapFrom {
			seen = make(map[string]bool, 2*mapFrom)
			for i := range n.members {
				seen[n.members[i].name] = true
			}
		}
		if seen == nil {
			for i := range n.members {
				m.repeated = m.repeated || n.members[i].name == m.name
			}
		} else {
			m.repeated = seen[m.name]
			seen[m.name] = true
		}
		p.space()
		if p.peek() != ':' {
			p.fail("found " + p.found() + " where ':' should stand")
			break
		}
		p.i++
		p.space()
		m.node = p.value(depth + 1)
		n.members = append(n.members, m)
		if p.next('}') {
			break
		}
	}
	return n
}

func (p *parser) list(depth int) node {
	n := node{kind: listNode}
	p.i++ // [
	p.space()
	if p.peek() == ']' {
		p.i++
		return n
	}
	for p.err == nil {
		n.items = append(n.items, p.value(depth+1))
		if p.next(']') {
			break
		}
	}
	return n
}

// next steps over what follows an element: a comma, or the end of the object or list, for which it says true.
func (p *parser) next(end byte) bool {
	p.space()
	switch p.peek() {
	case end:
		p.i++
		return true
	case ',':
		p.i++
		p.space()
	default:
		p.fail("found " + p.found() + fmt.Sprintf(" where ',' or '%c' should stand", end))
	}
	return false
}

func (p *parser) word(w string) {
	for k := range len(w) {
		if p.peek() != w[k] {
			p.fail("found " + p.found() + " inside the word " + w)
			return
		}
		p.i++
	}
}

// number steps over a number in JSON's grammar: no leading zeros, digits on both sides of the point.
func (p *parser) number() {
	if p.peek() == '-' {
		p.i++
	}
	if p.peek() == '0' {
		p.i++
	} else {
		p.digits()
	}
	if p.peek() == '.' {
		p.i++
		p.digits()
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.i++
		if c := p.peek(); c == '+' || c == '-' {
			p.i++
		}
		p.digits()
	}
}

func (p *parser) digits() {
	start := p.i
	for c := p.peek(); '0' <= c && c <= '9'; c = p.peek() {
		p.i++
	}
	if p.i == start {
		p.fail("found " + p.found() + " where a digit should stand")
	}
}
