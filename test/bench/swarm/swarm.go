// Package swarm is thousands of delta xDS clients in one process, as light as they can be, so that what is measured is
// the server: each has a connection and a stream of its own, as Envoy has, but only takes gRPC messages apart as far as
// it must to answer them. It decodes no resource and keeps none.
//
// A client does what Envoy does at its start: it asks for clusters, then for their endpoints, then for listeners and
// for the routes that they name, and acknowledges each response at once. Start with Connect.
package swarm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"golang.org/x/sync/errgroup"
)

// Options say who the clients are and what they ask for.
type Options struct {
	Addr    string
	Streams int
	// Node is who the i-th client says it is.
	Node func(i int) *corev3.Node
	// TLS is how clients greet the server; nil: plainly. Token is what the i-th client's stream bears; nil or "": nothing.
	TLS   *tls.Config
	Token func(i int) string
	// Types are the kinds that a client asks for, by type URL, each after the first answer with the one before. Those
	// that Names has nothing for are asked for as a whole.
	Types []string
	// Names are the names of a kind that the i-th client asks for. before is its last response: of the kind before.
	Names func(i int, kind string, before Response) ([]string, error)
}

// dialing is how many clients connect at a time: more would overflow the server's queue of connections, and wait for
// a second until the kernel tries again.
const dialing = 256

// Swarm is clients that are connected.
type Swarm struct {
	Options
	clients []*client
	waiting atomic.Pointer[Wait]
	bytes   atomic.Int64
	frames  atomic.Int64
	running sync.WaitGroup

	mu     sync.Mutex
	failed error         // what the first client that failed ended with
	ended  chan struct{} // closed when one fails
	closed atomic.Bool
}

// Connect connects all clients at once, and returns when each has an answer for each kind.
func Connect(ctx context.Context, o Options) (*Swarm, error) {
	s := &Swarm{Options: o, clients: make([]*client, o.Streams), ended: make(chan struct{})}
	started := make(chan struct{}, o.Streams)
	dial, dialCtx := errgroup.WithContext(ctx)
	dial.SetLimit(dialing)
	for i := range s.clients {
		dial.Go(func() error {
			c, err := connect(dialCtx, s, i)
			if err != nil {
				return fmt.Errorf("connect client %d: %w", i, err)
			}
			s.clients[i] = c
			s.running.Go(func() { s.end(i, c.run(func() { started <- struct{}{} })) })
			return nil
		})
	}
	if err := dial.Wait(); err != nil {
		s.Close()
		return nil, err
	}
	for range s.clients {
		select {
		case <-started:
		case <-s.ended:
			defer s.Close()
			return nil, s.failed
		case <-ctx.Done():
			s.Close()
			return nil, fmt.Errorf("wait for the clients' first configuration: %w", ctx.Err())
		}
	}
	return s, nil
}

// end notes what a client ended with.
func (s *Swarm) end(i int, err error) {
	if s.closed.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = fmt.Errorf("client %d: %w", i, err)
		close(s.ended)
	}
}

// Received is what has come to all clients so far: bytes of messages, and how many those were.
func (s *Swarm) Received() (bytes, messages int64) { return s.bytes.Load(), s.frames.Load() }

// Close ends all clients, and returns when they have.
func (s *Swarm) Close() {
	s.closed.Store(true)
	for _, c := range s.clients {
		if c != nil {
			c.conn.Close()
		}
	}
	s.running.Wait()
}

// Wait waits for a change to come to clients.
type Wait struct {
	swarm  *Swarm
	marker []byte
	only   int // the one client that gets it; Everyone
	start  time.Time
	at     []atomic.Int64 // by client: nanoseconds after start; 0: not yet
	left   atomic.Int64
	all    chan struct{}
}

// Everyone is for changes that all clients get.
const Everyone = -1

// Expect begins to wait for a response that contains a marker: at one client, or at Everyone. The clock runs from now.
// One Wait at a time.
func (s *Swarm) Expect(marker []byte, only int) *Wait {
	w := &Wait{
		swarm: s, marker: marker, only: only, start: time.Now(),
		at: make([]atomic.Int64, len(s.clients)), all: make(chan struct{}),
	}
	w.left.Store(1)
	if only == Everyone {
		w.left.Store(int64(len(s.clients)))
	}
	s.waiting.Store(w)
	return w
}

// arrived notes that a client has got, and acknowledged, what is waited for.
func (w *Wait) arrived(i int) {
	if w.only != Everyone && w.only != i {
		return
	}
	if w.at[i].CompareAndSwap(0, int64(max(1, time.Since(w.start)))) && w.left.Add(-1) == 0 {
		close(w.all)
	}
}

// Done waits until all have got it, and says after what time each had.
func (w *Wait) Done(ctx context.Context) ([]time.Duration, error) {
	defer w.swarm.waiting.Store(nil)
	select {
	case <-w.all:
	case <-w.swarm.ended:
		return nil, w.swarm.failed
	case <-ctx.Done():
		return nil, fmt.Errorf("%d clients have not got %q: %w", w.left.Load(), w.marker, ctx.Err())
	}
	var took []time.Duration
	for i := range w.at {
		if at := w.at[i].Load(); at != 0 {
			took = append(took, time.Duration(at))
		}
	}
	if len(took) == 0 {
		return nil, errors.New("nobody was waited for")
	}
	return took, nil
}
