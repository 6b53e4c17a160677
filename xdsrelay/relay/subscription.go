package relay

import (
	"slices"
	"sort"
	"strings"
)

// subscription is what a stream has to do with one kind of resource.
type subscription struct {
	opened   bool // Envoy has asked
	wildcard bool // for everything
	greet    bool // a first answer is owed, even an empty one
	leaving  bool // something owed is a removal
	untidy   bool // some items are of no use any more
	// items are sorted by name. They are no map, since most of what a new stream costs would be to make and to fill it.
	items    []item
	owes     int    // how many of them are owed something
	inflight []sent // not yet answered, oldest first
}

// item is one name: what Envoy has of it, and what it is owed. One that is neither known nor owed counts as absent.
type item struct {
	name        string
	known       bool  // Envoy has asked for it, or has it
	named       bool  // asked for by name
	owed        bool  // for the reasons in job
	place       int32 // where the view has it among its kind, or had it when it was last looked up
	sent, acked *entry
	job         // the zero value if nothing is owed
}

// search gives where a name is, or has its place.
func (sub *subscription) search(name string) (at int, found bool) {
	return sort.Find(len(sub.items), func(i int) int { return strings.Compare(name, sub.items[i].name) })
}

// find gives the item of a name; nil: there is none. It moves when names come or go.
func (sub *subscription) find(name string) *item {
	at, found := sub.search(name)
	if !found {
		return nil
	}
	return &sub.items[at]
}

// findNear is find where a name is the nth, most likely: then it costs next to nothing.
func (sub *subscription) findNear(name string, n int) *item {
	if n < len(sub.items) && sub.items[n].name == name {
		return &sub.items[n]
	}
	return sub.find(name)
}

// get gives a copy of the item of a name; the zero value: there is none.
func (sub *subscription) get(name string) item {
	if it := sub.find(name); it != nil {
		return *it
	}
	return item{}
}

// at gives the item of a name, and makes it if there is none. Who needs many calls expect first.
func (sub *subscription) at(name string) *item {
	at, found := sub.search(name)
	if !found {
		sub.items = slices.Insert(sub.items, at, item{name: name})
	}
	return &sub.items[at]
}

// expect makes items for n names that are about to be used, in their order: to put in one after the other would move
// those behind it each time. An item that is not used is tidied away.
func (sub *subscription) expect(n int, name func(int) string) {
	missing := n
	for i := 0; i < n && len(sub.items) > 0; i++ {
		if _, found := sub.search(name(i)); found {
			missing--
		}
	}
	if missing == 0 {
		return
	}
	old, merged := sub.items, make([]item, 0, len(sub.items)+missing)
	for i := range n {
		next := name(i)
		for len(old) > 0 && old[0].name <= next {
			merged, old = append(merged, old[0]), old[1:]
		}
		if last := len(merged) - 1; last < 0 || merged[last].name != next {
			merged = append(merged, item{name: next, place: int32(len(merged))})
		}
	}
	sub.items = append(merged, old...)
	sub.untidy = true
}

// owe adds to what is owed for a name; the older generation counts.
func (sub *subscription) owe(it *item, j job) {
	if it.owed {
		j.since = min(j.since, it.since)
		j.force = j.force || it.force
		j.answer = j.answer || it.answer
		j.alone = j.alone || it.alone
		if it.hold != nil {
			j.hold = it.hold
		}
	} else {
		sub.owes++
	}
	it.owed, it.job = true, j
}

// pay forgets what was owed for a name.
func (sub *subscription) pay(it *item) {
	if it.owed {
		sub.owes--
	}
	it.owed, it.job = false, job{}
	sub.untidy = sub.untidy || !it.known
}

// forget forgets that Envoy asked for a name, or has it.
func (sub *subscription) forget(it *item) {
	it.known, it.named, it.sent, it.acked = false, false, nil, nil
	sub.untidy = sub.untidy || !it.owed
}

// drop forgets all about a name.
func (sub *subscription) drop(it *item) {
	sub.forget(it)
	sub.pay(it)
}

// tidy takes out the items that count as absent. No pointer to an item holds beyond it.
func (sub *subscription) tidy() {
	if sub.untidy {
		sub.items = slices.DeleteFunc(sub.items, func(it item) bool { return !it.known && !it.owed })
		sub.untidy = false
	}
}

// known counts the names that Envoy has asked for, or has.
func (sub *subscription) known() (n int) {
	for i := range sub.items {
		if sub.items[i].known {
			n++
		}
	}
	return n
}

// subscribed says whether Envoy wants to have this name.
func (sub *subscription) subscribed(it *item) bool { return sub.wildcard || it.named }
