package resource

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// This file: requests to the API, checked against its description.

// Request is what the body of a request says. Members that the operation does not have are empty.
type Request struct {
	Name        string            // creating: the new resource's name
	Spec        json.RawMessage   // as sent but for nulls, space and the spelling of whole numbers; "{}" where absent
	HasSpec     bool              // whether the body has a spec
	ClientToken string            // idempotency token; any length
	Tags        map[string]string // creating and TagResource; of a key given twice the last value
	TagKeys     []string          // UntagResource
}

// MaxSpecBytes is how large a spec may be as it is kept. A row of DynamoDB takes 400 KB, and holds a resource's name, owner
// and tokens besides; it is the same on one machine, so that a mesh that works there works in AWS.
const MaxSpecBytes = 256 << 10

// ParseRequest reads the body of an operation that has one: CreateRoute, UpdateMesh, TagResource, and for Ownmesh's own
// kinds CreateInterception and so on. It names everything that is wrong by itself: what contradicts the operation's
// shape, members that it doesn't have, and the rules within one resource. An empty body counts as {}.
//
// Two things are left to whoever holds the resource: whether what a spec refers to is there, and, for TagResource, whether
// there are too many tags, which has an error type of its own. An unknown operation is a programming error and panics.
func ParseRequest(operation string, body []byte) (Request, []Violation) {
	input := inputOf(operation)
	n, err := parseBody(body)
	if err != nil {
		return Request{}, []Violation{*err}
	}
	c := &checker{}
	c.structure(nil, input, n)
	spec := n.get("spec")
	if m, ok := input.members["spec"]; ok && spec.kind == objectNode {
		if rule, ok := specRules[m.shape.name]; ok {
			rule(c, (*path)(nil).member("spec"), spec)
		}
	}
	if violations := c.all(); len(violations) > 0 {
		return Request{}, violations
	}
	r := Request{Spec: json.RawMessage("{}"), HasSpec: spec.kind != absent, ClientToken: n.get("clientToken").text}
	if r.HasSpec {
		r.Spec = appendSpec(nil, spec)
	}
	if size := len(r.Spec); size > MaxSpecBytes {
		rule := fmt.Sprintf("must have at most %d bytes as JSON without spaces, got one of %d", MaxSpecBytes, size)
		return Request{}, []Violation{{Path: "spec", Rule: rule}}
	}
	if title, creating := strings.CutPrefix(operation, "Create"); creating {
		i := slices.IndexFunc(Kinds, func(i Info) bool { return i.Title == title })
		r.Name = n.get(Kinds[i].NameMember).text
	}
	if tags := n.get("tags").items; len(tags) > 0 {
		r.Tags = make(map[string]string, len(tags))
		for _, t := range tags {
			r.Tags[t.get("key").text] = t.get("value").text
		}
	}
	for _, k := range n.get("tagKeys").items {
		r.TagKeys = append(r.TagKeys, k.text)
	}
	return r, nil
}

// parseBody reads a body as JSON; nothing, and null, is an empty object.
func parseBody(body []byte) (node, *Violation) {
	if len(body) == 0 {
		return node{kind: objectNode}, nil
	}
	n, err := parseJSON(body)
	if err != nil {
		return node{}, &Violation{Path: bodyPath, Rule: fmt.Sprintf("must be JSON: at byte %d %s", err.offset, err.what)}
	}
	if n.kind == nullNode {
		return node{kind: objectNode}, nil
	}
	return n, nil
}

// wholeNumber is how queries spell integers.
var wholeNumber = regexp.MustCompile(`^-?[0-9]+$`)

// CheckParam checks a member of an operation's input that lies in the request's path or query, decoded: meshName,
// routeName, limit, meshOwner, nextToken, resourceArn and so on. The violation's path is the member's name. What the
// descriptions don't know, be it member or operation, is right: queries may hold things for others.
func CheckParam(operation, member, value string) []Violation {
	input, ok := model()[operation]
	if !ok {
		return nil
	}
	m, ok := input.members[member]
	if !ok || m.location == "" {
		return nil
	}
	c, p := &checker{}, (*path)(nil).member(member)
	switch {
	case !utf8.ValidString(value):
		c.add(p, "must be UTF-8", fmt.Sprintf("%.60q", value))
	case m.shape.typ == stringShape:
		c.string(p, m.shape, value)
	case !wholeNumber.MatchString(value):
		c.add(p, "must be a whole number", quoted(value))
	default:
		c.number(p, m.shape, []byte(value))
	}
	if member == "resourceArn" && len(c.violations) == 0 {
		if _, _, _, _, _, err := ARNParse(value); err != nil {
			c.add(p, "must be the ARN of a mesh or of something in one: "+err.Error(), quoted(value))
		}
	}
	return c.all()
}
