package relay

import "google.golang.org/protobuf/encoding/protowire"

// This file: a listener and its callers that turn to TLS, or away from it, without a request that fails. While a listener
// takes both (artifact.Resource.Permissive), it must begin with TLS before its callers do, and end with it after them. They
// are other proxies, maybe of another relay, which hears of the change by its own tail: so who must come second waits for
// Options.Overlap.

// Field numbers of envoy.config: Cluster and FilterChain.
const (
	clusterSocket = 24 // transport_socket
	chainSocket   = 6  // transport_socket
)

// turns says whether a cluster waits with turning to TLS, or a listener with turning away from it.
func (s *stream) turns(k kind, it *item, want *entry) bool {
	if it.acked == nil || it.released() {
		return false
	}
	begins := k == cluster && want.permissive && want.secure > it.acked.secure
	ends := k == listener && it.acked.permissive && want.secure < it.acked.secure
	switch {
	case begins:
		return s.holds(it, s.relay.opts.Overlap, "waits with TLS for the listener that it leads to")
	case ends:
		return s.holds(it, s.relay.opts.Overlap, "keeps TLS until callers have turned away from it")
	}
	return false
}

// countSecure counts the chains of an encoded listener that have a transport socket, or that of an encoded cluster.
func countSecure(k kind, body []byte) (n int) {
	if k != cluster && k != listener {
		return 0
	}
	eachField(body, func(number protowire.Number, value []byte) {
		switch {
		case k == cluster && number == clusterSocket:
			n++
		case k == listener && number == listenerChain:
			eachField(value, func(number protowire.Number, _ []byte) {
				if number == chainSocket {
					n++
				}
			})
		}
	})
	return n
}
