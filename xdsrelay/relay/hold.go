package relay

import "time"

// blocked says whether a listener or route must wait for clusters that it names: for their acknowledgement, so that
// it never sends traffic to what is not there, but not longer than Options.Hold, since Envoy withholds it while any
// cluster warms. One that names a refused cluster stays at its last accepted version, if it has one, until the cluster
// or it changes.
func (s *stream) blocked(k kind, name string, want *entry, it item, j *job) bool {
	if k != listener && k != route {
		return false
	}
	pending := ""
	for _, needed := range want.needs {
		c := s.wanted(cluster, needed)
		if c == nil {
			continue // not this proxy's: nothing to wait for
		}
		if has := s.subs[cluster].items[needed].acked; has != nil && has.hash == c.hash {
			continue
		}
		if s.refusalOf(cluster, c) != nil {
			if it.acked != nil {
				s.wait(j, "stays as it is: cluster "+needed+" was refused")
				return true
			}
			continue
		}
		if pending == "" {
			pending = needed
		}
	}
	if pending == "" || j.released {
		return false
	}
	s.wait(j, "waits for cluster "+pending)
	if s.patient(j) {
		return true
	}
	j.released = true
	s.relay.metrics.holdsExpired.Inc()
	s.relay.log.Warn("sending what was held back", "mesh", s.node.mesh, "proxy", s.node.proxy, "instance", s.node.instance,
		"type", k.String(), "name", name, "reason", j.reason)
	return false
}

// awaits says whether a route that a listener names is still to be asked for. A proxy that never does isn't waited for.
func (s *stream) awaits(j *job) bool {
	s.wait(j, "the proxy has not asked for it yet")
	return s.patient(j)
}

// wait notes why something is held back.
func (s *stream) wait(j *job, reason string) {
	if j.reason == reason {
		return
	}
	if j.held.IsZero() {
		j.held = s.relay.now()
	}
	j.reason = reason
	s.mesh.statusDirty.Store(true)
}

// patient says whether a hold goes on, and has the sender woken when it ends.
func (s *stream) patient(j *job) bool {
	now := s.relay.now()
	until := j.held.Add(s.relay.opts.Hold)
	if !now.Before(until) {
		return false
	}
	switch {
	case s.alarm == nil:
		s.alarm = time.AfterFunc(until.Sub(now), s.wakeUp)
	case until.Before(s.alarmAt) || !now.Before(s.alarmAt):
		s.alarm.Reset(until.Sub(now))
	default:
		return true
	}
	s.alarmAt = until
	return true
}
