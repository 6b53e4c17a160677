package relay

import (
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Bounds on what one stream may ask for.
const (
	maxNames      = 20_000 // names a kind
	maxNameLength = 2_304  // bytes: a cluster of a mesh and a node with names of 255 characters, of 4 bytes each
)

// everything is the name that stands for all resources of a kind.
const everything = "*"

// handle notes what Envoy says: an answer to a response, a change of what it wants, or both.
func (s *stream) handle(request *discoveryv3.DeltaDiscoveryRequest) error {
	k, ok := kindOfURL(request.TypeUrl)
	if !ok {
		return status.Errorf(codes.InvalidArgument, "resources of type %.200q are not served here", request.TypeUrl)
	}
	asks := len(request.ResourceNamesSubscribe) > 0 || len(request.ResourceNamesUnsubscribe) > 0
	if asks || request.ResponseNonce == "" {
		if err := s.subscribe(k, request); err != nil {
			return err
		}
	}
	if request.ResponseNonce != "" {
		s.answered(k, request.ResponseNonce, request.ErrorDetail)
	}
	if s.work().owes != 0 {
		s.wakeUp()
	}
	return nil
}

// subscribe notes a change of what Envoy wants of one kind.
func (s *stream) subscribe(k kind, request *discoveryv3.DeltaDiscoveryRequest) error {
	for _, names := range [][]string{request.ResourceNamesSubscribe, request.ResourceNamesUnsubscribe} {
		for _, name := range names {
			if len(name) > maxNameLength {
				return status.Errorf(codes.ResourceExhausted, "a %s's name of %d bytes is too long: at most %d", k, len(name), maxNameLength)
			}
		}
	}
	s.mesh.mu.RLock()
	defer s.mesh.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()

	sub := &s.subs[k]
	first := !sub.opened
	sub.opened = true
	if first {
		s.remember(k, request.InitialResourceVersions)
		if k.wildcard() && len(request.ResourceNamesSubscribe) == 0 {
			s.subscribeToAll(k)
		}
		sub.greet = sub.wildcard && len(request.InitialResourceVersions) == 0
	}
	for _, name := range request.ResourceNamesUnsubscribe {
		s.unsubscribe(k, name)
	}
	sub.expect(min(len(request.ResourceNamesSubscribe), maxNames))
	for _, name := range request.ResourceNamesSubscribe {
		if name == everything {
			if k.wildcard() && !sub.wildcard {
				s.subscribeToAll(k)
				sub.greet = first && len(request.InitialResourceVersions) == 0
			}
			continue
		}
		s.subscribeTo(k, name, first)
	}
	if first {
		s.forgetUnwanted(k)
	}
	if len(sub.items) > maxNames {
		return status.Errorf(codes.ResourceExhausted, "this stream asks for more than %d %ss", maxNames, k)
	}
	return nil
}

// remember notes which versions Envoy has from an earlier stream, of this or any other relay. Endpoints are always
// answered in full: a cluster that was cut off from them would go on warming.
func (s *stream) remember(k kind, versions map[string]string) {
	if k == endpoints {
		return
	}
	for name, version := range versions {
		if len(s.subs[k].items) >= maxNames || len(name) > maxNameLength || len(version) > maxNameLength {
			continue // it is as if Envoy had not said so: it gets these once more
		}
		has := s.wanted(k, name)
		if has == nil || has.hash != version {
			has = versionOnly(name, version)
		}
		s.subs[k].set(has.name, item{sent: has, acked: has})
	}
}

// forgetUnwanted drops what Envoy has but did not subscribe to.
func (s *stream) forgetUnwanted(k kind) {
	sub := &s.subs[k]
	for name := range sub.items {
		if !sub.subscribed(name) {
			delete(sub.items, name)
		}
	}
}

func (s *stream) subscribeToAll(k kind) {
	sub := &s.subs[k]
	sub.wildcard = true
	all := s.view.all(k)
	sub.expect(len(all))
	for _, at := range all {
		sub.owe(at.Name, job{since: fromTheStart})
	}
	for name := range sub.items {
		sub.owe(name, job{since: fromTheStart}) // also what is gone
	}
	s.behind = true
}

func (s *stream) subscribeTo(k kind, name string, first bool) {
	sub := &s.subs[k]
	if at := s.view.find(k, name); at != nil {
		name = at.Name // the string that everybody shares
	}
	it := sub.items[name]
	// Asking again for what it has means that Envoy needs the answer. A first request says with it what it has.
	again := it.named || (it.sent != nil && !first)
	it.named = true
	sub.set(name, it)
	since := s.mesh.generation
	switch old, owed := sub.owed[name]; {
	case k == endpoints || again:
		since = noGeneration
	case owed && old.awaited:
		since = old.since
		delete(sub.owed, name)
	case s.settled.IsZero():
		since = fromTheStart
	}
	sub.owe(name, job{since: since, answer: true, force: again || k == endpoints})
	s.markBehind(since)
}

func (s *stream) unsubscribe(k kind, name string) {
	sub := &s.subs[k]
	if name == everything {
		sub.wildcard, sub.greet = false, false
		for name, it := range sub.items {
			if !it.named {
				delete(sub.items, name)
			}
		}
		for name := range sub.owed {
			if !sub.items[name].named {
				delete(sub.owed, name)
			}
		}
		s.checkSettled()
		return
	}
	if sub.wildcard {
		if it, ok := sub.items[name]; ok {
			it.named = false
			sub.items[name] = it
		}
		return
	}
	delete(sub.items, name)
	delete(sub.owed, name)
	s.checkSettled()
}
