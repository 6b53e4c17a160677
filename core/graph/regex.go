package graph

import (
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const regexHint = "use RE2's syntax: https://github.com/google/re2/wiki/Syntax"

// maxRegexProgram is the size of a compiled regex that Envoy takes: the sidecar's bootstrap sets
// re2.max_program_size.error_level to 1000, as App Mesh's agent did.
const maxRegexProgram = 1000

var (
	// class finds classes by name: \pL, \p{Greek}, \P{^Lu}.
	class = regexp.MustCompile(`\\[pP](?:\{\^?([^}]*)\}|(.))`)
	// escape finds characters by number: \x{e9}, \351.
	escape = regexp.MustCompile(`\\(?:x\{([0-9A-Fa-f]+)\}|([0-7]{3}))`)
)

// checkRegex says why Envoy would refuse a regex; "" if it takes it. Go's engine has RE2's syntax, but Envoy reads
// regexes as Latin-1, one byte a character, and Go knows more names of classes.
func checkRegex(s string) string {
	tree, err := syntax.Parse(latin1(s), syntax.Perl)
	if err != nil {
		return "is no RE2 regex (" + shorten(err.Error()) + ")"
	}
	bare := withoutLiterals(s)
	for _, m := range class.FindAllStringSubmatch(bare, -1) {
		if name := m[1] + m[2]; !knownClass(name) {
			return "names the class " + shorten(name) + ", which RE2 does not know"
		}
	}
	for _, m := range escape.FindAllStringSubmatch(bare, -1) {
		hex, _ := strconv.ParseUint("0"+m[1], 16, 64) // a number that is too large becomes the largest
		octal, _ := strconv.ParseUint("0"+m[2], 8, 64)
		if max(hex, octal) > unicode.MaxLatin1 {
			return "names a character beyond one byte, and Envoy compares bytes"
		}
	}
	if programSize(tree)+programFrame > maxRegexProgram {
		return "becomes too large a program"
	}
	return ""
}

// latin1 makes a character of each byte.
func latin1(s string) string {
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = rune(s[i])
	}
	return string(out)
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

// programFrame is what RE2 puts around every program.
const programFrame = 6

// programSize is the number of instructions that RE2 makes of a regex over bytes, or a little more.
func programSize(re *syntax.Regexp) int {
	const far = 1 << 20 // far beyond any limit: stop adding up
	size := 0
	for _, sub := range re.Sub {
		size = min(size+programSize(sub), far)
	}
	switch re.Op {
	case syntax.OpLiteral:
		return 2 * len(re.Rune) / cases(re)
	case syntax.OpCharClass:
		return max(1, 2*byteRanges(re.Rune)-1)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 3
	case syntax.OpAlternate:
		return size + len(re.Sub)
	case syntax.OpConcat:
		return size
	case syntax.OpRepeat:
		if re.Max < 0 {
			return min(size*max(re.Min, 1)+2, far)
		}
		return min(size*re.Max+(re.Max-re.Min)+1, far)
	}
	return size + 2 // captures, loops, and what looks at positions
}

// cases is 2 where a literal's characters are one instruction each, else 1: beyond ASCII, each case is its own.
func cases(re *syntax.Regexp) int {
	if re.Flags&syntax.FoldCase == 0 {
		return 2
	}
	for _, r := range re.Rune {
		if r >= utf8.RuneSelf {
			return 1
		}
	}
	return 2
}

// byteRanges counts the ranges of a class that lie in one byte.
func byteRanges(class []rune) int {
	n := 0
	for i := 0; i+1 < len(class) && class[i] <= unicode.MaxLatin1; i += 2 {
		n++
	}
	return n
}
