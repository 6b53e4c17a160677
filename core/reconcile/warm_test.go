package reconcile

import (
	"fmt"
	"sync"
	"testing"
)

// fill has a mesh read, and says whether it was warm.
func fill(c *warmCache[string], uid string, size int) (warm bool) {
	slot := c.lock(uid)
	defer slot.unlock()
	_, warm = slot.get()
	slot.set(uid)
	slot.weigh(size)
	return warm
}

// What stays warm is bounded in number and in size; a mesh that is at work stays, and so does one that is larger by itself
// than all may be together, as long as no other comes.
func TestWhatStaysWarm(t *testing.T) {
	c := newWarmCache[string]()
	for n := range 100 {
		fill(c, fmt.Sprint("small", n), 1)
	}
	if len(c.slots) != warmMax || c.size != warmMax {
		t.Errorf("of 100 small meshes %d are warm, of %d in all", len(c.slots), c.size)
	}
	busy := c.lock("busy")
	busy.set("busy")
	busy.weigh(warmSize / 3)
	for n := range 100 {
		fill(c, fmt.Sprint("large", n), warmSize/10)
		if c.size > warmSize {
			t.Fatalf("%d are warm, want %d at most", c.size, warmSize)
		}
	}
	if v, ok := busy.get(); !ok || v != "busy" || c.slots["busy"] != busy {
		t.Error("a mesh at work was dropped")
	}
	busy.drop()
	busy.unlock()
	fill(c, "huge", 2*warmSize)
	if !fill(c, "huge", 2*warmSize) || len(c.slots) != 1 {
		t.Errorf("a huge mesh is not warm, or one of %d", len(c.slots))
	}
	fill(c, "next", 1)
	if fill(c, "huge", 2*warmSize) {
		t.Error("a huge mesh stayed when another one came")
	}

	var all sync.WaitGroup
	for n := range 500 {
		all.Go(func() { fill(c, fmt.Sprint(n%100), n*warmSize/500) })
	}
	all.Wait()
	sum := 0
	for _, s := range c.slots {
		sum += s.size
	}
	if sum != c.size || c.size > warmSize {
		t.Errorf("counted %d, there are %d", c.size, sum)
	}
}
