package draw

import (
	"fmt"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

var dotShapes = map[resource.Kind]string{
	resource.KindVirtualNode: "box", resource.KindVirtualGateway: "house", resource.KindVirtualService: "ellipse",
}

// DOT writes the drawing for Graphviz.
func (d *Drawing) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n", dotText(d.Title))
	b.WriteString("  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=11];\n  edge [fontname=\"sans-serif\", fontsize=9];\n")
	for _, box := range d.boxes {
		style := ""
		if box.marked {
			style = ", color=red, fontcolor=red"
		}
		fmt.Fprintf(&b, "  %s [shape=%s, label=%s%s];\n", dotText(box.key.String()), dotShapes[box.key.Kind], dotText(box.label...), style)
	}
	for _, a := range d.arrows {
		var attributes []string
		if len(a.label) > 0 {
			attributes = append(attributes, "label="+dotText(a.label...))
		}
		if a.dashed {
			attributes = append(attributes, "style=dashed")
		}
		list := ""
		if len(attributes) > 0 {
			list = " [" + strings.Join(attributes, ", ") + "]"
		}
		fmt.Fprintf(&b, "  %s -> %s%s;\n", dotText(a.from.String()), dotText(a.to.String()), list)
	}
	b.WriteString("}\n")
	return b.String()
}

// dotText quotes lines as one of Graphviz's strings. In labels a backslash begins an escape, in names it does no harm.
func dotText(lines ...string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ", "\r", " ", "\x00", "")
	var escaped []string
	for _, line := range lines {
		escaped = append(escaped, escape.Replace(line))
	}
	return `"` + strings.Join(escaped, `\n`) + `"`
}
