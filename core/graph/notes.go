package graph

import (
	"fmt"

	"github.com/ownmesh/ownmesh/core/resource"
)

// Notes collects findings on one resource.
type Notes struct {
	Key   resource.Key
	Found []resource.Finding
}

// add notes a finding. The message says what is so and what happens now; the hint what to do.
func (n *Notes) add(code, path, message, hint string) {
	n.Found = append(n.Found, resource.Finding{Resource: n.Key, Path: path, Code: code, Message: message, Hint: hint})
}

// decode reads a resource's spec. One that can't be read (it never passed the API) is a finding, and reads as empty.
func decode[T any](r resource.Resource, n *Notes) T {
	spec, err := resource.Decode[T](r.Spec)
	if err != nil {
		n.add("spec-unreadable", "spec", fmt.Sprintf("the spec can't be read and counts as empty: %v", err), "update the resource with a valid spec")
	}
	return spec
}

// at is the path of a list's item.
func at(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
