package graph

import (
	"fmt"
	"strings"
)

// plain is text of our own in a message: it is not quoted.
type plain string

// quoted is fmt.Sprintf that quotes strings, shortened: names and values in messages can be of any length.
func quoted(format string, args ...any) string {
	for i, a := range args {
		switch v := a.(type) {
		case string:
			args[i] = fmt.Sprintf("%q", shorten(v))
		case Protocol:
			args[i] = string(v)
		}
	}
	return fmt.Sprintf(format, args...)
}

// shorten cuts a long text to about 80 bytes, at a rune's border.
func shorten(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:77], "") + "..."
}

// isToken reports whether s can be a header's name: RFC 9110's token, or a pseudo header of HTTP/2.
func isToken(s string) bool {
	s = strings.TrimPrefix(s, ":")
	if s == "" {
		return false
	}
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return true
}

// AsHost is s with a hyphen for each byte that servers don't take in a Host header; s itself where they take all.
func AsHost(s string) string {
	out := []byte(s)
	for i, c := range out {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("!$%&'()*+,-.:;=[]_~", c) < 0 {
			out[i] = '-'
		}
	}
	return string(out)
}

// hasControl reports whether s holds a character that can't be in a header's value.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f })
}
