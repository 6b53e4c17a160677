package store

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/ownmesh/ownmesh/core/resource"
)

// Bounds of one commit, the same in every store, so that a mesh that works on one machine works in AWS.
const (
	MaxCommitItems = 100  // rows that one commit writes: what a DynamoDB transaction takes
	MaxNameBytes   = 1024 // of any name in a key, in UTF-8
)

// Check says what is wrong with a commit whatever the store holds: a fault of the caller, never of a user.
// Implementations call it before anything else.
func (c Commit) Check() error {
	if c.MeshUID == "" || c.RequestID == "" {
		return errors.New("commit: mesh uid and request id must be set")
	}
	if (c.Put == nil) == (c.Delete == nil) {
		return errors.New("commit: exactly one of put and delete must be set")
	}
	if err := CheckKey(c.Key()); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	seen := make(map[Ref]bool, len(c.AddRefs)+len(c.RemoveRefs))
	for _, refs := range [][]Ref{c.AddRefs, c.RemoveRefs} {
		for _, r := range refs {
			if seen[r] {
				return fmt.Errorf("commit of %s: reference of %s to %s is named twice", c.Key(), r.Referrer, r.Target)
			}
			seen[r] = true
			if err := errors.Join(CheckKey(r.Target), CheckKey(r.Referrer)); err != nil {
				return fmt.Errorf("commit of %s: reference: %w", c.Key(), err)
			}
		}
	}
	if n := c.rows(); n > MaxCommitItems {
		return fmt.Errorf("commit of %s: %d rows are more than one commit may write (%d)", c.Key(), n, MaxCommitItems)
	}
	return nil
}

// Key is the key of the resource that the commit changes. Exactly one of Put and Delete must be set.
func (c Commit) Key() resource.Key {
	if c.Put != nil {
		return c.Put.Key
	}
	return *c.Delete
}

// rows counts what a commit writes at most: the mesh, its name, the resource, its tags, the journal entry, and
// the reference rows.
func (c Commit) rows() int { return 5 + len(c.AddRefs) + len(c.RemoveRefs) }

// CheckMesh says what is wrong with the arguments of CreateMesh whatever the store holds.
func CheckMesh(m Mesh, requestID string) error {
	if m.UID == "" || requestID == "" {
		return errors.New("create mesh: uid and request id must be set")
	}
	if m.Kind != resource.KindMesh {
		return fmt.Errorf("create mesh: the key's kind is %q", m.Kind)
	}
	if err := CheckKey(m.Key); err != nil {
		return fmt.Errorf("create mesh: %w", err)
	}
	return nil
}

// CheckKey refuses keys that not every store can keep: without kind or name, not in UTF-8, or too long.
func CheckKey(k resource.Key) error {
	if k.Kind == "" || k.Name == "" {
		return fmt.Errorf("key %q: kind and name must be set", k)
	}
	for _, s := range []string{string(k.Kind), k.Parent, k.Name} {
		if len(s) > MaxNameBytes {
			return fmt.Errorf("key of kind %q: a name of %d bytes is longer than %d", k.Kind, len(s), MaxNameBytes)
		}
		if !utf8.ValidString(s) {
			return fmt.Errorf("key %q: not in UTF-8", k)
		}
	}
	return nil
}
