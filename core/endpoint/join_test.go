package endpoint_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

var cart = endpoint.ServiceKey{Namespace: "shop.local", Service: "cart"}

func stateOf(instances ...endpoint.Instance) endpoint.State {
	var s endpoint.State
	s.Apply(endpoint.Change{AddServices: []endpoint.ServiceKey{cart}})
	for _, i := range instances {
		i.Namespace, i.Service = cart.Namespace, cart.Service
		s.Apply(endpoint.Change{Put: []endpoint.Instance{i}})
	}
	return s
}

func TestJoin(t *testing.T) {
	v1 := map[string]string{"version": "1", "family": "cart"}
	for _, test := range []struct {
		name      string
		instances []endpoint.Instance
		selector  endpoint.Selector
		want      []endpoint.Endpoint
	}{{
		name:     "no instances",
		selector: endpoint.Selector{Port: 80},
	}, {
		name: "sorted by zone, then by address as a number, then by port",
		instances: []endpoint.Instance{
			{ID: "a", IPv4: "10.0.0.10", Zone: "b"}, {ID: "b", IPv4: "10.0.0.9", Zone: "b"},
			{ID: "c", IPv4: "10.0.0.99", Zone: "a"}, {ID: "d", IPv4: "10.0.0.1"},
		},
		selector: endpoint.Selector{Port: 80},
		want: []endpoint.Endpoint{
			{Address: "10.0.0.1", Port: 80, Healthy: true}, {Address: "10.0.0.99", Port: 80, Zone: "a", Healthy: true},
			{Address: "10.0.0.9", Port: 80, Zone: "b", Healthy: true}, {Address: "10.0.0.10", Port: 80, Zone: "b", Healthy: true},
		},
	}, {
		name: "every attribute must be equal",
		instances: []endpoint.Instance{
			{ID: "a", IPv4: "10.0.0.1", Attributes: v1}, {ID: "b", IPv4: "10.0.0.2", Attributes: map[string]string{"version": "2", "family": "cart"}},
			{ID: "c", IPv4: "10.0.0.3"},
		},
		selector: endpoint.Selector{Port: 80, Attributes: v1},
		want:     []endpoint.Endpoint{{Address: "10.0.0.1", Port: 80, Healthy: true}},
	}, {
		name:      "an empty attribute is not an absent one",
		instances: []endpoint.Instance{{ID: "a", IPv4: "10.0.0.1"}},
		selector:  endpoint.Selector{Port: 80, Attributes: map[string]string{"version": ""}},
	}, {
		name: "ports of an instance's own",
		instances: []endpoint.Instance{
			{ID: "a", IPv4: "127.0.0.1", Ports: map[int]int{80: 20001}}, {ID: "b", IPv4: "127.0.0.1", Ports: map[int]int{81: 20002}},
		},
		selector: endpoint.Selector{Port: 80},
		want:     []endpoint.Endpoint{{Address: "127.0.0.1", Port: 80, Healthy: true}, {Address: "127.0.0.1", Port: 20001, Healthy: true}},
	}, {
		name:      "unhealthy ones are there, marked",
		instances: []endpoint.Instance{{ID: "a", IPv4: "10.0.0.1", Unhealthy: true}},
		selector:  endpoint.Selector{Port: 80},
		want:      []endpoint.Endpoint{{Address: "10.0.0.1", Port: 80}},
	}, {
		name: "one place registered twice: the healthy one, of the lesser zone",
		instances: []endpoint.Instance{
			{ID: "a", IPv4: "10.0.0.1", Zone: "a", Unhealthy: true}, {ID: "b", IPv4: "10.0.0.1", Zone: "c"}, {ID: "c", IPv4: "10.0.0.1", Zone: "b"},
		},
		selector: endpoint.Selector{Port: 80},
		want:     []endpoint.Endpoint{{Address: "10.0.0.1", Port: 80, Zone: "b", Healthy: true}},
	}, {
		name: "no usable address or port",
		instances: []endpoint.Instance{
			{ID: "a"}, {ID: "b", IPv4: "cart.local"}, {ID: "c", IPv4: "10.0.0.1", Ports: map[int]int{80: 65536}},
			{ID: "d", IPv4: "10.0.0.1", Ports: map[int]int{80: 0}}, {ID: "e", IPv6: "fe80::1%eth0"},
		},
		selector: endpoint.Selector{Port: 80},
	}, {
		name:      "another service",
		instances: []endpoint.Instance{{ID: "a", IPv4: "10.0.0.1"}},
		selector:  endpoint.Selector{Port: 80, ServiceKey: endpoint.ServiceKey{Namespace: "shop.local", Service: "order"}},
	}} {
		t.Run(test.name, func(t *testing.T) {
			if test.selector.ServiceKey == (endpoint.ServiceKey{}) {
				test.selector.ServiceKey = cart
			}
			got := endpoint.Join(test.selector, stateOf(test.instances...))
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestJoinPrefersAddresses(t *testing.T) {
	both := endpoint.Instance{ID: "both", IPv4: "10.0.0.1", IPv6: "fd00::1"}
	four := endpoint.Instance{ID: "four", IPv4: "10.0.0.2"}
	six := endpoint.Instance{ID: "six", IPv6: "fd00:0::2"}
	for preference, want := range map[string][]string{
		"":                     {"10.0.0.1", "10.0.0.2", "fd00::2"},
		endpoint.IPv4Preferred: {"10.0.0.1", "10.0.0.2", "fd00::2"},
		endpoint.IPv4Only:      {"10.0.0.1", "10.0.0.2"},
		endpoint.IPv6Preferred: {"10.0.0.2", "fd00::1", "fd00::2"},
		endpoint.IPv6Only:      {"fd00::1", "fd00::2"},
	} {
		var got []string
		for _, e := range endpoint.Join(endpoint.Selector{ServiceKey: cart, IPPreference: preference, Port: 80}, stateOf(both, four, six)) {
			got = append(got, e.Address)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("preference %q: %s", preference, diff)
		}
	}
}

func TestJoinIsDeterministic(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var instances []endpoint.Instance
	for n := range 200 {
		instances = append(instances, endpoint.Instance{
			ID: string(rune('a'+n%26)) + string(rune('a'+n/26)), IPv4: "10.0.0." + string(rune('0'+random.IntN(10))),
			Zone: string(rune('a' + random.IntN(3))), Unhealthy: random.IntN(2) == 0,
		})
	}
	sel := endpoint.Selector{ServiceKey: cart, Port: 80}
	want := endpoint.Join(sel, stateOf(instances...))
	for range 20 {
		random.Shuffle(len(instances), func(i, j int) { instances[i], instances[j] = instances[j], instances[i] })
		if diff := cmp.Diff(want, endpoint.Join(sel, stateOf(instances...))); diff != "" {
			t.Fatal(diff)
		}
	}
}
