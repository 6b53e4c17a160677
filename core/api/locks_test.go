package api

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// Who gives up waiting leaves nothing behind, and takes nobody's turn.
func TestLocks(t *testing.T) {
	var l locks
	release, err := l.acquire(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.acquire(t.Context(), "other")
	if err != nil {
		t.Fatal(err) // names don't wait for each other
	}
	other()
	gone, giveUp := context.WithCancel(t.Context())
	giveUp()
	if _, err := l.acquire(gone, "shop"); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	turns := 0 // guarded by the turn at shop
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			release, err := l.acquire(t.Context(), "shop")
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			turns++
		})
	}
	release()
	wg.Wait()
	if turns != 10 || len(l.byName) != 0 {
		t.Errorf("%d turns, %d locks are left", turns, len(l.byName))
	}
}
