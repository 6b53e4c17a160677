package envoy

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

var (
	soakFor  = flag.Duration("soak", 0, "how long TestSoak changes the mesh under load; 0: $OWNMESH_SOAK, else 30 s")
	soakSeed = flag.Uint64("seed", 0, "what TestSoak's changes follow from; 0: chosen and printed")
)

// TestSoak changes everything in the ordering application's mesh at random while customers order, and clerks call a service of
// gRPC, with streams, and one of tcp: routes, weights, policies, listeners, TLS, providers, the mesh itself, instances, and
// resources that come and go. No request may fail, and no Envoy refuse anything. At the end each has exactly the configuration
// that a compilation from nothing gives.
//
// The same seed makes the same changes: go test ./test/envoy -run TestSoak -soak 1h -seed 7.
func TestSoak(t *testing.T) {
	seed := *soakSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	text, err := os.ReadFile(filepath.Join(envoybin.Root(), "examples/ordering/mesh.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p := newPKI(t)
	s := &soak{
		mesh: start(t, string(text)), random: rand.New(rand.NewPCG(seed, 1)), began: time.Now(),
		certificate: p.issue("order", "order.ordering.local"), trust: p.trust(), extras: map[extra][]extra{},
		wires: []*wire{
			{name: "prices", protocol: "grpc", certificate: p.issue("prices", "prices-v1.ordering.local", "prices-v2.ordering.local")},
			{name: "ledger", protocol: "tcp", certificate: p.issue("ledger", "ledger-v1.ordering.local", "ledger-v2.ordering.local")},
		},
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d; what was done:\n%s", seed, strings.Join(s.log, "\n"))
		}
	})
	s.run()
	customers := s.customers()
	s.clerks(customers)
	for time.Since(s.began) < soakTime(t) && !customers.failing() {
		s.step()
	}
	s.rest()
	customers.unharmed()
	for _, what := range []string{"v1", "v2", "a call", "a call on a connection of its own", "a stream", "a long stream", "a connection"} {
		if customers.counts[what] == 0 {
			t.Errorf("nobody was served by %s", what)
		}
	}
	s.unrejected()
	for _, one := range s.sidecars {
		s.isAsCompiled(one)
	}
	t.Logf("seed %d: %d changes, %d requests in %v", seed, len(s.log), customers.served(), time.Since(s.began).Round(time.Second))
}

func soakTime(t *testing.T) time.Duration {
	if *soakFor > 0 {
		return *soakFor
	}
	text := os.Getenv("OWNMESH_SOAK")
	if text == "" {
		return 30 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("OWNMESH_SOAK: %v", err)
	}
	return d
}

// soak is the ordering application, running, and what of its mesh is changed.
type soak struct {
	*mesh
	random             *rand.Rand
	began              time.Time
	log                []string
	certificate, trust string

	gateway *sidecar
	clerk   *sidecar
	wires   []*wire           // Prices by gRPC, Ledger by tcp
	spares  []*spare          // instances that come and go
	secured int               // how far TLS between UI and Order has come: see secure
	extras  map[extra][]extra // what is there besides, and what it needs
	another bool              // there is another mesh
}

// spare is an instance that runs all the time and is registered some of it.
type spare struct {
	*sidecar
	registered bool
}

// run starts the application: each hop calls the next one through its own Envoy.
func (s *soak) run() {
	hop := func(name string, next func() (*sidecar, string)) string {
		var once sync.Once
		var calls *caller
		var service string
		return serve(s.t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			once.Do(func() {
				if next == nil {
					return
				}
				var through *sidecar
				through, service = next()
				calls = through.calls()
			})
			if calls == nil {
				answering(name)(w, r)
				return
			}
			a, err := calls.try(r.Method, "http://"+service+r.URL.RequestURI(), "x-canary: "+r.Header.Get("x-canary"))
			if err != nil {
				http.Error(w, name+": "+err.Error(), http.StatusInternalServerError)
				return
			}
			w.WriteHeader(a.Status)
			_, _ = io.WriteString(w, a.Body)
		}))
	}
	var ui, order *sidecar
	uiApp := hop("ui", func() (*sidecar, string) { return ui, "order.ordering.local:8080" })
	orderApp := hop("order", func() (*sidecar, string) { return order, "inventory.ordering.local:8080" })
	drains := drainingFor(loadDrain)
	ui = s.sidecar("virtualNode/ui", at("application/8080", uiApp), drains)
	order = s.sidecar("virtualNode/order", at("application/8080", orderApp), drains)
	for _, version := range []string{"v1", "v2"} {
		first := s.sidecar("virtualNode/inventory-"+version, at("application/8080", hop(version, nil)), drains)
		second := s.sidecar("virtualNode/inventory-"+version, at("application/8080", hop(version, nil)), drains, unregistered)
		s.spares = append(s.spares, &spare{sidecar: first, registered: true}, &spare{sidecar: second})
	}
	s.gateway = s.sidecar("virtualGateway/gateway", drains)
	s.wires[0].run(s, func() string { return grpcStreams(s.t) })
	s.wires[1].run(s, func() string { return tcpServer(s.t, func(c net.Conn) { echoLines(c, c) }) })
	s.putClerk()
	s.clerk = s.sidecar("virtualNode/clerk", drains)
	s.ready()
}

// customers order by all ways that there are, all the time.
func (s *soak) customers() *load {
	l := newLoad(s.t)
	for n, path := range []string{"/orders/1", "/v2/orders/2", "/orders/3", "/orders/4?full=yes"} {
		c := s.gateway.customers(8080)
		header := "x-canary: no"
		if n == 2 {
			header = "x-canary: yes"
		}
		l.again(func() {
			a, err := c.try("GET", "http://shop.example"+path, header)
			if n%2 == 1 {
				c.client.CloseIdleConnections()
			}
			l.note(a, err, fmt.Sprintf("%s after %v", path, time.Since(s.began).Round(time.Millisecond)))
		})
	}
	return l
}

func (l *load) note(a answer, err error, what string) {
	where := a.where(err)
	ok := err == nil && a.Status == http.StatusOK && a.App != ""
	l.noted(where, ok, what+": "+a.Body)
}

func (l *load) noted(where string, ok bool, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[where]++
	if !ok {
		l.failed = append(l.failed, where+": "+what)
	}
}

func (l *load) failing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.failed) > 0
}

func (l *load) served() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, count := range l.counts {
		n += count
	}
	return n
}

// did notes a change.
func (s *soak) did(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf("%8v  ", time.Since(s.began).Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

// rest waits until every Envoy has all that was changed.
func (s *soak) rest() {
	s.t.Helper()
	s.Published()
	for _, one := range s.sidecars {
		s.settled(one)
	}
	s.endpointsKnown()
}

// unrejected says that no Envoy has refused anything, ever.
func (s *soak) unrejected() {
	s.t.Helper()
	for _, one := range s.sidecars {
		for _, stat := range []string{"cluster_manager.cds.update_rejected", "listener_manager.lds.update_rejected"} {
			if n := one.stat(stat); n > 0 {
				s.t.Errorf("%s: %s is %d", one.name, stat, n)
			}
		}
		if proxy, ok := s.Proxy(one.resource, one.name); !ok || len(proxy.Rejected) > 0 || len(proxy.Waiting) > 0 {
			s.t.Errorf("%s: %+v", one.name, proxy)
		}
	}
}
