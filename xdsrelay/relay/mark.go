package relay

import (
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
)

// This file: which streams must hear of a change.

// markAll notes for every stream that has a resource in its set that it has changed, come or gone.
func (m *mesh) markAll(s *slot) {
	for _, h := range s.holders {
		m.mark(h.view, s.ID)
	}
}

// mark does so for the streams of one view.
func (m *mesh) mark(v *view, id artifact.ID) {
	k, ok := kindOfType(id.Type)
	if !ok {
		return
	}
	for s := range v.streams {
		m.markOne(s, k, id.Name, m.generation)
		if k == cluster {
			// Its selector may have changed, whether or not Envoy takes the new cluster.
			m.markOne(s, endpoints, id.Name, noGeneration)
		}
	}
}

func (m *mesh) markOne(s *stream, k kind, name string, since int64) {
	if s.mark(k, name, since) {
		m.woken = append(m.woken, s)
	}
}

// remind has streams look again at endpoints that they may have held back.
func (m *mesh) remind(service endpoint.ServiceKey) {
	for s := range m.selectors[service] {
		m.remindOne(s)
	}
}

// remindOne is remind for one cluster.
func (m *mesh) remindOne(cluster *slot) {
	for _, h := range cluster.holders {
		for s := range h.view.streams {
			m.markOne(s, endpoints, cluster.Name, noGeneration)
		}
	}
}
