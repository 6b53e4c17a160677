package envoy

import (
	"math"
	"sync"
	"testing"
)

// expectShare says what share of all must have arrived, give or take five standard deviations of the binomial
// distribution: a right one misses that once in 1.7 million runs.
func expectShare(t testing.TB, got, all int, share float64) {
	t.Helper()
	mean, deviation := float64(all)*share, math.Sqrt(float64(all)*share*(1-share))
	if off := math.Abs(float64(got) - mean); off > 5*deviation {
		t.Errorf("%d of %d arrived, want %.0f ± %.0f", got, all, mean, 5*deviation)
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
