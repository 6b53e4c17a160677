// Package endpointtest is the contract of endpoint.Registry as tests: every service registry passes Run, and callers
// may rely on no more than what is in it. Start with Run.
package endpointtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// Run tests the registry that open gives: an empty one of its own for each test.
func Run(t *testing.T, open func(t *testing.T) endpoint.Registry) {
	for _, test := range []struct {
		name string
		run  func(*registry)
	}{
		{"register and deregister", life},
		{"an instance comes back as it was registered", fidelity},
		{"a late registration is refused", late},
		{"a registration later than a deregistration", afterDeregistration},
		{"services and instances are sorted and apart", sortedApart},
		{"concurrent registrations of one instance", concurrentOne},
		{"concurrent registrations of many", concurrentMany},
		{"bad names", badNames},
		{"a cancelled context", cancelled},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(&registry{T: t, Registry: open(t), ctx: t.Context()})
		})
	}
}

// registry is one test with its registry, and short ways to use it.
type registry struct {
	*testing.T
	endpoint.Registry
	ctx context.Context
}

var cart = endpoint.ServiceKey{Namespace: "shop.local", Service: "cart"}

func instance(s endpoint.ServiceKey, id string, version int64) endpoint.Instance {
	return endpoint.Instance{Namespace: s.Namespace, Service: s.Service, ID: id, IPv4: fmt.Sprintf("10.0.0.%d", version%250), Version: version}
}

func (r *registry) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *registry) register(instances ...endpoint.Instance) {
	r.Helper()
	for _, i := range instances {
		r.must(r.Register(r.ctx, i))
	}
}

func (r *registry) same(what string, got, want any) {
	r.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		r.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// late registers instances of which version known is known, or later ones.
func (r *registry) late(known int64, instances ...endpoint.Instance) {
	r.Helper()
	for _, i := range instances {
		var late *endpoint.LateError
		if err := r.Register(r.ctx, i); !errors.As(err, &late) || late.Known != known {
			r.Errorf("register version %d of %s: got %v, want it late, with version %d known", i.Version, i.ID, err, known)
		}
	}
}

// holds checks all instances of a service.
func (r *registry) holds(what string, s endpoint.ServiceKey, want ...endpoint.Instance) {
	r.Helper()
	got, err := r.Instances(r.ctx, s)
	r.must(err)
	r.same(what, got, want)
}

func (r *registry) services(what string, want ...endpoint.ServiceKey) {
	r.Helper()
	got, err := r.Services(r.ctx)
	r.must(err)
	r.same(what, got, want)
}

func life(r *registry) {
	r.services("nothing yet")
	r.holds("an unknown service", cart)
	r.must(r.Deregister(r.ctx, cart, "a"))

	r.register(instance(cart, "a", 10), instance(cart, "b", 10))
	r.services("one service", cart)
	r.holds("both", cart, instance(cart, "a", 10), instance(cart, "b", 10))
	r.register(instance(cart, "a", 20))
	r.holds("replaced", cart, instance(cart, "a", 20), instance(cart, "b", 10))

	r.must(r.Deregister(r.ctx, cart, "a"))
	r.must(r.Deregister(r.ctx, cart, "a"))
	r.holds("one left", cart, instance(cart, "b", 10))
	r.must(r.Deregister(r.ctx, cart, "b"))
	r.holds("none left", cart)
	r.services("a service without instances is not listed")

	r.register(instance(cart, "a", 30))
	r.holds("back again", cart, instance(cart, "a", 30))
}

func fidelity(r *registry) {
	whole := endpoint.Instance{
		Namespace: "shop.local", Service: "cart", ID: "arn:aws:ecs:us-east-1:123456789012:task/a/b", IPv4: "10.0.0.1", IPv6: "fd00::1",
		Ports:      map[int]int{8080: 18080, 9090: 0},
		Attributes: map[string]string{"ECS_TASK": "<a&b>", "empty": "", "ü": "\u2028"},
		Zone:       "us-east-1a", Unhealthy: true, Version: 1<<62 + 1,
	}
	r.register(whole)
	r.holds("whole", cart, whole)
	plain := endpoint.Instance{Namespace: "shop.local", Service: "cart", ID: whole.ID, Version: 1<<62 + 2}
	r.register(plain)
	r.holds("a replacement keeps nothing of the old one", cart, plain)
}

func late(r *registry) {
	r.register(instance(cart, "a", 10))
	r.late(10, instance(cart, "a", 9), instance(cart, "a", 1))
	r.holds("lower versions", cart, instance(cart, "a", 10))
	same := instance(cart, "a", 10)
	same.Unhealthy = true
	r.register(same)
	r.holds("the same version replaces", cart, same)
	r.register(instance(cart, "b", 1))
	r.holds("another instance has versions of its own", cart, same, instance(cart, "b", 1))
}

// afterDeregistration: what is delivered late must not bring an instance back that was taken away since.
func afterDeregistration(r *registry) {
	r.register(instance(cart, "a", 10))
	r.must(r.Deregister(r.ctx, cart, "a"))
	r.late(10, instance(cart, "a", 9), instance(cart, "a", 10))
	r.holds("late registrations", cart)
	r.services("they make no service")
	r.must(r.Deregister(r.ctx, cart, "a"))
	r.late(10, instance(cart, "a", 10))
	r.holds("late, after a second deregistration", cart)
	r.register(instance(cart, "a", 11))
	r.holds("a new registration", cart, instance(cart, "a", 11))
	r.late(11, instance(cart, "a", 10))
	r.holds("and again a late one", cart, instance(cart, "a", 11))
	r.register(instance(cart, "b", 1))
	r.holds("another instance", cart, instance(cart, "a", 11), instance(cart, "b", 1))
}

func sortedApart(r *registry) {
	services := []endpoint.ServiceKey{ // sorted by namespace, then service
		{Namespace: "a", Service: "b.c"}, {Namespace: "a", Service: "b/c"}, {Namespace: "a", Service: "c"}, {Namespace: "a.b", Service: "c"},
		{Namespace: "a/b", Service: "c"}, {Namespace: "b", Service: "a"}, {Namespace: "b", Service: "aa"}, {Namespace: "ba", Service: "a"},
	}
	ids := []string{"1", "10", "2", "A", "a", "a/b", "ä"}
	for i := range services {
		for j := range ids {
			r.register(instance(services[len(services)-1-i], ids[len(ids)-1-j], 7))
		}
	}
	r.services("sorted", services...)
	for _, s := range services {
		var want []endpoint.Instance
		for _, id := range ids {
			want = append(want, instance(s, id, 7))
		}
		r.holds(fmt.Sprintf("instances of %v", s), s, want...)
	}
	for _, id := range ids {
		r.must(r.Deregister(r.ctx, services[3], id))
	}
	r.services("one service less", append(services[:3:3], services[4:]...)...)
}

// concurrentOne: whatever the order of arrival, the highest version stays.
func concurrentOne(r *registry) {
	const writers = 20
	r.concurrently(writers, func(i int) error {
		err := r.Register(r.ctx, instance(cart, "a", int64(i)+1))
		if late := (*endpoint.LateError)(nil); errors.As(err, &late) && late.Known > int64(i)+1 {
			return nil
		}
		return err
	})
	r.holds("the highest version", cart, instance(cart, "a", writers))
}

func concurrentMany(r *registry) {
	const writers, each = 8, 10
	r.concurrently(writers, func(w int) error {
		for i := range each {
			in := instance(cart, fmt.Sprintf("%d-%d", w, i), 1)
			if err := r.Register(r.ctx, in); err != nil {
				return err
			}
			if i%2 == 1 {
				if err := r.Deregister(r.ctx, cart, in.ID); err != nil {
					return err
				}
			}
		}
		return nil
	})
	got, err := r.Instances(r.ctx, cart)
	r.must(err)
	if len(got) != writers*each/2 {
		r.Errorf("%d instances, want %d", len(got), writers*each/2)
	}
}

func (r *registry) concurrently(n int, work func(i int) error) {
	r.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := work(i); err != nil {
				r.Errorf("worker %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func badNames(r *registry) {
	for what, i := range map[string]endpoint.Instance{
		"no namespace": {Service: "a", ID: "a"}, "no service": {Namespace: "a", ID: "a"}, "no id": {Namespace: "a", Service: "a"},
		"not in utf-8": {Namespace: "a", Service: "a", ID: "a\xff"},
		"too long":     {Namespace: "a", Service: "a", ID: strings.Repeat("a", 10_000)},
	} {
		if err := r.Register(r.ctx, i); err == nil {
			r.Errorf("%s: registered", what)
		}
	}
	r.services("nothing")
}

func cancelled(r *registry) {
	r.register(instance(cart, "a", 1))
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	_, instancesErr := r.Instances(ctx, cart)
	_, servicesErr := r.Services(ctx)
	for what, err := range map[string]error{
		"register": r.Register(ctx, instance(cart, "a", 2)), "deregister": r.Deregister(ctx, cart, "a"),
		"instances": instancesErr, "services": servicesErr,
	} {
		if !errors.Is(err, context.Canceled) {
			r.Errorf("%s: got %v, want %v", what, err, context.Canceled)
		}
	}
	r.holds("as before", cart, instance(cart, "a", 1))
}
