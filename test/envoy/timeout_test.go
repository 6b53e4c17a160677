package envoy

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// A request may take as long as the route and the listener let it, 15 s where they say nothing.
func TestTimeouts(t *testing.T) {
	for _, by := range speaking[:2] { // TestGRPCTimeouts has the third
		t.Run(by.protocol, func(t *testing.T) { timeouts(t, by.protocol, by.calls) })
	}
}

func timeouts(t *testing.T, protocol string, calls func(*sidecar) *caller) {
	m := start(t, shop(protocol))
	const long, short = "{unit: s, value: 10}", "{unit: s, value: 1}" // time enough for an answer on a busy machine
	m.sidecar("virtualNode/a", at("application/8080", serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
				return
			}
		case "/never":
			<-r.Context().Done()
			return
		}
		answering("a")(w, r)
	}))))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := calls(ui)
	for _, one := range []struct{ route, listener, path, reaches string }{
		{"", "", "/slow", "a"},
		{"perRequest: " + short, "", "/", "a"},
		{"perRequest: " + short, "", "/never", "504"},
		{"perRequest: " + long, "", "/slow", "a"},
		{"", "perRequest: " + short, "/never", "504"},
		{"perRequest: " + long, "perRequest: " + short, "/never", "504"},
		{"perRequest: {unit: ms, value: 0}", "perRequest: {unit: ms, value: 0}", "/slow", "a"},
		{"perRequest: " + long, "perRequest: {unit: ms, value: 0}", "/slow", "a"},
		{"idle: {unit: ms, value: 0}", "idle: {unit: ms, value: 0}", "/slow", "a"},
		{"idle: " + short, "", "/never", "504"},
		{"", "idle: " + short, "/never", "504"},
	} {
		timeout := func(members string) string {
			if members == "" {
				return ""
			}
			return ", timeout: {" + protocol + ": {" + members + "}}"
		}
		httpTimeout := ""
		if one.route != "" {
			httpTimeout = ", timeout: {" + one.route + "}"
		}
		m.apply(`
kind: VirtualNode
virtualNodeName: a
spec:
  listeners: [{portMapping: {port: 8080, protocol: ` + protocol + `}` + timeout(one.listener) + `}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
` + route("all", protocol+"Route: {match: {prefix: /}, "+to("a")+httpTimeout+"}"))
		began := time.Now()
		got := c.get(cart + one.path)
		if got.where(nil) != one.reaches || time.Since(began) > 5*time.Second {
			t.Errorf("route %q, listener %q: %s reached %s after %v, want %s", one.route, one.listener, one.path, got.where(nil), time.Since(began), one.reaches)
		}
	}
}

// Idle TCP connections are closed after the timeout of the route, or of the listener.
func TestTCPIdleTimeouts(t *testing.T) {
	m := start(t, shop("tcp"))
	m.sidecar("virtualNode/a", at("application/8080", greeter(t, "a")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	for _, one := range []struct{ route, listener string }{
		{", timeout: {idle: {unit: ms, value: 200}}", ""},
		{"", ", timeout: {tcp: {idle: {unit: ms, value: 200}}}"},
	} {
		m.apply(`
kind: VirtualNode
virtualNodeName: a
spec:
  listeners: [{portMapping: {port: 8080, protocol: tcp}` + one.listener + `}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
` + route("all", "tcpRoute: {"+to("a")+one.route+"}"))
		c := ui.connect("cart.shop.local:8080")
		c.line()
		began := time.Now()
		if !c.closed() || time.Since(began) > 5*time.Second {
			t.Errorf("route %q, listener %q: an idle connection stays for %v", one.route, one.listener, time.Since(began))
		}
	}
}

// The timeouts of grpc routes and listeners are calls'. What takes longer is unavailable to the caller.
func TestGRPCTimeouts(t *testing.T) {
	const short, retried = "{perRequest: {unit: s, value: 1}}", 3 // by default, what is unavailable is tried twice more
	m := start(t, shop("grpc"))
	var calls atomic.Int64
	m.sidecar("virtualNode/a", at("application/8080", grpcServer(t, func(stream grpc.ServerStream) error {
		calls.Add(1)
		md, _ := metadata.FromIncomingContext(stream.Context())
		if len(md.Get("slow")) > 0 {
			select {
			case <-time.After(3 * time.Second):
			case <-stream.Context().Done():
				return nil
			}
		}
		return stream.SendMsg(wrapperspb.String("a"))
	})))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.callsGRPC("cart.shop.local:8080")
	for _, one := range []struct {
		route, listener, answer string
		calls                   int64
	}{
		{"", "", "a", 1},
		{", timeout: " + short, "", "Unavailable", 1},
		{"", "timeout: {grpc: " + short + "}", "Unavailable", retried},
		{", timeout: {perRequest: {unit: s, value: 10}}", "timeout: {grpc: {perRequest: {unit: ms, value: 0}}}", "a", 1},
		{", timeout: {idle: {unit: s, value: 1}}", "", "Unavailable", 1},
		{"", "timeout: {grpc: {idle: {unit: s, value: 1}}}", "Unavailable", retried},
	} {
		m.apply(exposed("a", listener(8080, "grpc", one.listener)) + route("all", "grpcRoute: {match: {}, "+to("a")+one.route+"}"))
		c.reaches("a", "/shop.Cart/Add")
		calls.Store(0)
		if got := c.call("/shop.Cart/Add", "slow: yes"); got != one.answer || calls.Load() != one.calls {
			t.Errorf("route %q, listener %q: a slow call is answered %s after %d calls, want %s after %d",
				one.route, one.listener, got, calls.Load(), one.answer, one.calls)
		}
	}
}

// Where nobody says anything, 15 s is the limit: of the route, and of the listener too, whatever the route says. A
// gateway waits as long as its service's routes may take. This test takes those 15 s, beside others.
func TestDefaultTimeouts(t *testing.T) {
	const twenty = "timeout: {http: {perRequest: {unit: s, value: 20}}}"
	routed := func(node, timeout string) string {
		return strings.ReplaceAll(`---
kind: VirtualRouter
virtualRouterName: NODE
spec: {listeners: [{portMapping: {port: 8080, protocol: http}}]}
---
kind: Route
virtualRouterName: NODE
routeName: all
spec: {httpRoute: {match: {prefix: /}, `+to(node)+timeout+`}}
---
kind: VirtualService
virtualServiceName: NODE.shop.local
spec: {provider: {virtualRouter: {virtualRouterName: NODE}}}
`, "NODE", node)
	}
	const longRoute = ", timeout: {perRequest: {unit: s, value: 20}}"
	m := start(t, justMesh+
		exposed("default", listener(8080, "http", twenty))+routed("default", "")+
		exposed("listener", "{portMapping: {port: 8080, protocol: http}}")+routed("listener", longRoute)+
		exposed("long", listener(8080, "http", twenty))+routed("long", longRoute)+
		exposed("direct", listener(8080, "http", twenty))+
		callerOf("default", "listener", "long", "direct")+`---
kind: VirtualGateway
virtualGatewayName: front
spec: {listeners: [{portMapping: {port: 80, protocol: http}}]}
`+gatewayRoute("long", "prefix: /long", "long.shop.local", "")+gatewayRoute("direct", "prefix: /direct", "direct.shop.local", ""))
	slow := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(16 * time.Second):
			answering("a")(w, r)
		case <-r.Context().Done():
		}
	}))
	for _, node := range []string{"default", "listener", "long", "direct"} {
		m.sidecar("virtualNode/"+node, at("application/8080", slow))
	}
	ui, front := m.sidecar("virtualNode/ui"), m.sidecar("virtualGateway/front")
	m.ready()
	inside, outside := ui.calls(), front.customers(80)
	inside.client.Timeout, outside.client.Timeout = time.Minute, time.Minute
	var wg sync.WaitGroup
	for _, one := range []struct {
		by       *caller
		url      string
		want     string
		overdue  time.Duration
		deciding string
	}{
		{inside, "http://default.shop.local:8080/", "504", 15 * time.Second, "the route's default"},
		{inside, "http://listener.shop.local:8080/", "504", 15 * time.Second, "the listener's default"},
		{inside, "http://direct.shop.local:8080/", "504", 15 * time.Second, "a service that a node provides"},
		{inside, "http://long.shop.local:8080/", "a", 16 * time.Second, "route and listener"},
		{outside, "http://shop.example.com/long", "a", 16 * time.Second, "a gateway, as the route"},
		{outside, "http://shop.example.com/direct", "504", 15 * time.Second, "a gateway, as a service that a node provides"},
	} {
		wg.Go(func() {
			began := time.Now()
			a, err := one.by.try(http.MethodGet, one.url)
			took := time.Since(began)
			if got := a.where(err); got != one.want || took < one.overdue-100*time.Millisecond {
				t.Errorf("%s: answered %s after %v, want %s after no less than %v", one.deciding, got, took, one.want, one.overdue)
			}
		})
	}
	wg.Wait()
}
