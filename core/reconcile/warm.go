package reconcile

import "sync"

// warmMax bounds how many meshes stay warm; beyond it any other mesh that is at rest is dropped.
const warmMax = 64

// warmCache keeps one value a mesh between calls, and lets one call a mesh run at a time.
type warmCache[T any] struct {
	mu    sync.Mutex
	slots map[string]*warmSlot[T]
}

type warmSlot[T any] struct {
	cache *warmCache[T]
	mu    sync.Mutex
	users int // holders and waiters, under cache.mu
	value T
	full  bool
}

func newWarmCache[T any]() *warmCache[T] { return &warmCache[T]{slots: map[string]*warmSlot[T]{}} }

func (c *warmCache[T]) lock(uid string) *warmSlot[T] {
	c.mu.Lock()
	slot, ok := c.slots[uid]
	if !ok {
		c.makeRoom()
		slot = &warmSlot[T]{cache: c}
		c.slots[uid] = slot
	}
	slot.users++
	c.mu.Unlock()
	slot.mu.Lock()
	return slot
}

func (c *warmCache[T]) makeRoom() {
	for uid, s := range c.slots {
		if len(c.slots) < warmMax {
			return
		}
		if s.users == 0 {
			delete(c.slots, uid)
		}
	}
}

func (s *warmSlot[T]) unlock() {
	s.mu.Unlock()
	s.cache.mu.Lock()
	s.users--
	s.cache.mu.Unlock()
}

func (s *warmSlot[T]) get() (T, bool) { return s.value, s.full }
func (s *warmSlot[T]) set(v T)        { s.value, s.full = v, true }

func (s *warmSlot[T]) drop() {
	var none T
	s.value, s.full = none, false
}
