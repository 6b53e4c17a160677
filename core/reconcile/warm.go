package reconcile

import "sync"

// Bounds of what stays warm; beyond them any other mesh that is at rest is dropped. One mesh alone may be larger.
const (
	warmMax = 64 // meshes
	// warmSize is how many Envoy resources, or instances, they hold together. A mesh of 1,000 nodes has 6,000 resources and
	// takes 34 MB, as much again until the garbage is collected; the compile Lambda has 1,769 MB for it, and for a mesh that
	// is read anew.
	warmSize = 60_000
)

// warmCache keeps one value a mesh between calls, and lets one call a mesh run at a time.
type warmCache[T any] struct {
	mu    sync.Mutex
	slots map[string]*warmSlot[T]
	size  int // of all slots
}

type warmSlot[T any] struct {
	cache *warmCache[T]
	mu    sync.Mutex
	users int // holders and waiters, under cache.mu
	size  int // under cache.mu
	value T
	full  bool
}

func newWarmCache[T any]() *warmCache[T] { return &warmCache[T]{slots: map[string]*warmSlot[T]{}} }

func (c *warmCache[T]) lock(uid string) *warmSlot[T] {
	c.mu.Lock()
	slot, ok := c.slots[uid]
	if !ok {
		c.makeRoom(warmMax - 1)
		slot = &warmSlot[T]{cache: c}
		c.slots[uid] = slot
	}
	slot.users++
	c.mu.Unlock()
	slot.mu.Lock()
	return slot
}

// makeRoom leaves at most this many slots, and no more in them than should be.
func (c *warmCache[T]) makeRoom(most int) {
	for uid, s := range c.slots {
		if len(c.slots) <= most && c.size <= warmSize {
			return
		}
		if s.users == 0 {
			c.size -= s.size
			delete(c.slots, uid)
		}
	}
}

func (s *warmSlot[T]) unlock() {
	s.mu.Unlock()
	s.cache.mu.Lock()
	s.cache.makeRoom(warmMax) // of others, that were at work when there was too much
	s.users--
	s.cache.mu.Unlock()
}

func (s *warmSlot[T]) get() (T, bool) { return s.value, s.full }
func (s *warmSlot[T]) set(v T)        { s.value, s.full = v, true }

func (s *warmSlot[T]) drop() {
	var none T
	s.value, s.full = none, false
	s.weigh(0)
}

// weigh says how much the slot holds now.
func (s *warmSlot[T]) weigh(size int) {
	c := s.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size += size - s.size
	s.size = size
	c.makeRoom(warmMax)
}
