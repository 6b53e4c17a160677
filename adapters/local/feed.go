// Package local carries changes between the parts of a mesh that runs in one process, as streams and queues do in
// AWS: keys only, one message a mesh at a time, at least once.
//
// Feed delivers each message twice, on purpose, so that nothing can come to rely on exactly-once delivery. It never
// looks at what changed. What is in flight when the process ends is made up for by the sweep at the next start.
package local

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Handler takes one message; an error is an infrastructure fault, and the message comes again.
type Handler[M any] func(ctx context.Context, m M) error

// FeedOptions are the knobs of a Feed; zero values mean the defaults in parentheses.
type FeedOptions struct {
	Name        string        // for logs: "compile"
	Redelivery  time.Duration // when a delivered message is delivered once more (2 s)
	Tries       uint          // deliveries of a failing message before it is set aside (8)
	MaxInterval time.Duration // the longest pause between tries (5 s)
	Logger      *slog.Logger
}

// Feed is a queue with one lane a key: messages of one lane are handled one after the other, and messages that wait
// in a lane are merged into the newest. A lane that fails holds up no other.
type Feed[K comparable, M any] struct {
	FeedOptions
	key    func(M) K
	handle Handler[M]

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	lanes map[K]*lane[M]
	again map[K]M // delivered once, and to be delivered once more
	aside int
}

// lane is the queue of one key while it has a worker.
type lane[M any] struct {
	next  M // newer messages replace it
	full  bool
	first bool // next was not delivered before
}

// NewFeed starts a feed. key says which lane a message belongs to.
func NewFeed[K comparable, M any](o FeedOptions, key func(M) K, handle Handler[M]) *Feed[K, M] {
	if o.Redelivery == 0 {
		o.Redelivery = 2 * time.Second
	}
	if o.Tries == 0 {
		o.Tries = 8
	}
	if o.MaxInterval == 0 {
		o.MaxInterval = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	f := &Feed[K, M]{FeedOptions: o, key: key, handle: handle, lanes: map[K]*lane[M]{}, again: map[K]M{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// Send hands over a message and returns at once. After Close it does nothing.
func (f *Feed[K, M]) Send(m M) { f.send(m, true) }

func (f *Feed[K, M]) send(m M, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return
	}
	k := f.key(m)
	l, working := f.lanes[k]
	if !working {
		l = &lane[M]{}
		f.lanes[k] = l
	}
	l.next, l.full, l.first = m, true, first || (l.full && l.first)
	if !working {
		f.wg.Go(func() { f.work(k, l) })
	}
}

// work empties a lane and ends.
func (f *Feed[K, M]) work(k K, l *lane[M]) {
	for {
		f.mu.Lock()
		if !l.full || f.ctx.Err() != nil {
			delete(f.lanes, k)
			f.mu.Unlock()
			return
		}
		m, first := l.next, l.first
		l.full = false
		f.mu.Unlock()
		f.deliver(m)
		if first {
			f.deliverAgain(k, m)
		}
	}
}

func (f *Feed[K, M]) deliver(m M) {
	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.MaxInterval = 20*time.Millisecond, f.MaxInterval
	_, err := backoff.Retry(f.ctx, func() (struct{}, error) {
		err := f.handle(f.ctx, m)
		if err != nil && f.ctx.Err() == nil {
			f.Logger.Warn("handler failed, trying again", "feed", f.Name, "err", err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(retry), backoff.WithMaxTries(f.Tries), backoff.WithMaxElapsedTime(0))
	if err != nil && f.ctx.Err() == nil {
		f.Logger.Error("message set aside until the next sweep", "feed", f.Name, "message", m, "err", err)
		f.mu.Lock()
		f.aside++
		f.mu.Unlock()
	}
}

// deliverAgain delivers the newest message of a key once more, after a pause.
func (f *Feed[K, M]) deliverAgain(k K, m M) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, planned := f.again[k]
	f.again[k] = m
	if planned || f.ctx.Err() != nil {
		return
	}
	f.wg.Go(func() {
		select {
		case <-f.ctx.Done():
			return
		case <-time.After(f.Redelivery):
		}
		f.mu.Lock()
		m := f.again[k]
		delete(f.again, k)
		f.mu.Unlock()
		f.send(m, false)
	})
}

// SetAside counts messages that were given up.
func (f *Feed[K, M]) SetAside() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.aside
}

// Close stops handlers through their context and waits for them.
func (f *Feed[K, M]) Close() {
	f.mu.Lock()
	f.cancel()
	f.mu.Unlock()
	f.wg.Wait()
}
