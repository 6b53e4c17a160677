package relay

import (
	"slices"

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
	if len(request.ResourceNamesSubscribe) > maxNames {
		return errTooMany(k)
	}
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
	defer sub.tidy()
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
	for _, name := range s.shared(k, request.ResourceNamesSubscribe) {
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
	if sub.known() > maxNames {
		return errTooMany(k)
	}
	return nil
}

func errTooMany(k kind) error {
	return status.Errorf(codes.ResourceExhausted, "this stream asks for more than %d %ss", maxNames, k)
}

// shared sorts names that Envoy asks for, makes items for them, and gives them as the strings that everybody shares.
func (s *stream) shared(k kind, names []string) []string {
	slices.Sort(names)
	for n, name := range names {
		place := int32(n)
		if at := s.view.findNear(k, name, &place); at != nil {
			names[n] = at.Name
		}
	}
	s.subs[k].expect(len(names), func(n int) string { return names[n] })
	return names
}

// remember notes which versions Envoy has from an earlier stream, of this or any other relay. Endpoints are always
// answered in full: a cluster that was cut off from them would go on warming.
func (s *stream) remember(k kind, versions map[string]string) {
	if k == endpoints {
		return
	}
	var names []string
	for name, version := range versions {
		if len(names) >= maxNames || len(name) > maxNameLength || len(version) > maxNameLength {
			continue // it is as if Envoy had not said so: it gets these once more
		}
		names = append(names, name)
	}
	for _, name := range s.shared(k, names) {
		has := s.wanted(k, name)
		if version := versions[name]; has == nil || has.hash != version {
			has = versionOnly(name, version)
		}
		it := s.subs[k].at(name)
		it.known, it.sent, it.acked = true, has, has
	}
}

// forgetUnwanted drops what Envoy has but did not subscribe to.
func (s *stream) forgetUnwanted(k kind) {
	sub := &s.subs[k]
	for i := range sub.items {
		if it := &sub.items[i]; !sub.subscribed(it) {
			sub.forget(it)
		}
	}
}

func (s *stream) subscribeToAll(k kind) {
	sub := &s.subs[k]
	sub.wildcard = true
	all := s.view.all(k)
	sub.expect(len(all), func(n int) string { return all[n].Name })
	for _, at := range all {
		sub.owe(sub.at(at.Name), job{since: fromTheStart})
	}
	for i := range sub.items {
		if it := &sub.items[i]; it.known {
			sub.owe(it, job{since: fromTheStart}) // also what is gone
		}
	}
	s.behind = true
}

func (s *stream) subscribeTo(k kind, name string, first bool) {
	sub := &s.subs[k]
	it := sub.at(name)
	// Asking again for what it has means that Envoy needs the answer. A first request says with it what it has.
	again := it.named || (it.sent != nil && !first)
	it.known, it.named = true, true
	since := s.mesh.generation
	switch {
	case k == endpoints || again:
		since = noGeneration
	case it.owed && it.awaited:
		since = it.since
		sub.pay(it)
	case s.settled.IsZero():
		since = fromTheStart
	}
	sub.owe(it, job{since: since, answer: true, force: again || k == endpoints})
	s.markBehind(since)
}

func (s *stream) unsubscribe(k kind, name string) {
	sub := &s.subs[k]
	it := sub.find(name)
	switch {
	case name == everything:
		sub.wildcard, sub.greet = false, false
		for i := range sub.items {
			if it := &sub.items[i]; !it.named {
				sub.drop(it)
			}
		}
	case it == nil:
		return
	case sub.wildcard:
		it.named = false
		return
	default:
		sub.drop(it)
	}
	s.checkSettled()
}
