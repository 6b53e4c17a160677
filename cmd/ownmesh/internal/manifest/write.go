package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/ownmesh/ownmesh/core/resource"
)

// YAML writes documents as Read reads them: one after another, members in alphabetical order but for the kind.
func YAML(docs []Document) ([]byte, error) {
	var out bytes.Buffer
	for i, d := range docs {
		if i > 0 {
			out.WriteString("---\n")
		}
		info, ok := resource.InfoOf(d.Kind)
		if !ok {
			return nil, fmt.Errorf("%s: unknown kind %q", d.Where(), d.Kind)
		}
		members := map[string]any{"meshName": d.Mesh, "spec": json.RawMessage(d.Spec)}
		if d.Kind != resource.KindMesh {
			members[info.NameMember] = d.Name
		}
		if d.Owner != "" {
			members["meshOwner"] = d.Owner
		}
		if parent, ok := resource.InfoOf(info.Parent); ok {
			members[parent.NameMember] = d.Parent
		}
		if d.HasTags {
			members["tags"] = tagList(d.Tags)
		}
		text, err := yaml.Marshal(members)
		if err != nil {
			return nil, fmt.Errorf("%s: write it as YAML: %w", d.Where(), err)
		}
		fmt.Fprintf(&out, "kind: %s\n%s", info.Title, text)
	}
	return out.Bytes(), nil
}

func tagList(tags map[string]string) []map[string]string {
	list := []map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, map[string]string{"key": key, "value": tags[key]})
	}
	return list
}
