package envoy

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ownmesh/ownmesh/test/machine"
)

// probed is an application of a node that its callers probe.
type probed interface {
	set(healthy bool)
	address() string
}

// page is healthy as long as a path says so; all other requests are answered all the same.
type page struct {
	at, path string
	sick     atomic.Bool
}

func (p *page) set(healthy bool) { p.sick.Store(!healthy) }
func (p *page) address() string  { return p.at }

// newPage has applications be probed at a path, by a protocol alone.
func newPage(path string, speak func(*http.Protocols)) func(*testing.T, string, bool) probed {
	return func(t *testing.T, name string, healthy bool) probed {
		p := &page{path: path}
		p.set(healthy)
		p.at = serveBy(t, speak, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == p.path && p.sick.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			answering(name)(w, r)
		}))
		return p
	}
}

// standard is healthy as long as gRPC's standard service says so.
type standard struct {
	at     string
	health *health.Server
}

func (s *standard) address() string { return s.at }

func (s *standard) set(healthy bool) {
	says := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if healthy {
		says = grpc_health_v1.HealthCheckResponse_SERVING
	}
	s.health.SetServingStatus("", says)
}

func newStandard(t *testing.T, name string, healthy bool) probed {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &standard{l.Addr().String(), health.NewServer()}
	s.set(healthy)
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		if err := stream.RecvMsg(new(emptypb.Empty)); err != nil {
			return err
		}
		return stream.SendMsg(wrapperspb.String(name))
	}))
	grpc_health_v1.RegisterHealthServer(server, s.health)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	return s
}

// greeting is healthy as long as it takes connections, and says its name to each.
type greeting struct {
	t        *testing.T
	at, name string
	listener net.Listener // nil while it takes none
}

func (g *greeting) address() string { return g.at }

func (g *greeting) set(healthy bool) {
	g.t.Helper()
	if !healthy {
		if g.listener != nil {
			g.listener.Close()
			g.listener = nil
		}
		return
	}
	l, err := net.Listen("tcp", g.at)
	if err != nil {
		g.t.Fatal(err)
	}
	g.listener = l
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(c, g.name) // a probe may have hung up
			c.Close()
		}
	}()
}

func newGreeting(t *testing.T, name string, healthy bool) probed {
	g := &greeting{t: t, at: local(freePort(t)), name: name}
	g.set(healthy)
	t.Cleanup(func() { g.set(false) })
	return g
}

// healthKinds are the ways to probe: by each protocol, also by another than the listener's.
var healthKinds = []struct {
	name, speaks, check string
	start               func(t *testing.T, name string, healthy bool) probed
}{
	{"http", "http", "protocol: http, path: /ping", newPage("/ping", byHTTP1)},
	{"http-root", "http", "protocol: http", newPage("/", byHTTP1)},
	{"http2", "http2", "protocol: http2, path: /ping", newPage("/ping", byHTTP2)},
	{"grpc", "grpc", "protocol: grpc", newStandard},
	{"tcp", "tcp", "protocol: tcp", newGreeting},
	{"tcp-by-http", "tcp", "protocol: http, path: /ping", newPage("/ping", byHTTP1)},
}

// Callers probe each instance, from the start, and leave those alone that are not healthy, until they are. All of them
// answer requests all the time: who isn't asked was left out. Whoever is deregistered is left out too, however healthy.
func TestHealthChecks(t *testing.T) {
	docs, names := justMesh, []string{}
	for _, k := range healthKinds {
		names = append(names, k.name)
		docs += exposed(k.name, listener(8080, k.speaks, "healthCheck: {"+k.check+
			", healthyThreshold: 2, unhealthyThreshold: 2, intervalMillis: 5000, timeoutMillis: 2000}")) // App Mesh takes no shorter ones
	}
	m := start(t, docs+callerOf(names...))
	fails, recovers := map[string]probed{}, map[string]probed{}
	for _, k := range healthKinds {
		app := func(name string, healthy bool) probed {
			p := k.start(t, name, healthy)
			m.registerBare(k.name, name, p.address())
			return p
		}
		app("steady", true)
		app("leaves", true)
		fails[k.name], recovers[k.name] = app("fails", true), app("recovers", false)
	}
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	asked := map[string]func() map[string]int{} // who answers some requests, and how many
	for _, k := range healthKinds {
		asked[k.name] = ui.asks(k.name+".shop.local:8080", k.speaks, k.name == "tcp")
	}

	for _, k := range healthKinds {
		if wrong := unlike(asked[k.name](), "steady", "leaves", "fails"); wrong != "" {
			t.Errorf("%s: at first %s", k.name, wrong)
		}
		m.deregisterBare(k.name, "leaves")
	}
	m.endpointsKnown()
	for _, k := range healthKinds {
		if wrong := unlike(asked[k.name](), "steady", "fails"); wrong != "" {
			t.Errorf("%s: after one is deregistered, %s", k.name, wrong)
		}
		fails[k.name].set(false)
		recovers[k.name].set(true)
	}
	for _, k := range healthKinds {
		machine.Eventually(t, k.name+": those that are healthy now to be asked", func() string {
			wrong := unlike(asked[k.name](), "steady", "recovers")
			if wrong != "" {
				time.Sleep(100 * time.Millisecond) // probes are far between: leave the processor to others
			}
			return wrong
		})
	}
}

// asks sends 12 requests, or connections, to a service and counts who answers.
func (s *sidecar) asks(service, protocol string, greets bool) func() map[string]int {
	var ask func() string
	switch {
	case greets:
		ask = func() string { return s.greeted(service) }
	case protocol == "grpc":
		c := s.callsGRPC(service)
		ask = func() string { return c.call("/shop.Cart/Add") }
	default:
		c := s.calls()
		c.client.Transport.(*http.Transport).DisableKeepAlives = protocol == "tcp" // or all reach the first one's instance
		ask = func() string { return c.get("http://" + service + "/any").where(nil) }
	}
	return func() map[string]int {
		counts := map[string]int{}
		for range 12 {
			counts[ask()]++
		}
		return counts
	}
}

// greeted is the line that a connection is greeted with.
func (s *sidecar) greeted(service string) string {
	c := s.connect(service)
	defer c.Close()
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "nobody"
	}
	return strings.TrimSuffix(line, "\n")
}

// unlike is what is wrong with counts if just these must have been asked; else "".
func unlike(counts map[string]int, want ...string) string {
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(counts)); !slices.Equal(got, want) {
		return fmt.Sprintf("requests reach %v, want %v", counts, want)
	}
	return ""
}
