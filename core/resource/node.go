package resource

// This file: JSON values in memory.

// nodeKind tells the kinds of JSON values apart by the byte that they start with.
type nodeKind byte

const (
	absent     nodeKind = 0 // the zero node: no such value
	objectNode nodeKind = '{'
	listNode   nodeKind = '['
	stringNode nodeKind = '"'
	numberNode nodeKind = '0'
	boolNode   nodeKind = 'b'
	nullNode   nodeKind = 'n'
)

// node is one JSON value.
type node struct {
	kind    nodeKind
	raw     []byte   // as it was sent
	text    string   // strings only: decoded
	members []member // objects only, in the order sent
	items   []node   // lists only
}

type member struct {
	name     string
	repeated bool // the object has an earlier member of this name
	node     node
}

// get is the object's member of that name; a missing one and null are the same: absent.
func (n node) get(name string) node {
	for i := range n.members {
		if n.members[i].name == name {
			if n.members[i].node.kind == nullNode {
				return node{}
			}
			return n.members[i].node
		}
	}
	return node{}
}

// at follows members of objects from n on.
func (n node) at(names ...string) node {
	for _, name := range names {
		n = n.get(name)
	}
	return n
}

// set says whether the value says anything: an object without members counts as absent, as App Mesh's empty unions do.
func (n node) set() bool {
	if n.kind != objectNode {
		return n.kind != absent && n.kind != nullNode
	}
	for i := range n.members {
		if n.members[i].node.kind != nullNode {
			return true
		}
	}
	return false
}
