package relay

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/metadata"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
)

// TestSubscription: whatever is expected, owed, paid and forgotten, items are those of a map, sorted.
func TestSubscription(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	someName := func(int) string { return fmt.Sprint(random.IntN(40)) }
	sub, model := &subscription{}, map[string]item{}
	for range 5000 {
		name := someName(0)
		switch it := model[name]; random.IntN(6) {
		case 0:
			names := []string{someName(0), name, name, someName(0), someName(0)}
			slices.Sort(names)
			sub.expect(len(names), func(n int) string { return names[n] })
		case 1:
			at := sub.at(name)
			at.known, it.known = true, true
			model[name] = it
		case 2:
			j := job{since: random.Int64N(9), force: random.IntN(2) == 0}
			sub.owe(sub.at(name), j)
			if it.owed {
				j.since, j.force = min(j.since, it.since), j.force || it.force
			}
			it.owed, it.job = true, j
			model[name] = it
		case 3:
			sub.pay(sub.at(name))
			it.owed, it.job = false, job{}
			model[name] = it
		case 4:
			sub.forget(sub.at(name))
			it.known = false
			model[name] = it
		case 5:
			sub.drop(sub.at(name))
			delete(model, name)
		}
		if random.IntN(3) == 0 {
			sub.tidy()
			for i := range sub.items {
				if it := sub.items[i]; !it.known && !it.owed {
					t.Fatalf("%q is kept, and of no use", it.name)
				}
			}
		}
		checkSubscription(t, sub, model)
	}
}

func checkSubscription(t *testing.T, sub *subscription, model map[string]item) {
	t.Helper()
	if !slices.IsSortedFunc(sub.items, func(a, b item) int { return map[bool]int{true: -1, false: 1}[a.name < b.name] }) {
		t.Fatalf("items are not sorted, or twice there: %v", sub.items)
	}
	known, owes := 0, 0
	for name, want := range model {
		got := sub.get(name)
		if got.known != want.known || got.owed != want.owed || got.job != want.job {
			t.Fatalf("%q is %+v, want %+v", name, got, want)
		}
		if near := sub.findNear(name, len(name)); (near == nil) != (sub.find(name) == nil) || near != nil && near.name != name {
			t.Fatalf("near its place %q is %+v", name, near)
		}
		if want.known {
			known++
		}
		if want.owed {
			owes++
		}
	}
	if sub.known() != known || sub.owes != owes {
		t.Fatalf("%d are known and %d are owed, want %d and %d", sub.known(), sub.owes, known, owes)
	}
}

// silent is a stream to an Envoy that says nothing of its own.
type silent struct{ responses int }

func (*silent) SetHeader(metadata.MD) error  { return nil }
func (*silent) SendHeader(metadata.MD) error { return nil }
func (*silent) SetTrailer(metadata.MD)       {}
func (*silent) Context() context.Context     { return context.Background() }
func (*silent) RecvMsg(any) error            { return nil }
func (s *silent) SendMsg(any) error          { s.responses++; return nil }

// TestWhatANewStreamAllocates: a relay that starts has all its Envoys come at once, so what a stream takes for each of
// its names is bounded: for a cluster and its endpoints two items, and two parts of a response.
func TestWhatANewStreamAllocates(t *testing.T) {
	const most = 300 // bytes
	few, many := newStreamAllocates(t, 20), newStreamAllocates(t, 220)
	if each := (many - few) / 200; each > most {
		t.Errorf("a stream takes %d bytes for each cluster, want at most %d", each, most)
	}
}

// newStreamAllocates counts the bytes that a stream takes until it has all its clusters and their endpoints.
func newStreamAllocates(t *testing.T, clusters int) uint64 {
	t.Helper()
	config := &artifact.Config{
		Mesh: "m", Generation: 1, Resources: map[artifact.ID]artifact.Resource{}, Proxies: map[artifact.ProxyKey]artifact.Proxy{},
	}
	state := &endpoint.State{Services: map[endpoint.ServiceKey]map[string]endpoint.Instance{}}
	var set []artifact.ID
	var names []string
	for n := range clusters {
		key := endpoint.ServiceKey{Namespace: "n", Service: fmt.Sprintf("s%03d", n)}
		id := artifact.ID{Type: artifact.Cluster, Name: fmt.Sprintf("c%03d", n)}
		state.Services[key] = map[string]endpoint.Instance{}
		config.Resources[id] = artifact.NewResource(id, []byte{byte(n)}, &endpoint.Selector{ServiceKey: key, Port: 80}, "", nil)
		set, names = append(set, id), append(names, id.Name)
	}
	config.Proxies["virtualNode/a"] = artifact.Proxy{UID: "u", Transparent: set}
	r := New(Options{ID: "relay-1"})
	m := newMesh(r, "uid")
	m.configMoved(true, nil, config)
	m.endpointsMoved(nil, state, true)
	if _, err := m.join(newStream(r, m, &silent{}, node{proxy: "virtualNode/a"})); err != nil { // the view stays
		t.Fatal(err)
	}

	start := func() {
		rpc := &silent{}
		s := newStream(r, m, rpc, node{proxy: "virtualNode/a"})
		if _, err := m.join(s); err != nil {
			t.Fatal(err)
		}
		for n, request := range []*discoveryv3.DeltaDiscoveryRequest{
			{TypeUrl: typeURLs[cluster]}, {TypeUrl: typeURLs[endpoints], ResourceNamesSubscribe: names}, {TypeUrl: typeURLs[listener]},
		} {
			ack := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: request.TypeUrl, ResponseNonce: strconv.Itoa(n + 1)}
			for _, do := range []func() error{
				func() error { return s.handle(request) }, s.push, func() error { return s.handle(ack) },
			} {
				if err := do(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if rpc.responses != 3 || s.behind {
			t.Fatalf("%d responses, behind %v: want 3, all accepted", rpc.responses, s.behind)
		}
		m.leave(s)
	}
	fewest := uint64(math.MaxUint64)
	for range 20 { // what other tests have left behind may allocate, too
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start()
		runtime.ReadMemStats(&after)
		fewest = min(fewest, after.TotalAlloc-before.TotalAlloc)
	}
	return fewest
}
