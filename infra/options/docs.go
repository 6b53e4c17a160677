package options

import (
	"fmt"
	"strings"
)

// Markdown is the table of docs/aws/options.md.
func Markdown() string {
	var b strings.Builder
	group := ""
	for _, opt := range table {
		if opt.group != group {
			group = opt.group
			fmt.Fprintf(&b, "\n## %s\n\n| option | without it | what it does |\n|---|---|---|\n", strings.ToUpper(group[:1])+group[1:])
		}
		standard := "–"
		if opt.standard != "" {
			standard = "`" + opt.standard + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", opt.name, standard, opt.help)
	}
	return b.String()
}
