package relay

const (
	// maxResponse is how many bytes of resources go into one response, if it has more than one.
	maxResponse = 1 << 20
	// maxInflight is how many responses of a kind may be unanswered. Envoy withholds the answer to clusters while any
	// of them warms, so it is not 1; what changes beyond it waits, and is coalesced.
	maxInflight = 64
)

// push sends what is owed, as far as it may be sent now: kinds in their order, each change made before what relied on
// the old state is broken, removals last and in reverse.
func (s *stream) push() error {
	todo := s.work()
	for k := range kinds {
		if !todo.has(k) {
			continue
		}
		if err := s.send(k, s.plan(k, s.planUpserts)); err != nil {
			return err
		}
		todo = s.work() // more may follow from what was sent
	}
	for k := kinds; k > 0 && todo.removes != 0; k-- {
		if todo.removes&(1<<(k-1)) == 0 {
			continue
		}
		if err := s.send(k-1, s.plan(k-1, s.planRemovals)); err != nil {
			return err
		}
	}
	return nil
}

// work is which kinds something is to be done for, a bit each.
type work struct{ owes, removes uint8 }

func (w work) has(k kind) bool { return w.owes&(1<<k) != 0 }

func (s *stream) work() work {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.workLocked()
}

func (s *stream) workLocked() (w work) {
	for k := range kinds {
		if s.subs[k].owes > 0 || s.subs[k].greet {
			w.owes |= 1 << k
		}
		if s.subs[k].leaving {
			w.removes |= 1 << k
		}
	}
	return w
}

// plan makes responses with the mesh and the stream held still.
func (s *stream) plan(k kind, by func(kind) []*response) []*response {
	s.mesh.mu.RLock()
	defer s.mesh.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.planned = s.relay.now()
	s.outbox = by(k)
	s.checkSettled()
	return s.outbox
}

// send sends with both free. It blocks while Envoy doesn't read.
func (s *stream) send(k kind, responses []*response) error {
	defer clear(responses) // the room is kept, the bytes are not
	for _, r := range responses {
		if err := s.rpc.SendMsg(r); err != nil {
			return err
		}
		s.relay.metrics.pushes[k].Inc()
		s.relay.metrics.bytes[k].Add(float64(r.size))
	}
	return nil
}

// decision is what becomes of something owed. The zero value: nothing is to be done any more.
type decision struct {
	entry  *entry // send this
	deny   bool   // say that it doesn't exist
	keep   bool   // it stays owed, for now
	remove bool   // Envoy has what it must no longer have: see planRemovals
}

// planUpserts decides what of a kind is sent now, and notes it as sent. s.mu and mesh.mu are held.
func (s *stream) planUpserts(k kind) []*response {
	sub := &s.subs[k]
	sub.leaving = false
	if !sub.opened {
		s.awaitAll(sub)
		return s.outbox[:0]
	}
	p := packer{stream: s, kind: k, expect: sub.owes, responses: s.outbox[:0]}
	for i := range sub.items {
		it := &sub.items[i]
		if !it.owed {
			continue
		}
		if len(sub.inflight) >= maxInflight {
			break
		}
		d := s.decide(k, it)
		switch {
		case d.entry != nil:
			p.add(it, d.entry)
			s.follow(k, d.entry, it.since)
			it.force, it.answer, it.alone = false, false, false
		case d.deny:
			p.remove(it)
		}
		if d.keep || d.remove {
			sub.leaving = sub.leaving || d.remove
		} else {
			sub.pay(it)
		}
	}
	p.close()
	sub.tidy()
	if sub.greet && (len(p.responses) > 0 || sub.owes == 0) {
		// Envoy waits for a first answer, even an empty one, before it goes on with its start.
		sub.greet = false
		if len(p.responses) == 0 {
			p.open()
			p.close()
		}
	}
	return p.responses
}

// decide says what becomes of what is owed for a name.
func (s *stream) decide(k kind, it *item) decision {
	if !s.subs[k].subscribed(it) {
		return decision{keep: it.awaited && s.awaits(it)}
	}
	want := s.wants(k, it)
	switch {
	case want == nil && k == endpoints:
		return s.decideUnknownEndpoints(it)
	case want == nil && it.sent != nil:
		return decision{remove: true}
	case want == nil:
		return decision{deny: it.answer}
	case it.sent != nil && it.sent.hash == want.hash && !it.force:
		return decision{}
	case s.staysRefused(k, want, &it.job):
		return decision{entry: it.again()}
	case s.blocked(k, it, want), s.unheardOf(k, it), s.turns(k, it, want):
		return decision{entry: it.again(), keep: true}
	}
	if r := s.refusalOf(k, want); r != nil && k == secret {
		return decision{entry: respelled(want, r.offers)}
	}
	return decision{entry: want}
}

// decideUnknownEndpoints: who asks for the endpoints of what is no EDS cluster of the proxy's gets an empty assignment
// at once. But nothing is taken from a cluster that Envoy still has and that is about to be removed: its traffic may
// not have moved yet.
func (s *stream) decideUnknownEndpoints(it *item) decision {
	leaving := s.subs[cluster].get(it.name).sent != nil && s.wanted(cluster, it.name) == nil
	if !it.answer || leaving {
		return decision{}
	}
	return decision{entry: assign(it.name, nil)}
}

// again gives what Envoy has, where it needs an answer but may not have the newest.
func (it *item) again() *entry {
	if it.force && it.sent != nil && it.sent.sendable() {
		return it.sent
	}
	return nil
}

// wanted is what the proxy is to have under a name; nil: nothing. mesh.mu is held, for reading at least.
func (s *stream) wanted(k kind, name string) *entry { return s.version(k, s.view.find(k, name)) }

// wants is wanted for an item.
func (s *stream) wants(k kind, it *item) *entry {
	return s.version(k, s.view.findNear(k, it.name, &it.place))
}

// version is what the proxy is to have of a slot.
func (s *stream) version(k kind, at *slot) *entry {
	if at == nil || at.now == nil {
		return nil
	}
	r := at.now
	if k == endpoints {
		if r.selector == nil {
			return nil
		}
		return s.mesh.assignment(r)
	}
	if r.source.Fill != "" && s.explicit() {
		return s.fill(r)
	}
	return r.entry
}

// follow owes what Envoy must get again after an upsert. It doesn't ask for it by itself, and would go on warming:
// a changed cluster without its endpoints, a changed listener without its routes.
func (s *stream) follow(k kind, e *entry, since int64) {
	switch k {
	case cluster:
		sub := &s.subs[endpoints]
		if it := sub.find(e.name); it != nil && it.named {
			sub.owe(it, job{since: noGeneration, force: true})
		}
	case listener:
		if sub, all := &s.subs[route], s.view.all(route); !sub.opened {
			sub.expect(len(all), func(n int) string { return all[n].Name })
		}
		awaited := job{since: since, awaited: true, hold: &hold{since: s.planned, reason: notAskedFor}}
		for n, name := range e.routes {
			s.followRoute(name, n, awaited)
		}
	}
}

// followRoute owes the nth route that a listener names: again if Envoy has it, else as awaited, until it asks.
func (s *stream) followRoute(name string, n int, awaited job) {
	place := int32(n)
	at := s.view.findNear(route, name, &place)
	sub := &s.subs[route]
	switch it := sub.findNear(name, n); {
	case it != nil && it.named && it.sent != nil:
		sub.owe(it, job{since: noGeneration, force: true})
	case (it == nil || !it.named) && at != nil:
		sub.owe(sub.at(at.Name), awaited)
		s.mesh.statusDirty.Store(true)
	}
}
