package endpointtest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// RunLedger tests the ledger that open gives: an empty one of its own for each test. It includes Run.
func RunLedger(t *testing.T, open func(t *testing.T) endpoint.Ledger) {
	Run(t, func(t *testing.T) endpoint.Registry { return open(t) })
	for _, test := range []struct {
		name string
		run  func(*ledger)
	}{
		{"rows tell what is there and what was removed", rows},
		{"an instance is removed before it is known", removeUnknown},
		{"late removals are refused", lateRemovals},
		{"a removal and registrations race", removeRace},
		{"removals with bad names, or without time", removeBadly},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := open(t)
			test.run(&ledger{registry: &registry{T: t, Registry: l, ctx: t.Context()}, Ledger: l})
		})
	}
}

// ledger is one test with its ledger.
type ledger struct {
	*registry
	endpoint.Ledger
}

func (l *ledger) remove(id string, version int64) {
	l.Helper()
	l.must(l.Remove(l.ctx, endpoint.InstanceKey{ServiceKey: cart, ID: id}, version))
}

func (l *ledger) lateRemoval(id string, version, known int64) {
	l.Helper()
	var late *endpoint.LateError
	if err := l.Remove(l.ctx, endpoint.InstanceKey{ServiceKey: cart, ID: id}, version); !errors.As(err, &late) || late.Known != known {
		l.Errorf("remove %s as of %d: got %v, want it late, with version %d known", id, version, err, known)
	}
}

func (l *ledger) knows(what string, want ...endpoint.Row) {
	l.Helper()
	got, err := l.Rows(l.ctx, cart)
	l.must(err)
	l.same(what, got, want)
}

func present(id string, version int64) endpoint.Row {
	return endpoint.Row{Instance: instance(cart, id, version)}
}

func removed(id string, version int64) endpoint.Row {
	return endpoint.Row{Instance: endpoint.Instance{Namespace: cart.Namespace, Service: cart.Service, ID: id, Version: version}, Removed: true}
}

func withdrawn(id string, version int64) endpoint.Row {
	row := removed(id, version)
	row.Withdrawn = true
	return row
}

func rows(l *ledger) {
	l.knows("nothing")
	l.register(instance(cart, "b", 2), instance(cart, "c", 3), instance(cart, "a", 1), instance(endpoint.ServiceKey{Namespace: "shop.local", Service: "carts"}, "d", 4))
	l.knows("present ones", present("a", 1), present("b", 2), present("c", 3))
	l.remove("b", 2)
	l.must(l.Deregister(l.ctx, cart, "c"))
	l.knows("with removed ones", present("a", 1), removed("b", 2), withdrawn("c", 3))
	l.holds("only those that are there", cart, instance(cart, "a", 1))
	l.register(instance(cart, "b", 5))
	l.knows("back again", present("a", 1), present("b", 5), withdrawn("c", 3))
	l.remove("c", 3)
	l.must(l.Deregister(l.ctx, cart, "c"))
	l.knows("gone after all", present("a", 1), present("b", 5), removed("c", 3))
}

func removeUnknown(l *ledger) {
	l.remove("a", 5)
	l.knows("noted", removed("a", 5))
	l.services("it makes no service")
	l.late(5, instance(cart, "a", 4), instance(cart, "a", 5))
	l.must(l.Deregister(l.ctx, cart, "a"))
	l.late(5, instance(cart, "a", 5))
	l.register(instance(cart, "a", 6))
	l.holds("a newer one", cart, instance(cart, "a", 6))
}

func lateRemovals(l *ledger) {
	l.register(instance(cart, "a", 7))
	l.lateRemoval("a", 6, 7)
	l.holds("as before", cart, instance(cart, "a", 7))
	l.remove("a", 9)
	l.remove("a", 9)
	l.lateRemoval("a", 8, 9)
	l.knows("removed", removed("a", 9))
	l.remove("a", 12)
	l.late(12, instance(cart, "a", 11))
}

// removeRace: whatever the order of arrival, what the highest version says holds.
func removeRace(l *ledger) {
	const versions = 20
	var wg sync.WaitGroup
	for v := int64(1); v <= versions; v++ {
		wg.Go(func() {
			err := l.Register(l.ctx, instance(cart, "a", v))
			if v == versions {
				err = l.Remove(l.ctx, endpoint.InstanceKey{ServiceKey: cart, ID: "a"}, v)
			}
			if late := (*endpoint.LateError)(nil); err != nil && (!errors.As(err, &late) || late.Known < v) {
				l.Errorf("version %d: %v", v, err)
			}
		})
	}
	wg.Wait()
	l.knows("removed as of the highest version", removed("a", versions))
}

func removeBadly(l *ledger) {
	for _, key := range []endpoint.InstanceKey{{}, {ServiceKey: cart}, {ServiceKey: endpoint.ServiceKey{Namespace: "a"}, ID: "a"}} {
		if err := l.Remove(l.ctx, key, 1); err == nil {
			l.Errorf("removed %+v", key)
		}
	}
	// A virtual node may name a service that no registry can hold: nothing is there, and its mesh is none the worse for it.
	for _, s := range []endpoint.ServiceKey{
		{Namespace: strings.Repeat("n", 1024), Service: strings.Repeat("s", 1024)},
		{Namespace: strings.Repeat("/", 1024), Service: strings.Repeat("ü", 1024)},
	} {
		if rows, err := l.Rows(l.ctx, s); len(rows) > 0 || err != nil {
			l.Errorf("rows of a service with a huge name: %v, %v", rows, err)
		}
		if instances, err := l.Instances(l.ctx, s); len(instances) > 0 || err != nil {
			l.Errorf("instances of a service with a huge name: %v, %v", instances, err)
		}
	}
	ctx, cancel := context.WithCancel(l.ctx)
	cancel()
	_, rowsErr := l.Rows(ctx, cart)
	for what, err := range map[string]error{"remove": l.Remove(ctx, endpoint.InstanceKey{ServiceKey: cart, ID: "a"}, 1), "rows": rowsErr} {
		if !errors.Is(err, context.Canceled) {
			l.Errorf("%s: got %v, want %v", what, err, context.Canceled)
		}
	}
}
