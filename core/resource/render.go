package resource

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file: writing JSON values: as they are stored, as they are hashed, and as messages show them.

// appendSpec writes a value as it is stored: compact, members with null dropped, whole numbers spelled plainly, all
// else as it was sent.
func appendSpec(dst []byte, n node) []byte {
	switch n.kind {
	case objectNode:
		dst = append(dst, '{')
		first := true
		for i := range n.members {
			if n.members[i].node.kind == nullNode {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendQuoted(dst, n.members[i].name)
			dst = appendSpec(append(dst, ':'), n.members[i].node)
		}
		return append(dst, '}')
	case listNode:
		dst = append(dst, '[')
		for i := range n.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendSpec(dst, n.items[i])
		}
		return append(dst, ']')
	case numberNode:
		if i, ok := parseDecimal(n.raw).int64(); ok {
			return strconv.AppendInt(dst, i, 10)
		}
	}
	return append(dst, n.raw...)
}

// SpecHash is a name for the value of a spec: the same for equal JSON values, whatever their members' order, their
// spacing, and how numbers and characters are spelled.
func SpecHash(spec json.RawMessage) string {
	canonical := []byte(spec)
	if n, err := parseJSON(spec); err == nil {
		canonical = appendCanonical(nil, n)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// appendCanonical writes a value in a form that all equal values share.
func appendCanonical(dst []byte, n node) []byte {
	switch n.kind {
	case objectNode:
		sorted := slices.Clone(n.members)
		slices.SortStableFunc(sorted, func(a, b member) int { return strings.Compare(a.name, b.name) })
		dst = append(dst, '{')
		for _, m := range sorted {
			dst = append(appendQuoted(dst, m.name), ':')
			dst = append(appendCanonical(dst, m.node), ',')
		}
		return append(dst, '}')
	case listNode:
		dst = append(dst, '[')
		for i := range n.items {
			dst = append(appendCanonical(dst, n.items[i]), ',')
		}
		return append(dst, ']')
	case stringNode:
		return appendQuoted(dst, n.text)
	case numberNode:
		return parseDecimal(n.raw).append(dst)
	}
	return append(dst, n.raw...)
}

// appendQuoted writes s as a JSON string, for people: without escapes that only HTML needs.
func appendQuoted(dst []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte{'\n'})...)
}

// quoted is appendQuoted for messages: long strings are cut.
func quoted(s string) string {
	return string(appendQuoted(nil, cut(s)))
}

// shownLength is how many bytes of a value messages show.
const shownLength = 60

// cut shortens s at a character's border.
func cut(s string) string {
	if len(s) <= shownLength {
		return s
	}
	i := shownLength
	for !utf8.RuneStart(s[i]) {
		i--
	}
	return s[:i] + "…"
}

// shown is a value as a message shows it: JSON, compact, shortened.
func (n node) shown() string {
	switch n.kind {
	case absent:
		return ""
	case stringNode:
		return quoted(n.text)
	case objectNode, listNode:
		// A spec's worth of value is not rendered to show sixty bytes of it.
		raw := n.raw
		const enough = 64 * shownLength
		if len(raw) > enough {
			raw = raw[:enough]
		}
		return cut(strings.ToValidUTF8(squeezed(raw), ""))
	}
	return cut(string(n.raw))
}

// squeezed is JSON text without the space between its tokens.
func squeezed(raw []byte) string {
	out := make([]byte, 0, len(raw))
	inString := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case inString && c == '\\' && i+1 < len(raw):
			out = append(out, c, raw[i+1])
			i++
			continue
		case c == '"':
			inString = !inString
		case !inString && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			continue
		}
		out = append(out, c)
	}
	return string(out)
}
