package resource

import "encoding/json"

// This file: bodies that are no resource's. They are read as strictly, and faults in them are told in the same words.

// Members reads a body that must be one JSON object, or nothing, into its members, as they were sent. Malformed JSON, and
// a name that an object has twice at whatever depth, are violations.
func Members(body []byte) (map[string]json.RawMessage, []Violation) {
	n, err := parseBody(body)
	if err != nil {
		return nil, []Violation{*err}
	}
	c := &checker{}
	if n.kind != objectNode {
		c.add(nil, "must be an object", n.shown())
		return nil, c.all()
	}
	c.repeated(nil, n)
	members := make(map[string]json.RawMessage, len(n.members))
	for _, m := range n.members {
		members[m.name] = m.node.raw
	}
	return members, c.all()
}

// repeated finds the names that objects have twice.
func (c *checker) repeated(p *path, n node) {
	for _, m := range n.members {
		if m.repeated {
			c.add(p.member(m.name), "is given more than once", "")
		}
		c.repeated(p.member(m.name), m.node)
	}
	for i := range n.items {
		c.repeated(p.item(i), n.items[i])
	}
}

// Path is the path of a member as violations name it: Path("spec", "priority") is spec.priority.
func Path(names ...string) string { return (*path)(nil).members(names...).String() }
