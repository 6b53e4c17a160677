package relay

// packer puts entries and removals of one kind into responses, and notes them as sent.
type packer struct {
	stream    *stream
	kind      kind
	expect    int // how many parts may come, at most
	responses []*response

	current *response
}

func (p *packer) open() {
	p.current = newResponse(p.stream.mesh.heads[p.kind], min(p.expect, 256))
}

func (p *packer) add(it *item, e *entry) {
	if p.current != nil && (it.alone || p.current.size+e.size() > maxResponse) {
		p.close()
	}
	if p.current == nil {
		p.open()
	}
	p.current.add(part{name: e.name, entry: e, since: it.since, force: it.force})
	it.known, it.sent = true, e
	if it.alone {
		p.close()
	}
}

// remove says that a name has no resource (any more).
func (p *packer) remove(it *item) {
	if p.current == nil {
		p.open()
	}
	p.current.add(part{name: it.name, since: it.since})
	if it.named {
		it.sent, it.acked = nil, nil
	} else {
		p.stream.subs[p.kind].forget(it)
	}
}

// close ends the response that is being made, if any. It is in flight from now on: its answer may come before the
// sender has returned from sending it.
func (p *packer) close() {
	if p.current == nil {
		return
	}
	s := p.stream
	s.nonce++
	p.current.finish(s.nonce)
	p.responses = append(p.responses, p.current)
	sub := &s.subs[p.kind]
	sub.inflight = append(sub.inflight, sent{nonce: s.nonce, generation: s.mesh.generation, parts: p.current.parts})
	p.current = nil
}
