package api

import (
	"context"
	"sync"
)

// locks lets the writers of one mesh in this process take turns, in the order in which they came. Commits would be
// right without it, since the store refuses the loser of a race. But losers that try again at random starve when many
// write at once; so the optimistic loop only has to settle races between processes.
type locks struct {
	mu     sync.Mutex
	byName map[string]*lock
}

type lock struct {
	turn  chan struct{} // holds one element while somebody has the lock
	users int           // who have it or wait for it; guarded by locks.mu
}

// acquire waits for the turn at name. Call release exactly once if err is nil.
func (l *locks) acquire(ctx context.Context, name string) (release func(), err error) {
	l.mu.Lock()
	if l.byName == nil {
		l.byName = map[string]*lock{}
	}
	k := l.byName[name]
	if k == nil {
		k = &lock{turn: make(chan struct{}, 1)}
		l.byName[name] = k
	}
	k.users++
	l.mu.Unlock()

	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if k.users--; k.users == 0 {
			delete(l.byName, name)
		}
	}
	select {
	case k.turn <- struct{}{}:
		return func() { <-k.turn; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, context.Cause(ctx)
	}
}
