package envoy

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ownmesh/ownmesh/test/machine"
)

// busy is an application that is at work on each request until the test lets it end.
type busy struct {
	arrived atomic.Int64
	end     chan struct{}
}

func newBusy() *busy { return &busy{end: make(chan struct{})} }

func (b *busy) work() {
	b.arrived.Add(1)
	<-b.end
}

func (b *busy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.work()
	answering("a")(w, r)
}

func (b *busy) serveGRPC(stream grpc.ServerStream) error {
	b.work()
	return stream.SendMsg(wrapperspb.String("a"))
}

// pools are one of each protocol. They hold one request (of http: one at work, and one that waits), or connection.
var pools = []struct {
	protocol, pool string
	port           int
	waits          int
}{
	{"http", "http: {maxConnections: 1, maxPendingRequests: 1}", 8080, 1},
	{"http2", "http2: {maxRequests: 1}", 8081, 0},
	{"grpc", "grpc: {maxRequests: 1}", 8082, 0},
}

func (b *busy) listens(t *testing.T, protocol string) string {
	if protocol == "grpc" {
		return grpcServer(t, b.serveGRPC)
	}
	return serve(t, b)
}

// What is more than a node's connection pool takes is turned away by the node's own Envoy, at once: with 503 and
// x-envoy-overloaded, to gRPC as unavailable, and UO in the access log. Callers' retry policies hold for that too: by
// default they try twice more.
func TestConnectionPools(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.log")
	var listeners []string
	for _, p := range pools {
		listeners = append(listeners, listener(p.port, p.protocol, "connectionPool: {"+p.pool+"}"))
	}
	docs := strings.Replace(exposed("a", strings.Join(listeners, ", ")), "spec:\n",
		"spec:\n  logging: {accessLog: {file: {path: "+log+`, format: {text: "%REQ(:PATH)% %RESPONSE_FLAGS%\n"}}}}`+"\n", 1)
	m := start(t, justMesh+docs+callerOf("a"))
	apps, options := map[string]*busy{}, []func(*sidecar){}
	for _, p := range pools {
		apps[p.protocol] = newBusy()
		options = append(options, at(fmt.Sprintf("application/%d", p.port), apps[p.protocol].listens(t, p.protocol)))
	}
	a := m.sidecar("virtualNode/a", options...)
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	for _, p := range pools {
		service := fmt.Sprintf("a.shop.local:%d", p.port)
		call := ui.calling(p.protocol, service)
		overflows(t, apps[p.protocol], a, fmt.Sprintf("cluster.cds_ingress_shop_a_%s_%d", p.protocol, p.port), p.waits, call)
	}
	turnedAway := 0
	for _, line := range lines(t, log, 6+5+5) {
		if strings.HasSuffix(line, " UO") {
			turnedAway++
		}
	}
	if want := 3 * (1 + 2); turnedAway != want {
		t.Errorf("the access log has %d lines with UO, want %d", turnedAway, want)
	}
}

// calling calls a service by a protocol, and says who answered, or how it was turned away.
func (s *sidecar) calling(protocol, service string) func() string {
	switch protocol {
	case "grpc":
		c := s.callsGRPC(service)
		return func() string { return c.call("/shop.Cart/Add") }
	case "http2":
		return s.callsHTTP2().turnedAway(service)
	}
	return s.calls().turnedAway(service)
}

func (c *caller) turnedAway(service string) func() string {
	return func() string {
		a, err := c.try(http.MethodGet, "http://"+service+"/")
		where := a.where(err)
		if a.Header.Get("x-envoy-overloaded") == "true" {
			where += " overloaded"
		}
		return where
	}
}

// overflows fills the pool of a cluster of s's, and checks that one request more is turned away, and that the others
// and later ones aren't.
func overflows(t *testing.T, app *busy, s *sidecar, cluster string, waits int, call func() string) {
	t.Helper()
	answers := make(chan string)
	for sent := range 1 + waits {
		go func() { answers <- call() }()
		machine.Eventually(t, cluster+" to fill", func() string {
			arrived, waiting := app.arrived.Load(), s.stat(cluster+".upstream_rq_pending_active")
			if arrived != 1 || waiting != sent {
				return fmt.Sprintf("%d requests at work, %d waiting", arrived, waiting)
			}
			return ""
		})
	}
	want := "503 overloaded"
	if strings.Contains(cluster, "grpc") {
		want = "Unavailable"
	}
	if got := call(); got != want {
		t.Errorf("%s: one request more is answered %s, want %s", cluster, got, want)
	}
	close(app.end)
	for range 1 + waits {
		if got := <-answers; got != "a" {
			t.Errorf("%s: a request that there was room for is answered %s", cluster, got)
		}
	}
	if got := call(); got != "a" {
		t.Errorf("%s: when there is room again, a request is answered %s", cluster, got)
	}
}

// A connection more than a node's tcp pool takes is closed without a word.
func TestTCPConnectionPool(t *testing.T) {
	m := start(t, justMesh+exposed("a", listener(8080, "tcp", "connectionPool: {tcp: {maxConnections: 1}}"))+callerOf("a"))
	m.sidecar("virtualNode/a", at("application/8080", greeter(t, "a")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	var first *connection
	machine.Eventually(t, "room for a connection beside those that only looked whether a listens", func() string {
		first = ui.connect("a.shop.local:8080")
		if got, err := first.r.ReadString('\n'); err != nil || got != "welcome to a\n" {
			return fmt.Sprintf("it is greeted with %q, %v", got, err)
		}
		return ""
	})
	if !ui.connect("a.shop.local:8080").closed() {
		t.Error("the second connection is not closed")
	}
	first.send("hello\n")
	if got := first.line(); got != "hello\n" {
		t.Errorf("the first connection echoes %q", got)
	}
	first.Close()
	machine.Eventually(t, "a connection to be taken again", func() string {
		if got := ui.greeted("a.shop.local:8080"); got != "welcome to a" {
			return got
		}
		return ""
	})
}

// A gateway's pools bound what it lets in, for each of its listeners.
func TestGatewayConnectionPools(t *testing.T) {
	var inner, outer []string
	docs := ""
	for _, p := range pools {
		inner = append(inner, fmt.Sprintf("{portMapping: {port: %d, protocol: %s}}", p.port, p.protocol))
		outer = append(outer, listener(p.port+1000, p.protocol, "connectionPool: {"+p.pool+"}"))
		kind, match := p.protocol+"Route", "prefix: /, "
		if p.protocol == "grpc" {
			match = ""
		}
		docs += fmt.Sprintf("---\nkind: GatewayRoute\nvirtualGatewayName: front\ngatewayRouteName: %s\nspec: {%s: {match: {%sport: %d}, "+
			"action: {target: {port: %d, virtualService: {virtualServiceName: a.shop.local}}}}}\n", p.protocol, kind, match, p.port+1000, p.port)
	}
	m := start(t, justMesh+exposed("a", strings.Join(inner, ", "))+
		"---\nkind: VirtualGateway\nvirtualGatewayName: front\nspec: {listeners: ["+strings.Join(outer, ", ")+"]}\n"+docs)
	apps, options := map[string]*busy{}, []func(*sidecar){}
	for _, p := range pools {
		apps[p.protocol] = newBusy()
		options = append(options, at(fmt.Sprintf("application/%d", p.port), apps[p.protocol].listens(t, p.protocol)))
	}
	m.sidecar("virtualNode/a", options...)
	front := m.sidecar("virtualGateway/front")
	m.ready()
	for _, p := range pools {
		port := p.port + 1000
		cluster := fmt.Sprintf("cluster.cds_ingress_shop_front_self_redirect_%d_%s_15001", port, p.protocol)
		overflows(t, apps[p.protocol], front, cluster, p.waits, front.customersCalling(p.protocol, port))
	}
}

// customersCalling calls a gateway's port by a protocol, as calling calls a service.
func (s *sidecar) customersCalling(protocol string, port int) func() string {
	switch protocol {
	case "grpc":
		c := s.customersGRPC(port)
		return func() string { return c.call("/shop.Cart/Add") }
	case "http2":
		return s.customersBy(byHTTP2, port).turnedAway("shop.example.com")
	}
	return s.customers(port).turnedAway("shop.example.com")
}
