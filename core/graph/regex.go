package graph

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

const regexHint = "use RE2's syntax: https://github.com/google/re2/wiki/Syntax"

// maxRegexProgram is the size of a compiled regex that Envoy takes: the sidecar's bootstrap sets
// re2.max_program_size.error_level to 1000, as App Mesh's agent did.
const maxRegexProgram = 1000

// class finds classes by name: \pL, \p{Greek}, \P{^Lu}.
var class = regexp.MustCompile(`\\[pP](?:\{\^?([^}]*)\}|(.))`)

// checkRegex says why Envoy would refuse a regex; "" if it takes it. Go's engine has RE2's syntax, but for names of
// classes, where Go knows more.
func checkRegex(s string) string {
	if !utf8.ValidString(s) {
		return "is not UTF-8"
	}
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return "is no RE2 regex (" + shorten(err.Error()) + ")"
	}
	for _, m := range class.FindAllStringSubmatch(withoutLiterals(s), -1) {
		if name := m[1] + m[2]; !knownClass(name) {
			return "names the class " + shorten(name) + ", which RE2 does not know"
		}
	}
	if size := programSize(tree); size > maxRegexProgram {
		return "becomes too large a program"
	}
	return ""
}

// withoutLiterals drops escaped backslashes and what stands between \Q and \E: no names of classes are in there.
func withoutLiterals(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		switch {
		case strings.HasPrefix(s, `\\`):
			s = s[2:]
		case strings.HasPrefix(s, `\Q`):
			_, s, _ = strings.Cut(s, `\E`)
		default:
			b.WriteByte(s[0])
			s = s[1:]
		}
	}
	return b.String()
}

// knownClass reports whether RE2 knows a class: general categories and scripts in their short and exact spelling.
func knownClass(name string) bool {
	if name == "Cn" || name == "LC" {
		return false
	}
	_, category := unicode.Categories[name]
	_, script := unicode.Scripts[name]
	return name == "Any" || (category && len(name) <= 2) || script
}

// programSize is about the number of instructions that RE2 makes of a regex, and never less than that.
func programSize(re *syntax.Regexp) int {
	const far = 1 << 20 // far beyond any limit: stop adding up
	size := 3
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			size += runeSize(r, re.Flags&syntax.FoldCase != 0)
		}
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			size += rangeSize(re.Rune[i], re.Rune[i+1])
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		size += 12
	}
	for _, sub := range re.Sub {
		size += programSize(sub) + 1
	}
	if re.Op == syntax.OpRepeat {
		times := max(re.Max, re.Min+1, 1)
		size = min(size, far) * times
	}
	return min(size, far)
}

func runeSize(r rune, fold bool) int {
	size := utf8.RuneLen(r)
	if !fold {
		return size
	}
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f >= utf8.RuneSelf || r >= utf8.RuneSelf {
			size += utf8.RuneLen(f) + 1 // ASCII's two cases are one instruction
		}
	}
	return size
}

// rangeSize counts the byte ranges that a range of characters is split into.
func rangeSize(lo, hi rune) int {
	if hi < utf8.RuneSelf {
		return 2
	}
	return 3 * utf8.RuneLen(hi)
}
