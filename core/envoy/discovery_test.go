package envoy

import (
	"testing"

	"github.com/ownmesh/ownmesh/core/graph"
)

// TestLookedUp: search domains are for names of one label alone.
func TestLookedUp(t *testing.T) {
	for hostname, want := range map[string]string{
		"cart.shop.local": "cart.shop.local.",
		"localhost":       "localhost",
		"10.0.0.1":        "10.0.0.1",
		"::1":             "::1",
	} {
		if got := lookedUp(&graph.Discovery{Hostname: hostname}); got != want {
			t.Errorf("%s is looked up as %s, want %s", hostname, got, want)
		}
	}
}
