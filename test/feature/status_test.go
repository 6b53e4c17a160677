package feature

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/test/machine"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

// finds says which codes the findings about a resource must have.
func finds(t *testing.T, m *machine.Machine, of string, codes ...string) {
	t.Helper()
	f, err := m.Findings(t.Context(), m.Mesh, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, finding := range f.Findings {
		if finding.Resource.String() == of {
			got = append(got, finding.Code)
		}
	}
	if d := cmp.Diff(codes, got); d != "" {
		t.Errorf("findings about %s (-want +got):\n%s\n%+v", of, d, f.Findings)
	}
	if f.Generation != m.Published() {
		t.Errorf("findings are of generation %d, published is %d", f.Generation, m.Published())
	}
}

// status waits until a proxy's status is of this state.
func status(t *testing.T, m *machine.Machine, of string, state events.ProxyState) client.Proxy {
	t.Helper()
	var s client.Proxy
	machine.Eventually(t, of+" to be "+string(state), func() string {
		var ok bool
		if s, ok = m.Proxy(of, "it"); ok && s.State == state {
			return ""
		}
		return string(s.State)
	})
	return s
}

// A proxy is behind until it has accepted all that a generation reaches it with; what a generation doesn't reach has
// accepted it at once. That is what `ownmesh status --wait` waits for.
func TestStatusFollowsAcks(t *testing.T) {
	m := startShop(t)
	order := connect(t, m, "virtualNode/order-v1")
	ui := open(t, m, "virtualNode/ui", nil)
	if s := status(t, m, "virtualNode/ui", events.Behind); s.Generation != 0 {
		t.Errorf("a proxy that has accepted nothing is at generation %d", s.Generation)
	}
	ui.settled()
	first := status(t, m, "virtualNode/ui", events.Current)
	if first.Generation != m.Published() || first.AckedAt.IsZero() {
		t.Errorf("a current proxy: %+v", first)
	}

	generation := m.Delete("virtualRouter/order/route/all")
	if s := status(t, m, "virtualNode/ui", events.Behind); s.Generation != first.Generation {
		t.Errorf("a proxy that has yet to accept generation %d is at %d, was at %d", generation, s.Generation, first.Generation)
	}
	if s := status(t, m, "virtualNode/order-v1", events.Current); s.Generation != generation {
		t.Errorf("a proxy that generation %d doesn't reach is at %d", generation, s.Generation)
	}
	ui.settled()
	if s := status(t, m, "virtualNode/ui", events.Current); s.Generation != generation || s.AckedAt.Before(first.AckedAt) {
		t.Errorf("after accepting generation %d: %+v", generation, s)
	}
	order.client.Close()
	machine.Eventually(t, "a proxy that has gone to be gone", func() string {
		if s, ok := m.Proxy("virtualNode/order-v1", "it"); ok {
			return string(s.State)
		}
		return ""
	})
}

// A proxy that refuses something keeps the rest coming, and its own words are in the status until that is mended.
func TestStatusOfARefusal(t *testing.T) {
	m := startShop(t)
	ui := connect(t, m, "virtualNode/ui")
	before := status(t, m, "virtualNode/ui", events.Current).Generation
	const words = "no such thing as a route to /orders"
	ui.refuse = func(r *xdstest.Response) string {
		if slices.Contains(r.Names(), "rds_egress_http_8080") {
			return words
		}
		return ""
	}
	refused := m.Delete("virtualRouter/order/route/all")
	machine.Eventually(t, "the refusal", func() string {
		if r := ui.client.Try(quiet); r != nil {
			ui.take(r)
		}
		s, _ := m.Proxy("virtualNode/ui", "it")
		if s.State != events.Rejected {
			return string(s.State)
		}
		return ""
	})
	s := status(t, m, "virtualNode/ui", events.Rejected)
	if s.Generation != before || len(s.Rejected) != 1 || s.Rejected[0].Name != "rds_egress_http_8080" ||
		s.Rejected[0].Type != "route" || s.Rejected[0].Generation != refused || !strings.Contains(s.Rejected[0].Message, words) {
		t.Errorf("after a refusal: %+v", s)
	}
	ui.refuse = nil
	ui.log = nil
	m.Apply(`
kind: Route
virtualRouterName: order
routeName: all
spec: {httpRoute: {match: {prefix: /other}, action: {weightedTargets: [{virtualNode: order-v1, weight: 1}]}}}
`)
	ui.gets("route rds_egress_http_8080")
	if s := status(t, m, "virtualNode/ui", events.Current); len(s.Rejected) > 0 || s.Generation <= refused {
		t.Errorf("after it was mended: %+v", s)
	}
}

// What users got wrong is reported, and stops nothing else.
func TestFindingStopsNothing(t *testing.T) {
	m := startShop(t)
	ui := connect(t, m, "virtualNode/ui")
	m.Apply(`
kind: Route
virtualRouterName: order
routeName: broken
spec:
  httpRoute:
    match: {path: {regex: "("}}
    action: {weightedTargets: [{virtualNode: order-v1, weight: 1}]}
`)
	ui.getsNothing()
	f, err := m.Findings(t.Context(), "shop", "")
	if err != nil {
		t.Fatal(err)
	}
	about := resource.Key{Kind: resource.KindRoute, Parent: "order", Name: "broken"}
	if len(f.Findings) != 1 || f.Findings[0].Resource != about || f.Findings[0].Path != "spec.httpRoute.match.path.regex" || f.Findings[0].Hint == "" {
		t.Errorf("findings: %+v", f.Findings)
	}
	m.Delete("virtualRouter/order/route/all")
	ui.gets("route rds_egress_http_8080", "no cluster "+orderV1)
}
