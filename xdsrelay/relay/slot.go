package relay

import "github.com/ownmesh/ownmesh/core/artifact"

// slot is the place of one resource of a mesh, whatever its version. It is there while the mesh has the resource or a
// view holds the place. mesh.mu guards it.
//
// Views point to slots, so that nothing is looked up by its ID while streams are served.
type slot struct {
	artifact.ID
	now     *resource // the newest version; nil: the mesh doesn't have it (any more)
	holders []holder  // the views that must hear of a change; those of views without streams are gone
}

// holder is a view that has a slot in its set, at index.
type holder struct {
	view  *view
	index int
}

// held is a slot in a view's set. The view is the slot's holder number at.
type held struct {
	*slot
	at int
}

// resource gives the newest version of a resource; nil: there is none.
func (m *mesh) resource(id artifact.ID) *resource {
	if s := m.slots[id]; s != nil {
		return s.now
	}
	return nil
}

// slot gives the place of a resource, and makes it if there is none.
func (m *mesh) slot(id artifact.ID) *slot {
	s := m.slots[id]
	if s == nil {
		s = &slot{ID: id}
		m.slots[id] = s
	}
	return s
}

// vacate forgets a slot that nobody has any use for.
func (m *mesh) vacate(s *slot) {
	if s.now == nil && s.holders == nil {
		delete(m.slots, s.ID)
	}
}

// give gives a view its set, sorted, instead of the one that it had.
func (m *mesh) give(v *view, ids []artifact.ID) {
	m.take(v)
	set := make([]held, len(ids))
	for i, id := range ids {
		s := m.slot(id)
		set[i] = held{slot: s, at: len(s.holders)}
		s.holders = append(s.holders, holder{v, i})
	}
	v.setTo(set)
}

// take takes its set from a view.
func (m *mesh) take(v *view) {
	for _, h := range v.set {
		m.drop(h)
	}
	v.setTo(nil)
}

// drop takes a view out of a slot's holders. The last of them gets its number.
func (m *mesh) drop(h held) {
	s, last := h.slot, len(h.holders)-1
	moved := s.holders[last]
	s.holders[h.at] = moved
	moved.view.set[moved.index].at = h.at
	s.holders[last] = holder{}
	if s.holders = s.holders[:last]; last == 0 {
		s.holders = nil
		m.vacate(s)
	}
}
