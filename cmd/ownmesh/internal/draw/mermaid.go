package draw

import (
	"fmt"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

var mermaidShapes = map[resource.Kind][2]string{
	resource.KindVirtualNode: {"[", "]"}, resource.KindVirtualGateway: {"[/", "\\]"}, resource.KindVirtualService: {"([", "])"},
}

// Mermaid writes the drawing for Mermaid: GitHub, GitLab and many wikis show it.
func (d *Drawing) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	ids := map[resource.Key]string{} // names may hold anything, ids may not
	var marked []string
	for i, box := range d.boxes {
		id := fmt.Sprintf("n%d", i)
		ids[box.key] = id
		shape := mermaidShapes[box.key.Kind]
		fmt.Fprintf(&b, "  %s%s%s%s\n", id, shape[0], mermaidText(box.label), shape[1])
		if box.marked {
			marked = append(marked, id)
		}
	}
	for _, a := range d.arrows {
		line := "-->"
		if a.dashed {
			line = "-.->"
		}
		label := ""
		if len(a.label) > 0 {
			label = "|" + mermaidText(a.label) + "|"
		}
		fmt.Fprintf(&b, "  %s %s%s %s\n", ids[a.from], line, label, ids[a.to])
	}
	if len(marked) > 0 {
		fmt.Fprintf(&b, "  classDef finding stroke:red,color:red\n  class %s finding\n", strings.Join(marked, ","))
	}
	return b.String()
}

// mermaidText quotes lines. What Mermaid could read as its own is written as an entity.
func mermaidText(lines []string) string {
	escape := strings.NewReplacer("&", "#amp;", "#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "`", "#96;", "\n", " ", "\r", " ")
	var escaped []string
	for _, line := range lines {
		escaped = append(escaped, escape.Replace(line))
	}
	return `"` + strings.Join(escaped, "<br/>") + `"`
}
