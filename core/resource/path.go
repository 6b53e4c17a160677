package resource

import (
	"strconv"
	"strings"
)

// This file: where in a request a value stands.

// bodyPath names a body as a whole.
const bodyPath = "body"

// path is a step and the way to it; nil is the body as a whole. It is written out only where something is wrong.
type path struct {
	up    *path
	name  string // of a member; "" for an item
	index int    // of an item
}

func (p *path) member(name string) *path { return &path{up: p, name: name, index: -1} }
func (p *path) item(i int) *path         { return &path{up: p, index: i} }

// members is the path some members further down.
func (p *path) members(names ...string) *path {
	for _, name := range names {
		p = p.member(name)
	}
	return p
}

// String is the path as messages name it: spec.listeners[0].portMapping.port.
func (p *path) String() string {
	if p == nil {
		return bodyPath
	}
	var steps []*path
	for ; p != nil; p = p.up {
		steps = append(steps, p)
	}
	var b strings.Builder
	for i := len(steps) - 1; i >= 0; i-- {
		switch s := steps[i]; {
		case s.index >= 0:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case !isIdentifier(s.name):
			b.WriteString("[" + quoted(s.name) + "]")
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.name)
		}
	}
	return b.String()
}

// isIdentifier says whether a member's name, which anybody can make up, reads well behind a dot.
func isIdentifier(name string) bool {
	if name == "" || len(name) > shownLength {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}
