package relay

import "slices"

// planRemovals says what Envoy must no longer have of a kind. s.mu and mesh.mu are held.
func (s *stream) planRemovals(k kind) []*response {
	sub := &s.subs[k]
	p := packer{stream: s, kind: k, expect: sub.owes, responses: s.outbox[:0]}
	sub.leaving = false // planUpserts comes first whenever something is owed, and says so again
	for i := range sub.items {
		it := &sub.items[i]
		if !it.owed {
			continue
		}
		if len(sub.inflight) >= maxInflight {
			break
		}
		if !sub.subscribed(it) || it.sent == nil || s.wants(k, it) != nil || k == endpoints {
			continue // planUpserts decides
		}
		if k == cluster && s.needed(it.name, &it.job) {
			continue
		}
		p.remove(it)
		sub.pay(it)
	}
	p.close()
	sub.tidy()
	return p.responses
}

// needed says whether a cluster that is to go must stay for now: while a listener or route that Envoy has, or may
// have, names it and is about to change. A refused change leaves the old one in use, so the cluster stays with it.
func (s *stream) needed(name string, j *job) bool {
	for _, k := range []kind{listener, route} {
		sub := &s.subs[k]
		if !sub.opened && (k == listener || len(s.view.all(k)) > 0) {
			s.wait(j, "stays until the proxy has asked for its "+k.String()+"s")
			return s.patient(j, s.relay.opts.Hold)
		}
		// Whatever Envoy has not answered yet counts, also what it has unsubscribed from: it may subscribe again before.
		if user := sub.underway(name); user != "" {
			s.wait(j, "stays until "+k.String()+" "+user+" is accepted")
			if s.patient(j, s.relay.opts.Hold) {
				return true
			}
		}
		for i := range sub.items {
			it := &sub.items[i]
			if !it.known {
				continue
			}
			want := s.wants(k, it)
			if want.mayNeed(name) { // overlap: nobody waits for its end
				j.since = noGeneration
				s.wait(j, "")
				if s.patient(j, s.relay.opts.Hold) {
					return true
				}
			}
			if it.has(want) || !it.acked.mayNeed(name) && !it.sent.mayNeed(name) {
				continue
			}
			s.wait(j, "stays until "+k.String()+" "+it.name+" is accepted")
			if want != nil && s.refusalOf(k, want) != nil {
				return true
			}
			if it.reason() != "" {
				return true // it is held back itself, and this can't end before
			}
			if s.patient(j, s.relay.opts.Hold) {
				return true
			}
		}
	}
	return false
}

// has says whether Envoy has just this.
func (it *item) has(e *entry) bool {
	return e != nil && it.sent != nil && it.acked != nil && it.sent.hash == e.hash && it.acked.hash == e.hash
}

// underway names something that needs a cluster, in a response that Envoy has not answered yet.
func (sub *subscription) underway(cluster string) (user string) {
	for _, response := range sub.inflight {
		for _, p := range response.parts {
			if p.entry.mayNeed(cluster) {
				return p.name
			}
		}
	}
	return ""
}

// mayNeed says whether an entry names a cluster; of one that is only a version nothing is known.
func (e *entry) mayNeed(cluster string) bool {
	if e == nil {
		return false
	}
	if !e.sendable() {
		return true
	}
	_, found := slices.BinarySearch(e.needs, cluster)
	return found
}
