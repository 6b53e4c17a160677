package relay

import "time"

// blocked says whether a listener or route must wait for clusters that it names: for their acknowledgement, so that
// it never sends traffic to what is not there, but not longer than Options.Hold, since Envoy withholds it while any
// cluster warms. One that names a refused cluster stays at its last accepted version, if it has one, until the cluster
// or it changes.
func (s *stream) blocked(k kind, it *item, want *entry) bool {
	if k != listener && k != route {
		return false
	}
	pending := ""
	for _, needed := range want.needs {
		has := s.subs[cluster].get(needed)
		has.name = needed
		c := s.wants(cluster, &has)
		if c == nil {
			continue // not this proxy's: nothing to wait for
		}
		if has.acked != nil && has.acked.hash == c.hash {
			continue
		}
		if s.refusalOf(cluster, c) != nil {
			if it.acked != nil {
				s.wait(&it.job, "stays as it is: cluster "+needed+" was refused")
				return true
			}
			continue
		}
		if pending == "" {
			pending = needed
		}
	}
	if pending == "" || it.released() {
		return false
	}
	if s.holds(it, s.relay.opts.Hold, "waits for cluster "+pending) {
		return true
	}
	s.relay.metrics.holdsExpired.Inc()
	s.relay.log.Warn("sending what was held back", "mesh", s.node.mesh, "proxy", s.node.proxy, "instance", s.node.instance,
		"type", k.String(), "name", it.name, "reason", it.reason())
	return false
}

const notAskedFor = "the proxy has not asked for it yet"

// awaitAll drops what a listener names of a kind that the proxy never asks for. Nothing of the kind can be sent yet.
func (s *stream) awaitAll(sub *subscription) {
	for i := range sub.items {
		if it := &sub.items[i]; it.owed && !(it.awaited && s.awaits(it)) {
			sub.pay(it)
		}
	}
	sub.tidy()
}

// awaits says whether a route that a listener names is still to be asked for. A proxy that never does isn't waited for.
func (s *stream) awaits(it *item) bool {
	s.wait(&it.job, notAskedFor)
	return s.patient(&it.job, s.relay.opts.Hold)
}

// holds holds something back, and says whether it still does: for so long at most, then it is released.
func (s *stream) holds(it *item, limit time.Duration, reason string) bool {
	s.wait(&it.job, reason)
	if s.patient(&it.job, limit) {
		return true
	}
	it.release()
	return false
}

// wait notes why something is held back.
func (s *stream) wait(j *job, reason string) {
	switch {
	case j.hold == nil:
		j.hold = &hold{since: s.planned, reason: reason}
	case j.hold.reason != reason:
		j.hold = &hold{since: j.hold.since, reason: reason, over: j.hold.over}
	default:
		return
	}
	s.mesh.statusDirty.Store(true)
}

// release ends a hold by time.
func (j *job) release() { j.hold = &hold{since: j.hold.since, reason: j.hold.reason, over: true} }

// unheardOf says whether a cluster's endpoints are held back because the endpoints log does not know its service yet:
// a node and its first instances come by two logs, and an empty assignment would let routes move to a cluster that
// has instances. Envoy withholds the acknowledgement of a new cluster that has no assignment, so routes wait with it.
// It ends when the log speaks of the service, be it to say that it has no instances, or after Options.Patience.
func (s *stream) unheardOf(k kind, it *item) bool {
	if k != endpoints || it.released() || !s.mesh.hasEndpoints {
		return false
	}
	service := s.view.findNear(cluster, it.name, &it.place).now.selector.ServiceKey
	if _, known := s.mesh.state.Services[service]; known {
		return false
	}
	return s.holds(it, s.relay.opts.Patience, "waits for word of service "+service.Service+" in "+service.Namespace)
}

// patient says whether a hold goes on, for so long at most, and has the sender woken when it ends.
func (s *stream) patient(j *job, limit time.Duration) bool {
	now := s.planned
	until := j.hold.since.Add(limit)
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
