package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
)

const (
	statusTimeout = 5 * time.Second
	statusWriters = 8 // meshes whose status is written at the same time
)

// Status is what this relay knows of a mesh now; false: it doesn't serve it.
func (r *Relay) Status(uid string) (events.RelayStatus, bool) {
	r.mu.Lock()
	m := r.meshes[uid]
	r.mu.Unlock()
	if m == nil {
		return events.RelayStatus{}, false
	}
	return m.report(), true
}

func (m *mesh) report() events.RelayStatus {
	m.mu.RLock()
	defer m.mu.RUnlock()
	report := events.RelayStatus{
		Relay: m.relay.opts.ID, MeshUID: m.uid, At: m.relay.now().UTC(), Generation: m.generation, Proxies: make([]events.ProxyStatus, 0, len(m.proxies)),
	}
	for _, p := range m.proxies {
		for _, v := range []*view{p.transparent, p.explicit} {
			if v == nil {
				continue
			}
			for s := range v.streams {
				report.Proxies = append(report.Proxies, s.report())
			}
		}
	}
	slices.SortFunc(report.Proxies, func(a, b events.ProxyStatus) int {
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Instance, b.Instance), a.ConnectedSince.Compare(b.ConnectedSince))
	})
	return report
}

// report says how the proxy stands. mesh.mu is held, for reading at least.
func (s *stream) report() events.ProxyStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := events.ProxyStatus{
		Resource: string(s.node.proxy), Instance: s.node.instance, Interception: s.interception(), ConnectedSince: s.connected.UTC(),
		State: events.Current, Waiting: s.waiting(), Unmapped: s.unmapped(), Rejected: []events.RejectedPart{},
	}
	floor := s.floor()
	opened := s.subs[cluster].opened && s.subs[listener].opened
	if !opened {
		floor = fromTheStart
	}
	if floor != noGeneration {
		p.State = events.Behind
	}
	for key, refusal := range s.refused {
		if want := s.wanted(key.kind, key.name); want != nil && want.hash == key.hash {
			p.State = events.Rejected
			p.Rejected = append(p.Rejected, refusal.RejectedPart)
			floor = min(floor, refusal.since)
		}
	}
	slices.SortFunc(p.Rejected, func(a, b events.RejectedPart) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
	p.Generation = s.mesh.generation
	if floor != noGeneration {
		p.Generation = max(0, min(p.Generation, floor-1))
	}
	switch {
	case p.Generation == 0:
	case p.Generation == s.mesh.generation && s.mesh.appliedAt.After(s.settled):
		p.AckedAt = s.mesh.appliedAt.UTC() // what a generation doesn't reach accepts it at once
	default:
		p.AckedAt = s.settled.UTC()
	}
	return p
}

// waiting says what is held back, and for what.
func (s *stream) waiting() []string {
	lines := []string{}
	for _, k := range []kind{cluster, listener} {
		if !s.subs[k].opened {
			lines = append(lines, "the proxy has not asked for its "+k.String()+"s yet")
		}
	}
	for k := range kinds {
		sub := &s.subs[k]
		for i := range sub.items {
			if it := &sub.items[i]; it.hold != nil && it.reason() != "" {
				lines = append(lines, k.String()+" "+it.name+" "+it.reason())
			}
		}
		if len(sub.inflight) >= maxInflight {
			lines = append(lines, fmt.Sprintf("%d responses with %ss wait for an answer", len(sub.inflight), k))
		}
	}
	return lines
}

// statusObject is a mesh's status object as this relay last wrote it. Its lock is held while it is written.
type statusObject struct {
	mu       sync.Mutex
	etag     string
	written  time.Time
	failures int
	gone     bool // removed for good
}

// writeStatuses writes status objects until ctx ends: those that are behind, and all for each heartbeat. Nobody waits
// for it.
func (r *Relay) writeStatuses(ctx context.Context) {
	ticker := time.NewTicker(r.opts.StatusEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		r.eachServed(func(m *mesh) { m.writeStatus(ctx) })
	}
}

// eachServed does something for each mesh that is served, for some at the same time.
func (r *Relay) eachServed(do func(*mesh)) {
	limit := make(chan struct{}, statusWriters)
	var doing sync.WaitGroup
	for _, m := range r.served() {
		limit <- struct{}{}
		doing.Go(func() {
			do(m)
			<-limit
		})
	}
	doing.Wait()
}

func (r *Relay) served() []*mesh {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.meshes))
}

// writeStatus writes the status object if it is behind or due.
func (m *mesh) writeStatus(ctx context.Context) {
	o := &m.status
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone || (!m.statusDirty.Load() && m.relay.now().Sub(o.written) < events.StatusHeartbeat) {
		return
	}
	if err := ctx.Err(); err != nil {
		return
	}
	m.statusDirty.Store(false) // before the state is read, so that no change is missed
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	if err := m.putStatus(ctx); err != nil {
		m.statusDirty.Store(true)
		o.failures++
		m.relay.metrics.statusErrors.Inc()
		if worthLogging(o.failures) {
			m.relay.log.Error("the status object can't be written", "mesh_uid", m.uid, "failures", o.failures, "error", err)
		}
		return
	}
	o.failures, o.written = 0, m.relay.now()
}

// putStatus creates or replaces the object. One that is there already is our own: of an earlier life under the same
// ID, or of a write whose answer was lost.
func (m *mesh) putStatus(ctx context.Context) error {
	objects, key, o := m.relay.opts.Objects, events.StatusPath(m.uid, m.relay.opts.ID), &m.status
	data, err := json.Marshal(m.report())
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	const tries = 3
	for range tries {
		if o.etag == "" {
			o.etag, err = objects.Create(ctx, key, data)
		} else {
			o.etag, err = objects.Replace(ctx, key, data, o.etag)
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, artifact.ErrExists), errors.Is(err, artifact.ErrChanged):
			if _, o.etag, err = objects.Get(ctx, key); err != nil && !errors.Is(err, artifact.ErrNotFound) {
				return fmt.Errorf("read %s: %w", key, err)
			}
		default:
			o.etag = ""
			return fmt.Errorf("write %s: %w", key, err)
		}
	}
	return fmt.Errorf("write %s: somebody else writes it", key)
}

// removeStatuses takes all status objects back: a relay that stops cleanly leaves none behind that counts. A store that
// doesn't answer holds its end up once, however many meshes there are.
func (r *Relay) removeStatuses() {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	r.eachServed(func(m *mesh) { m.removeStatus(ctx) })
}

// removeStatus says that this relay serves the mesh no longer: a status of no time at all, which is older than any that
// counts. To delete is for the collector alone, who finds it there. What another one has written since, who serves the
// mesh anew, stays.
func (m *mesh) removeStatus(ctx context.Context) {
	o := &m.status
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone = true
	if o.etag == "" {
		return
	}
	data, err := json.Marshal(events.RelayStatus{Relay: m.relay.opts.ID, MeshUID: m.uid, Proxies: []events.ProxyStatus{}})
	if err == nil {
		_, err = m.relay.opts.Objects.Replace(ctx, events.StatusPath(m.uid, m.relay.opts.ID), data, o.etag)
	}
	if err != nil && !errors.Is(err, artifact.ErrChanged) {
		m.relay.log.Error("the status object can't be taken back; readers take it for dead after three heartbeats", "mesh_uid", m.uid, "error", err)
	}
}
