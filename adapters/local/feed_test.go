package local_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/adapters/local"
	"github.com/ownmesh/ownmesh/events"
)

func keyOf(m events.MeshChanged) string { return m.UID }

// recorder notes what it was given, and fails as often as it is told.
type recorder struct {
	mu    sync.Mutex
	got   map[string][]int64
	fail  map[string]int
	busy  map[string]bool
	clash bool
}

func (r *recorder) handle(_ context.Context, m events.MeshChanged) error {
	r.mu.Lock()
	r.clash = r.clash || r.busy[m.UID]
	r.busy[m.UID] = true
	r.mu.Unlock()
	time.Sleep(time.Millisecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy[m.UID] = false
	r.got[m.UID] = append(r.got[m.UID], m.Generation)
	if r.fail[m.UID] > 0 {
		r.fail[m.UID]--
		return errors.New("not now")
	}
	return nil
}

func (r *recorder) count(uid string, generation int64) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, g := range r.got[uid] {
		if g == generation {
			n++
		}
	}
	return n
}

func newRecorder() *recorder {
	return &recorder{got: map[string][]int64{}, fail: map[string]int{}, busy: map[string]bool{}}
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never came: %s", what)
		}
	}
}

func TestFeedDeliversTheNewestTwiceInOneLane(t *testing.T) {
	r := newRecorder()
	f := local.NewFeed(local.FeedOptions{Redelivery: 20 * time.Millisecond}, keyOf, r.handle)
	defer f.Close()
	for g := range int64(50) {
		f.Send(events.MeshChanged{UID: "a", Generation: g})
		f.Send(events.MeshChanged{UID: "b", Generation: g})
	}
	for _, uid := range []string{"a", "b"} {
		await(t, "the newest message twice", func() bool { return r.count(uid, 49) == 2 })
	}
	if r.clash {
		t.Error("two messages of one lane were handled at the same time")
	}
}

func TestFeedTriesAgainAndHoldsUpNoOtherLane(t *testing.T) {
	r := newRecorder()
	r.fail["bad"] = 1000
	r.fail["shaky"] = 2
	f := local.NewFeed(local.FeedOptions{Redelivery: time.Hour, Tries: 4, MaxInterval: 5 * time.Millisecond}, keyOf, r.handle)
	defer f.Close()
	for _, uid := range []string{"bad", "shaky", "good"} {
		f.Send(events.MeshChanged{UID: uid, Generation: 1})
	}
	await(t, "the good one", func() bool { return r.count("good", 1) == 1 })
	await(t, "the shaky one at its third try", func() bool { return r.count("shaky", 1) == 3 })
	await(t, "the bad one set aside", func() bool { return f.SetAside() == 1 })
	if got := r.count("bad", 1); got != 4 {
		t.Errorf("the failing message was delivered %d times, want 4", got)
	}
}

func TestFeedCloseEndsHandlers(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	f := local.NewFeed(local.FeedOptions{}, keyOf, func(ctx context.Context, _ events.MeshChanged) error {
		close(started)
		<-ctx.Done()
		close(ended)
		return ctx.Err()
	})
	f.Send(events.MeshChanged{UID: "a"})
	<-started
	f.Close()
	select {
	case <-ended:
	default:
		t.Error("Close returned before its handler did")
	}
	f.Send(events.MeshChanged{UID: "a"}) // must neither panic nor start anything
}

// Each message comes once more, also after another one did: the plan for one is not taken for that of the next.
func TestFeedDeliversEachTwice(t *testing.T) {
	r := newRecorder()
	f := local.NewFeed(local.FeedOptions{Redelivery: time.Millisecond}, keyOf, r.handle)
	defer f.Close()
	for g := range int64(3) {
		f.Send(events.MeshChanged{UID: "a", Generation: g})
		await(t, "the message twice", func() bool { return r.count("a", g) == 2 })
	}
}
