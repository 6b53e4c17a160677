package endpoint_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

func TestApply(t *testing.T) {
	order := endpoint.ServiceKey{Namespace: "shop.local", Service: "order"}
	one := endpoint.Instance{Namespace: "shop.local", Service: "cart", ID: "1", IPv4: "10.0.0.1", Version: 5}
	late := one
	late.IPv4, late.Version = "10.0.0.2", 4
	same := one
	same.Unhealthy = true

	var s endpoint.State
	step := func(name string, c endpoint.Change, want map[endpoint.ServiceKey]map[string]endpoint.Instance) {
		t.Helper()
		s.Apply(c)
		if diff := cmp.Diff(want, s.Services); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	type services = map[endpoint.ServiceKey]map[string]endpoint.Instance
	step("a service without instances is known", endpoint.Change{AddServices: []endpoint.ServiceKey{order}}, services{order: {}})
	step("put makes the service known", endpoint.Change{Put: []endpoint.Instance{one}}, services{order: {}, cart: {"1": one}})
	step("a late version is ignored", endpoint.Change{Put: []endpoint.Instance{late}}, services{order: {}, cart: {"1": one}})
	step("an equal version counts", endpoint.Change{Put: []endpoint.Instance{same}}, services{order: {}, cart: {"1": same}})
	step("adding a known service keeps its instances", endpoint.Change{AddServices: []endpoint.ServiceKey{cart}}, services{order: {}, cart: {"1": same}})
	step("removed, then put again in one change", endpoint.Change{Remove: []endpoint.InstanceKey{late.Key()}, Put: []endpoint.Instance{late}},
		services{order: {}, cart: {"1": late}})
	step("the last instance leaves the service known", endpoint.Change{Remove: []endpoint.InstanceKey{one.Key()}}, services{order: {}, cart: {}})
	step("removing what is not there", endpoint.Change{Remove: []endpoint.InstanceKey{{ServiceKey: endpoint.ServiceKey{Service: "x"}, ID: "1"}}},
		services{order: {}, cart: {}})
	step("a deleted service", endpoint.Change{DeletedServices: []endpoint.ServiceKey{cart}}, services{order: {}})
	step("a tombstone", endpoint.Change{Deleted: true}, nil)
	step("and a life after it", endpoint.Change{Put: []endpoint.Instance{one}}, services{cart: {"1": one}})
}

func anyState(t *rapid.T, name string) endpoint.State {
	s := endpoint.State{Services: map[endpoint.ServiceKey]map[string]endpoint.Instance{}}
	for service := range rapid.IntRange(0, 3).Draw(t, name+" services") {
		key := endpoint.ServiceKey{Namespace: fmt.Sprint(service % 2), Service: fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "service"))}
		s.Services[key] = map[string]endpoint.Instance{}
		for range rapid.IntRange(0, 4).Draw(t, "instances") {
			id := fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "id"))
			s.Services[key][id] = endpoint.Instance{
				Namespace: key.Namespace, Service: key.Service, ID: id, Version: rapid.Int64Range(0, 2).Draw(t, "version"),
				Zone:  rapid.SampledFrom([]string{"", "a"}).Draw(t, "zone"),
				Ports: rapid.SampledFrom([]map[int]int{nil, {80: 81}, {80: 82}}).Draw(t, "ports"),
			}
		}
	}
	return s
}

func TestDiffLeadsFromOneStateToTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, want := anyState(t, "old"), anyState(t, "new")
		change := endpoint.Diff(old, want)
		text, err := json.Marshal(change)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(endpoint.Diff(old, want)); string(again) != string(text) {
			t.Fatalf("the same states gave %s and %s", text, again)
		}
		kept, copied := maps.Clone(old.Services), map[endpoint.ServiceKey]map[string]endpoint.Instance{}
		for service, instances := range old.Services {
			copied[service] = maps.Clone(instances)
		}
		old.Apply(change)
		if diff := cmp.Diff(want, old); diff != "" {
			t.Fatalf("%s: %s", text, diff)
		}
		if diff := cmp.Diff(copied, kept); diff != "" {
			t.Fatalf("%s changed what others may have: %s", text, diff)
		}
		if rest := endpoint.Diff(old, want); cmp.Diff(endpoint.Change{}, rest) != "" {
			t.Fatalf("something is left to do: %+v", rest)
		}
	})
}

func TestTouched(t *testing.T) {
	order := endpoint.ServiceKey{Namespace: "shop.local", Service: "order"}
	services, all := endpoint.Change{
		Put:             []endpoint.Instance{{Namespace: order.Namespace, Service: order.Service, ID: "1"}},
		Remove:          []endpoint.InstanceKey{{ServiceKey: order, ID: "2"}},
		DeletedServices: []endpoint.ServiceKey{cart},
		AddServices:     []endpoint.ServiceKey{{Namespace: "other"}}, // nobody's endpoints change by this
	}.Touched()
	if diff := cmp.Diff([]endpoint.ServiceKey{cart, order}, services); diff != "" || all {
		t.Error(all, diff)
	}
	if _, all := (endpoint.Change{Deleted: true}).Touched(); !all {
		t.Error("a tombstone touches everything")
	}
}
