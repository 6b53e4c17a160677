package graph

import (
	"regexp"
	"strings"
)

// command is an operator in an access log's format: %NAME(argument):length%.
var command = regexp.MustCompile(`^%([A-Z0-9_]+)(?:\(([^\n]*?)\))?(?::([0-9]+))?%`)

// checkFormat says why Envoy would refuse an access log's format; "" if it takes it.
func checkFormat(format string) string {
	for rest := format; ; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			return ""
		}
		rest = rest[i:]
		if strings.HasPrefix(rest, "%%") {
			rest = rest[2:]
			continue
		}
		m := command.FindStringSubmatch(rest)
		if m == nil {
			return quoted("%s is no command", rest)
		}
		hasArgument := strings.Contains(m[0], "(")
		rule, known := commands[m[1]]
		switch {
		case !known:
			return quoted("the command %s is unknown", m[1])
		case rule.argument == always && m[2] == "":
			return quoted("command %s needs an argument in parentheses", m[1])
		case rule.argument == never && hasArgument:
			return quoted("command %s takes no argument", m[1])
		case !rule.length && m[3] != "":
			return quoted("command %s takes no length", m[1])
		case len(m[3]) > 9:
			return quoted("the length of command %s is too large", m[1])
		case rule.check != nil && !rule.check(m[2]):
			return quoted("command %s does not take the argument %s", m[1], m[2])
		}
		rest = rest[len(m[0]):]
	}
}
