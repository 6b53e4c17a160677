// Package importer reads what people have from App Mesh itself: what `aws appmesh describe-*` and `list-*` printed, in
// the AWS CLI's form, in that of the SDKs, or as Ownmesh's own -o json has it.
//
// It makes Create inputs of them and ignores what a server makes (metadata, status). It reads no files and calls nobody.
// Start with Read; CloudFormation templates are the package below.
package importer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

// Saved is what one saved answer holds.
type Saved struct {
	Documents []json.RawMessage // inputs of Create calls, plus their kind
	Named     []Named           // what a list names without its spec
	Gone      []Named           // what was deleted when it was saved
}

// Named is a resource by its name.
type Named struct {
	Mesh string
	resource.Key
}

// object is a resource as the API answers it.
type object map[string]json.RawMessage

// Read reads one JSON value; false if it is no answer of the API.
func Read(data json.RawMessage) (Saved, bool) {
	var o object
	if json.Unmarshal(data, &o) != nil || o["kind"] != nil {
		return Saved{}, false
	}
	if info, ok := o.kind(); ok && o["metadata"] != nil {
		var s Saved
		s.add(info, o)
		return s, true
	}
	for _, info := range resource.Kinds {
		inner, wrapped := o[string(info.Kind)]
		items, listed := o[info.Collection]
		switch {
		case wrapped && len(o) == 1:
			var w object
			if json.Unmarshal(inner, &w) != nil || w["metadata"] == nil {
				return Saved{}, false
			}
			var s Saved
			s.add(info, w)
			return s, true
		case listed && o.only(info.Collection, "nextToken", "NextToken"):
			var all []object
			if json.Unmarshal(items, &all) != nil {
				return Saved{}, false
			}
			var s Saved
			for _, item := range all {
				s.add(info, item)
			}
			return s, true
		}
	}
	return Saved{}, false
}

// only tells whether o has no members but these.
func (o object) only(members ...string) bool {
	for member := range o {
		if !slices.Contains(members, member) {
			return false
		}
	}
	return true
}

// kind finds the kind of a bare object: the one whose names it has, and no other's.
func (o object) kind() (resource.Info, bool) {
	var names []string
	for member := range o {
		if strings.HasSuffix(member, "Name") && member != "meshName" {
			names = append(names, member)
		}
	}
	slices.Sort(names)
	for _, info := range resource.Kinds {
		if slices.Equal(names, nameMembers(info)) {
			return info, true
		}
	}
	return resource.Info{}, false
}

// nameMembers are the members that hold a kind's names but for its mesh's, sorted.
func nameMembers(info resource.Info) []string {
	var all []string
	if info.Kind != resource.KindMesh {
		all = append(all, info.NameMember)
	}
	if parent, ok := resource.InfoOf(info.Parent); ok {
		all = append(all, parent.NameMember)
	}
	slices.Sort(all)
	return all
}

// add reads one resource.
func (s *Saved) add(info resource.Info, o object) {
	n := Named{Mesh: o.text("meshName"), Key: resource.Key{Kind: info.Kind, Name: o.text(info.NameMember)}}
	if parent, ok := resource.InfoOf(info.Parent); ok {
		n.Parent = o.text(parent.NameMember)
	}
	var status struct{ Status string }
	_ = json.Unmarshal(o["status"], &status) // absent in lists
	switch {
	case status.Status == "DELETED":
		s.Gone = append(s.Gone, n)
	case o["spec"] == nil:
		s.Named = append(s.Named, n)
	default:
		s.Documents = append(s.Documents, o.document(info))
	}
}

// document is the input of a Create call.
func (o object) document(info resource.Info) json.RawMessage {
	d := object{}
	for _, member := range append(nameMembers(info), "meshName", "spec") {
		if v, ok := o[member]; ok {
			d[member] = v
		}
	}
	d["kind"], _ = json.Marshal(info.Title) // a string
	j, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("importer: raw JSON can't be written: %v", err))
	}
	return j
}

func (o object) text(member string) string {
	var s string
	_ = json.Unmarshal(o[member], &s) // what is no string is refused later, by whoever reads the document
	return s
}

// Command is what prints the specs that a list lacks.
func Command(n Named) string {
	info, _ := resource.InfoOf(n.Kind)
	parts := []string{"aws appmesh describe-" + dashed(info.Title)}
	if info.Kind != resource.KindMesh {
		parts = append(parts, "--mesh-name "+quote(n.Mesh))
	}
	if parent, ok := resource.InfoOf(info.Parent); ok {
		parts = append(parts, "--"+dashed(parent.NameMember)+" "+quote(n.Parent))
	}
	return strings.Join(append(parts, "--"+dashed(info.NameMember)+" "+quote(n.Name)), " ")
}

// dashed is a name as the AWS CLI spells it: virtual-node-name.
func dashed(s string) string {
	var b strings.Builder
	for i, r := range s {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// quote makes a name safe in a shell.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
