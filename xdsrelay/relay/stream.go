package relay

import (
	"math"
	"sync"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"

	"github.com/ownmesh/ownmesh/events"
)

// What `since` is where it is no generation's number.
const (
	fromTheStart = 1             // owed since the stream began, so the proxy has accepted no generation
	noGeneration = math.MaxInt64 // no generation waits for it: endpoints, and what is only sent again
)

// stream is one Envoy's ADS stream: what it asked for, what it has, and what it is owed.
//
// Two goroutines serve it. The receiver (receive) notes what Envoy asks for and accepts. The sender (run) sends, and
// blocks when Envoy doesn't read; meanwhile changes only add names to what is owed, so a slow Envoy costs nothing and
// gets the newest state when it reads again.
type stream struct {
	relay     *Relay
	mesh      *mesh
	view      *view
	rpc       grpc.ServerStream
	node      node
	connected time.Time

	wake   chan struct{} // capacity 1: there may be something to send, or the stream has ended
	outbox []*response   // the sender's: what it is about to send

	mu      sync.Mutex
	ended   bool
	err     error // what it ended with
	nonce   uint64
	subs    [kinds]subscription
	refused map[refusedKey]*refusal
	filled  map[filledKey]filling // explicit interception
	// settled is when the stream last became current, and behind whether it is not.
	behind  bool
	settled time.Time
	// alarm wakes the sender at alarmAt, when a hold ends; nil until there is one.
	alarm   *time.Timer
	alarmAt time.Time
	planned time.Time // when what is sent now was planned
}

// job is why a name must be looked at: it may have to be sent, held back or removed.
type job struct {
	since   int64 // the generation that waits for it, or noGeneration
	hold    *hold // nil: it has not been held back
	force   bool  // send also what Envoy has
	answer  bool  // Envoy has just asked for it: say so if it doesn't exist
	alone   bool  // in a response of its own
	awaited bool  // a route that a listener names and that Envoy has yet to ask for
}

// hold is that something is held back. It is immutable: several may be held back by one.
type hold struct {
	since  time.Time
	reason string // for status
	over   bool   // it has ended by time
}

// reason says why something is held back; "": it isn't.
func (j job) reason() string {
	if j.hold == nil {
		return ""
	}
	return j.hold.reason
}

// released says whether a hold has ended by time.
func (j job) released() bool { return j.hold != nil && j.hold.over }

// sent is a response that Envoy has not answered yet.
type sent struct {
	nonce      uint64
	generation int64 // of the mesh, when it was sent
	parts      []part
}

// part is one resource of a response; without an entry it is a removal.
type part struct {
	name  string
	entry *entry
	since int64
	force bool
}

type refusedKey struct {
	kind       kind
	name, hash string
}

// refusal is what Envoy said when it refused something.
type refusal struct {
	events.RejectedPart
	since  int64 // the generation that wants it, for the last time that one did
	again  bool  // it is to be sent once more all the same
	offers int   // how often it was
}

func newStream(r *Relay, m *mesh, rpc grpc.ServerStream, n node) *stream {
	return &stream{
		relay: r, mesh: m, rpc: rpc, node: n, connected: r.now(),
		wake: make(chan struct{}, 1), behind: true,
	}
}

func (s *stream) explicit() bool { return s.node.metadata.Explicit != nil }

// run sends until the stream ends, and returns what it ends with. It has a receiver already.
func (s *stream) run() error {
	age := time.AfterFunc(s.node.grant.ends(s.relay), func() { s.end(nil) })
	defer age.Stop()
	for range s.wake {
		if err, ended := s.hasEnded(); ended {
			return err
		}
		if err := s.push(); err != nil {
			s.end(err)
		}
	}
	return nil // wake is never closed
}

// hasEnded gives what end was called with, if it was.
func (s *stream) hasEnded() (err error, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended && s.alarm != nil {
		s.alarm.Stop()
	}
	return s.err, s.ended
}

// receive reads what Envoy says, until the stream ends.
func (s *stream) receive() {
	for {
		request := new(discoveryv3.DeltaDiscoveryRequest)
		if err := s.rpc.RecvMsg(request); err != nil {
			s.end(nil) // Envoy has closed it or is gone: nobody reads the status
			return
		}
		if err := s.handle(request); err != nil {
			s.end(err)
			return
		}
	}
}

// end makes run return err; the first call counts.
func (s *stream) end(err error) {
	s.mu.Lock()
	if !s.ended {
		s.err, s.ended = err, true
	}
	s.mu.Unlock()
	s.wakeUp()
}

func (s *stream) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// mark owes the stream a look at a name, and says whether that concerns it.
func (s *stream) mark(k kind, name string, since int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := &s.subs[k]
	it := sub.find(name)
	switch {
	case k == endpoints:
		// Endpoints go to those who have some: who asks later gets an answer then.
		if it == nil || !it.known {
			return false
		}
	case !sub.opened, !sub.wildcard && (it == nil || !it.named):
		return false
	case it == nil:
		it = sub.at(name)
	}
	sub.owe(it, job{since: since})
	s.markBehind(since)
	return true
}

// expectAll makes items for what has come into the set, if that is much. mesh.mu is held.
func (s *stream) expectAll() {
	const much = 100
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range kinds {
		sub, all := &s.subs[k], s.view.all(k)
		if sub.wildcard && len(all) > len(sub.items)+much {
			sub.expect(len(all), func(n int) string { return all[n].Name })
		}
	}
}

func (s *stream) markBehind(since int64) {
	if since != noGeneration {
		s.behind = true
	}
}
