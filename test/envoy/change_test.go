package envoy

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/ownmesh/ownmesh/test/machine"
)

// load is customers who go on asking until stop.
type load struct {
	t       testing.TB
	stopped chan struct{}
	wg      sync.WaitGroup

	mu     sync.Mutex
	counts map[string]int // by where requests arrived since the last look
	each   []int          // requests of each customer since then
	failed []string
}

// newLoad is load without customers. It ends with the test.
func newLoad(t testing.TB) *load {
	l := &load{t: t, stopped: make(chan struct{}), counts: map[string]int{}}
	t.Cleanup(l.stop)
	return l
}

// again has a customer do something again and again until the load is stopped.
func (l *load) again(once func()) {
	l.wg.Go(func() {
		for {
			select {
			case <-l.stopped:
				return
			default:
				once()
			}
		}
	})
}

// under starts load on a URL, on connections that live and on ones that don't.
func under(t testing.TB, newCaller func() *caller, url string, customers int) *load {
	t.Helper()
	l := newLoad(t)
	l.each = make([]int, customers)
	for n := range customers {
		c := newCaller()
		fresh := n%2 == 1
		l.again(func() {
			a, err := c.try("GET", url)
			if fresh {
				c.client.CloseIdleConnections()
			}
			where := a.where(err)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.counts[where]++
			l.each[n]++
			if err != nil || a.Status != 200 {
				l.failed = append(l.failed, where+" "+a.Body)
			}
		})
	}
	return l
}

func (l *load) stop() {
	select {
	case <-l.stopped:
	default:
		close(l.stopped)
	}
	l.wg.Wait()
}

// more waits until so many more requests have been answered, and gives where they arrived.
func (l *load) more(requests int) map[string]int {
	l.t.Helper()
	var counts map[string]int
	l.await(func() bool {
		counts = maps.Clone(l.counts)
		all := 0
		for _, n := range counts {
			all += n
		}
		return all >= requests
	})
	return counts
}

// over waits until no request that is under way now can be, nor one that began at once.
func (l *load) over() {
	l.t.Helper()
	l.await(func() bool { return slices.Min(l.each) >= 3 })
}

// await counts anew until enough.
func (l *load) await(enough func() bool) {
	l.t.Helper()
	l.mu.Lock()
	clear(l.counts)
	clear(l.each)
	l.mu.Unlock()
	machine.Eventually(l.t, "more requests", func() string {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !enough() {
			return fmt.Sprintf("they arrived %v", l.counts)
		}
		return ""
	})
}

// unharmed says that no request has failed.
func (l *load) unharmed() {
	l.t.Helper()
	l.stop()
	if len(l.failed) > 0 {
		l.t.Errorf("%d requests failed; the first: %.500s", len(l.failed), l.failed[0])
	}
}

// Nothing that changes in the mesh costs a request: weights, policies, listeners, clusters, instances, nodes.
func TestChangesUnderLoad(t *testing.T) {
	m := start(t, shop("http")+route("all", "httpRoute: {match: {prefix: /}, "+to("a")+"}"))
	first := m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", echo(t, "b")))
	ui := m.sidecar("virtualNode/ui", drainingFor(loadDrain))
	m.ready()
	l := under(t, ui.calls, cart+"/", 6)
	arrives := func(apps ...string) {
		t.Helper()
		l.over()
		counts := l.more(200)
		for _, app := range apps {
			if counts[app] == 0 {
				t.Errorf("requests arrive %v, want at %q", counts, apps)
			}
		}
		if len(counts) > len(apps) {
			t.Errorf("requests arrive %v, want at %q alone", counts, apps)
		}
	}
	arrives("a")

	m.apply(route("all", "httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: a, weight: 1}, {virtualNode: b, weight: 1}]}}"))
	arrives("a", "b")
	m.apply(route("all", "httpRoute: {match: {prefix: /}, "+to("b")+"}")) // a's cluster goes
	arrives("b")
	m.apply(route("all", "httpRoute: {match: {prefix: /}, timeout: {perRequest: {unit: s, value: 9}}, "+to("a")+"}")) // and comes
	arrives("a")

	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a2")), drainingFor(loadDrain))
	m.ready()
	arrives("a", "a2")
	m.deregister(first)
	m.endpointsKnown()
	arrives("a2")
	first.quiet()
	first.kill()
	m.forget(first)

	// The application's side: its listener, its cluster, and its callers' cluster change.
	m.apply(`
kind: VirtualNode
virtualNodeName: a
spec:
  listeners:
    - portMapping: {port: 8080, protocol: http}
      timeout: {http: {perRequest: {unit: s, value: 9}}}
      connectionPool: {http: {maxConnections: 1000}}
      outlierDetection: {maxServerErrors: 5, interval: {unit: s, value: 10}, baseEjectionDuration: {unit: s, value: 10}, maxEjectionPercent: 50}
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
`)
	arrives("a2")
	// The caller's side: its own listeners change.
	m.apply(`
kind: VirtualNode
virtualNodeName: ui
spec:
  backends: [{virtualService: {virtualServiceName: cart.shop.local}}]
  logging: {accessLog: {file: {path: /dev/null}}}
`)
	arrives("a2")
	// The service itself changes its provider, and back.
	m.apply("kind: VirtualService\nvirtualServiceName: cart.shop.local\nspec: {provider: {virtualNode: {virtualNodeName: b}}}")
	arrives("b")
	m.apply("kind: VirtualService\nvirtualServiceName: cart.shop.local\nspec: {provider: {virtualRouter: {virtualRouterName: cart}}}")
	arrives("a2")
	l.unharmed()
}

// quiet waits until a sidecar that is no longer called has answered all that it was asked.
func (s *sidecar) quiet() {
	s.m.t.Helper()
	machine.Eventually(s.m.t, s.name+" to have nothing left to do", func() string {
		if n := s.stat("http.ingress.downstream_rq_active"); n > 0 {
			return fmt.Sprintf("%d requests are under way", n)
		}
		return ""
	})
}
