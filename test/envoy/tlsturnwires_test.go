package envoy

import (
	"fmt"
	"net"
	"testing"
	"time"
)

// Listeners of gRPC and of tcp turn to PERMISSIVE and back, too, and their callers with them, while calls and connections go
// on: nothing fails, and no caller offers TLS to a listener that doesn't speak it. Nobody tries again, so listeners drain for
// longer than the tests' second, in which gRPC calls were seen to be cut without a GOAWAY before.
func TestTurnToTLSOfWiresUnderLoad(t *testing.T) {
	for _, one := range []struct {
		protocol, route string
		application     func(*testing.T) string
		asks            func(*sidecar) func() error
	}{
		{"grpc", "grpcRoute: {match: {}, retryPolicy: {maxRetries: 0, perRetryTimeout: {unit: s, value: 0}, grpcRetryEvents: [unavailable]}, " + to("a") + "}", grpcStreams,
			func(ui *sidecar) func() error { return ui.callsGRPC("cart.shop.local:8080").ask }},
		{"tcp", "tcpRoute: {" + to("a") + "}", func(t *testing.T) string { return tcpServer(t, func(c net.Conn) { echoLines(c, c) }) },
			func(ui *sidecar) func() error {
				return func() error { return ui.book("cart.shop.local:8080", 10*time.Millisecond) }
			}},
	} {
		t.Run(one.protocol, func(t *testing.T) {
			p := newPKI(t)
			secure := "tls: {mode: PERMISSIVE, certificate: " + p.issue("a", "a.shop.local") + "}"
			m := start(t, shop(one.protocol)+route("all", one.route))
			m.sidecar("virtualNode/a", at("application/8080", one.application(t)), drainingFor(loadDrain))
			ui := m.sidecar("virtualNode/ui")
			m.ready()
			l := newLoad(t)
			for range 6 {
				l.repeat(one.protocol, time.Now(), one.asks(ui))
			}
			cluster := fmt.Sprintf("cluster.cds_egress_shop_a_%s_8080.", one.protocol)
			handshakes := 0
			for _, tls := range []string{secure, "", secure, ""} {
				m.apply("kind: VirtualNode\nvirtualNodeName: a\nspec:\n  listeners: [{portMapping: {port: 8080, protocol: " + one.protocol + "}, " + tls + "}]\n" +
					"  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}\n")
				l.more(200)
				before := handshakes
				if handshakes = ui.stat(cluster + "ssl.handshake"); (handshakes > before) != (tls != "") {
					t.Errorf("with %q ui's Envoy did %d handshakes", tls, handshakes-before)
				}
			}
			l.unharmed()
			if n := ui.stat(cluster + "upstream_cx_connect_fail"); n > 0 {
				t.Errorf("TLS met a listener without it %d times", n)
			}
		})
	}
}

// Where the server speaks first, a PERMISSIVE listener can't tell who connects in plain text: Envoy waits for the client's
// first bytes. TLS begins with the client, so callers in TLS are served, and clients in plain text who speak first.
func TestPermissiveServerSpeaksFirst(t *testing.T) {
	p := newPKI(t)
	m := start(t, justMesh+exposed("a", listener(8080, "tcp", "tls: {mode: PERMISSIVE, certificate: "+p.issue("a", "a.shop.local")+"}"))+callerOf("a"))
	a := m.sidecar("virtualNode/a", at("application/8080", greeter(t, "a")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	if got := ui.connect("a.shop.local:8080").line(); got != "welcome to a\n" {
		t.Errorf("a caller in the mesh got %q", got)
	}
	raw, err := net.Dial("tcp", a.addresses["bind/8080"])
	if err != nil {
		t.Fatal(err)
	}
	plain := newConnection(t, raw)
	if err := plain.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if got, err := plain.r.ReadString('\n'); !isTimeout(err) {
		t.Errorf("a client in plain text got %q, %v before it spoke", got, err)
	}
	if err := plain.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	plain.send("hello\n")
	if got := plain.line() + plain.line(); got != "welcome to a\nhello\n" {
		t.Errorf("a client in plain text got %q", got)
	}
}
