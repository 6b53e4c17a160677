package aws_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/test/machine"
)

// What relays say of their proxies is one status, whichever relay a proxy is connected to; `ownmesh status` shows it.
func TestStatus(t *testing.T) {
	t.Parallel()
	m := newShop(t)
	var s client.Status
	machine.Eventually(t, "all proxies to be current", func() string {
		var err error
		if s, err = m.Status(t.Context(), m.Mesh); err != nil {
			t.Fatal(err)
		}
		if s.Generation != s.Published || s.Summary.Connected != 3 || s.Summary.Current != 3 {
			return fmt.Sprintf("%+v", s)
		}
		return ""
	})
	relays := map[string]bool{}
	for _, p := range s.Proxies {
		relays[p.Relay] = true
	}
	if len(relays) != 2 {
		t.Errorf("three proxies are connected to %d relays, want both: %+v", len(relays), s.Proxies)
	}
	out, err := m.Ownmesh(t, m.operator, "status", m.Mesh, "--wait", "latest", "--output", "json", "--endpoint", m.API, "--sign").Output()
	if err != nil {
		t.Fatalf("ownmesh status: %v", err)
	}
	var shown struct{ Meshes []client.Status }
	if err := json.Unmarshal(out, &shown); err != nil || len(shown.Meshes) != 1 {
		t.Fatalf("ownmesh status shows %s: %v", out, err)
	}
	if got := shown.Meshes[0]; got.Generation != s.Generation || len(got.Proxies) != 3 || !slices.ContainsFunc(got.Proxies, func(p client.Proxy) bool {
		return p.Instance == m.front.ID && p.State == events.Current
	}) {
		t.Errorf("ownmesh status shows %s", out)
	}
}
