package relay

import (
	"strconv"
	"strings"
	"time"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/ownmesh/ownmesh/events"
)

const (
	maxRefused        = 1_024 // refusals that a stream remembers
	maxRefusedMessage = 4_096 // bytes
)

// answered notes that Envoy has accepted or refused a response.
func (s *stream) answered(k kind, nonce string, refused *statuspb.Status) {
	number, err := strconv.ParseUint(nonce, 10, 64)
	if err != nil {
		return // none of ours
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	response, ok := s.subs[k].take(number)
	switch {
	case !ok:
	case refused == nil:
		s.accepted(k, response)
	default:
		s.rejected(k, response, refused.GetMessage())
	}
	s.checkSettled()
}

// take takes a response out of those in flight.
func (sub *subscription) take(nonce uint64) (sent, bool) {
	for n, response := range sub.inflight {
		if response.nonce == nonce {
			last := len(sub.inflight) - 1
			copy(sub.inflight[n:], sub.inflight[n+1:])
			sub.inflight[last] = sent{}
			sub.inflight = sub.inflight[:last]
			return response, true
		}
	}
	return sent{}, false
}

func (s *stream) accepted(k kind, response sent) {
	sub := &s.subs[k]
	for n, p := range response.parts {
		it := sub.findNear(p.name, n)
		switch {
		case it == nil || !it.known:
			continue
		case p.entry != nil:
			// Also where nothing was sent since: Envoy may have unsubscribed and subscribed again while this was on its way,
			// and then it has it.
			it.acked = p.entry
		case it.sent == nil:
			it.acked = nil // a removal
		}
		if k == secret && p.entry != nil && s.refusalOf(k, p.entry) != nil {
			delete(s.refused, refusedKey{k, p.name, p.entry.hash})
			s.mesh.statusDirty.Store(true)
		}
	}
}

// rejected notes a NACK. Envoy names the culprits in prose only, and has applied the good resources: so those of a
// response with several go out again one by one, and a lone one is the culprit.
func (s *stream) rejected(k kind, response sent, message string) {
	sub := &s.subs[k]
	s.relay.metrics.nacks[k].Inc()
	alone := len(response.parts) == 1
	for _, p := range response.parts {
		it := sub.find(p.name)
		if p.entry == nil || it == nil || !it.known {
			continue // a removal can't be refused; an unsubscribed name no longer matters
		}
		superseded := it.sent != p.entry
		if !superseded {
			it.sent = it.acked
		}
		if alone {
			s.refuse(k, p, response.generation, message)
		} else if !superseded {
			sub.owe(it, job{since: p.since, alone: true, force: p.force})
		}
	}
}

func (s *stream) refuse(k kind, p part, generation int64, message string) {
	if len(message) > maxRefusedMessage {
		message = strings.ToValidUTF8(message[:maxRefusedMessage], "") + "…"
	}
	if s.refused == nil {
		s.refused = map[refusedKey]*refusal{}
	}
	if len(s.refused) >= maxRefused {
		for oldest := range s.refused { // any: an Envoy that refuses so much gets no more right by order
			delete(s.refused, oldest)
			break
		}
	}
	key := refusedKey{k, p.name, p.entry.hash}
	if k == secret {
		time.AfterFunc(s.relay.opts.RetrySecrets, func() { s.offerAgain(key) })
		message = asSpelled(message)
	}
	offers := 0
	if before := s.refused[key]; before != nil && before.Message == message {
		return // a secret once more
	} else if before != nil {
		offers = before.offers
	}
	s.refused[key] = &refusal{since: p.since, offers: offers, RejectedPart: events.RejectedPart{
		Type: k.String(), Name: p.name, Generation: generation, Message: message, At: s.relay.now(),
	}}
	s.mesh.statusDirty.Store(true)
	s.tellRejected(k, p.name, generation, message)
	s.relay.log.Warn("a proxy refused a resource", "mesh", s.node.mesh, "proxy", s.node.proxy, "instance", s.node.instance,
		"type", k.String(), "name", p.name, "message", message)
}

// refusalOf gives what Envoy said of these very bytes on this stream, if it refused them: they are not sent again.
func (s *stream) refusalOf(k kind, e *entry) *refusal {
	if len(s.refused) == 0 {
		return nil
	}
	return s.refused[refusedKey{k, e.name, e.hash}]
}

// staysRefused says that Envoy refused these bytes, and that nothing says it will be otherwise now.
func (s *stream) staysRefused(k kind, want *entry, j *job) bool {
	r := s.refusalOf(k, want)
	if r == nil {
		return false
	}
	if j.since != noGeneration {
		r.since = j.since
	}
	if !r.again {
		return true
	}
	r.again = false
	r.offers++
	return false
}

// offerAgain has a refused secret sent once more: it only names files.
func (s *stream) offerAgain(key refusedKey) {
	s.mu.Lock()
	r := s.refused[key]
	if r != nil && !s.ended {
		r.again = true
		sub := &s.subs[key.kind]
		sub.owe(sub.at(key.name), job{since: r.since, alone: true})
	}
	s.mu.Unlock()
	s.wakeUp()
}

// checkSettled notes when the stream has accepted all that it was behind with.
func (s *stream) checkSettled() {
	if s.behind && s.subs[cluster].opened && s.subs[listener].opened && s.floor() == noGeneration {
		s.behind = false
		s.settled = s.relay.now()
		s.mesh.statusDirty.Store(true)
	}
}

// floor is the oldest generation that this stream still has to accept something of, but for refusals; noGeneration:
// none.
func (s *stream) floor() int64 {
	floor := int64(noGeneration)
	for k := range kinds {
		sub := &s.subs[k]
		for i := range sub.items {
			if it := &sub.items[i]; it.owed {
				floor = min(floor, it.since)
			}
		}
		for _, response := range sub.inflight {
			for _, p := range response.parts {
				floor = min(floor, p.since)
			}
		}
	}
	return floor
}
