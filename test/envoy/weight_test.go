package envoy

import (
	"math"
	"sync"
	"testing"
)

// expectShare says what share of all must have arrived, give or take six standard deviations of the binomial
// distribution: of the shares here, a right one misses that less than once in 100 million times.
func expectShare(t testing.TB, got, all int, share float64) {
	t.Helper()
	mean, deviation := float64(all)*share, math.Sqrt(float64(all)*share*(1-share))
	if off := math.Abs(float64(got) - mean); off > 6*deviation {
		t.Errorf("%d of %d arrived, want %.0f ± %.0f", got, all, mean, 6*deviation)
	}
}

// count sends requests, some at a time, and counts where they arrive: by application, or by status where none answers.
func (c *caller) count(requests int, url string) map[string]int {
	c.t.Helper()
	const workers = 8
	var mu sync.Mutex
	var wg sync.WaitGroup
	counts := map[string]int{}
	for w := range workers {
		wg.Go(func() {
			for range (requests + workers - 1 - w) / workers {
				a, err := c.try("GET", url)
				mu.Lock()
				counts[a.where(err)]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return counts
}

// Requests are spread by weight, relative to the sum of all; weight 0 gets none.
func TestWeights(t *testing.T) {
	weights := func(a, b string) string {
		return route("all", "httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: a, weight: "+a+"}, {virtualNode: b, weight: "+b+"}]}}")
	}
	m := start(t, shop("http")+weights("100", "0"))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", echo(t, "b")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	const all = 600
	for _, c := range []struct {
		a, b  string
		share float64 // of b
	}{{"100", "0", 0}, {"70", "30", 0.3}, {"1", "1", 0.5}, {"0", "3", 1}} {
		m.apply(weights(c.a, c.b))
		counts := ui.calls().count(all, cart+"/")
		if counts["a"]+counts["b"] != all {
			t.Fatalf("weights %s and %s: %v", c.a, c.b, counts)
		}
		expectShare(t, counts["b"], all, c.share)
	}
	m.apply(weights("0", "0"))
	ui.calls().reaches("503", "GET", cart+"/")
}

// Weights are shares of their sum, whatever it is: of three targets, and more than 100.
func TestWeightsOverHundred(t *testing.T) {
	m := start(t, shop("http")+exposed("c", "{portMapping: {port: 8080, protocol: http}}")+route("all", "httpRoute: {match: {prefix: /}, action: {weightedTargets: ["+
		"{virtualNode: a, weight: 100}, {virtualNode: b, weight: 60}, {virtualNode: c, weight: 40}]}}"))
	for _, node := range []string{"a", "b", "c"} {
		m.registerBare(node, node, echo(t, node))
	}
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	const all = 1000
	counts := ui.calls().count(all, cart+"/")
	for node, share := range map[string]float64{"a": 0.5, "b": 0.3, "c": 0.2} {
		expectShare(t, counts[node], all, share)
	}
}

// The share of a target without instances is answered with 503: nobody else takes it over, and no retry helps.
func TestWeightsWithoutInstances(t *testing.T) {
	m := start(t, shop("http")+route("all", "httpRoute: {match: {prefix: /}, action: {weightedTargets: ["+
		"{virtualNode: a, weight: 3}, {virtualNode: b, weight: 1}]}}"))
	m.registerBare("a", "a", echo(t, "a"))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	const all = 400
	counts := ui.calls().count(all, cart+"/")
	if counts["a"]+counts["503"] != all {
		t.Fatalf("requests reach %v", counts)
	}
	expectShare(t, counts["503"], all, 0.25)
	m.registerBare("b", "b", echo(t, "b"))
	m.endpointsKnown()
	if counts := ui.calls().count(100, cart+"/"); counts["a"]+counts["b"] != 100 || counts["b"] == 0 {
		t.Errorf("with an instance, requests reach %v", counts)
	}
}

// Each gRPC call is weighed alone, though all go over one connection.
func TestGRPCWeights(t *testing.T) {
	m := start(t, shop("grpc")+route("all", "grpcRoute: {match: {}, action: {weightedTargets: [{virtualNode: a, weight: 4}, {virtualNode: b, weight: 1}]}}"))
	m.registerBare("a", "a", grpcEcho(t, "a"))
	m.registerBare("b", "b", grpcEcho(t, "b"))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.callsGRPC("cart.shop.local:8080")
	const all = 400
	counts := map[string]int{}
	for range all {
		counts[c.call("/shop.Cart/Add")]++
	}
	if counts["a"]+counts["b"] != all {
		t.Fatalf("calls reach %v", counts)
	}
	expectShare(t, counts["b"], all, 0.2)
}
