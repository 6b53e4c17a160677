package resource

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// This file: reading JSON's strings.

// string reads a string literal.
func (p *parser) string() string {
	p.i++ // "
	start := p.i
	for p.i < len(p.b) && p.b[p.i] != '"' && p.b[p.i] != '\\' && 0x20 <= p.b[p.i] && p.b[p.i] < utf8.RuneSelf {
		p.i++
	}
	if p.peek() == '"' { // the usual case: nothing to decode
		p.i++
		return string(p.b[start : p.i-1])
	}
	text := append([]byte(nil), p.b[start:p.i]...)
	for p.err == nil {
		switch c := p.peek(); {
		case p.i >= len(p.b):
			p.fail("found the end inside a string")
		case c == '"':
			p.i++
			return string(text)
		case c == '\\':
			text = p.escape(text)
		case c < 0x20:
			p.fail(fmt.Sprintf("found the control character U+%04X inside a string", c))
		default:
			r, size := utf8.DecodeRune(p.b[p.i:])
			if r == utf8.RuneError && size <= 1 {
				p.fail("found " + p.found() + " inside a string")
				break
			}
			text = append(text, p.b[p.i:p.i+size]...)
			p.i += size
		}
	}
	return ""
}

// plainEscapes are the escapes that stand for one byte.
var plainEscapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads one escape and appends what it stands for.
func (p *parser) escape(text []byte) []byte {
	p.i++ // \
	c := p.peek()
	if plain, ok := plainEscapes[c]; ok {
		p.i++
		return append(text, plain)
	}
	if c != 'u' {
		p.fail("found " + p.found() + " behind a backslash")
		return text
	}
	at := p.i - 1
	r := p.unicode()
	if utf16.IsSurrogate(r) {
		low := rune(-1)
		if p.peek() == '\\' && p.i+1 < len(p.b) && p.b[p.i+1] == 'u' {
			p.i++
			low = p.unicode()
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError && p.err == nil {
			p.i = at
			p.fail("found half of a surrogate pair")
		}
	}
	return utf8.AppendRune(text, r)
}

// unicode reads u and four hexadecimal digits.
func (p *parser) unicode() rune {
	p.i++ // u
	var r rune
	for range 4 {
		c := p.peek()
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			p.fail("found " + p.found() + " where a hexadecimal digit should stand")
			return 0
		}
		p.i++
	}
	return r
}
