package envoy

import (
	"net/http"
	"testing"
)

// A request passes the caller's sidecar and the called one's, and the applications see each other as without them.
func TestHTTP(t *testing.T) {
	m := start(t, shop("http")+route("all", "httpRoute: {match: {prefix: /}, "+to("a")+"}"))
	a := m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	got := ui.calls().reaches("a", http.MethodPost, cart+"/items/7?full=yes", "x-customer: 12")
	if got.Method != http.MethodPost || got.Path != "/items/7?full=yes" || got.Host != "cart.shop.local:8080" ||
		got.seen.Header.Get("x-customer") != "12" || got.Proto != "HTTP/1.1" {
		t.Errorf("a saw %+v", got.seen)
	}
	if n := ui.stat("cluster.cds_egress_shop_a_http_8080.upstream_rq_2xx"); n != 1 {
		t.Errorf("ui's Envoy counted %d answers of a's, want 1", n)
	}
	if n := a.stat("http.ingress.downstream_rq_2xx"); n != 1 {
		t.Errorf("a's Envoy counted %d answers, want 1", n)
	}
}

// HTTP/2 stays HTTP/2 on the whole way.
func TestHTTP2(t *testing.T) {
	m := start(t, shop("http2")+route("all", "http2Route: {match: {prefix: /}, "+to("a")+"}"))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	if got := ui.callsHTTP2().reaches("a", http.MethodGet, cart+"/"); got.Proto != "HTTP/2.0" {
		t.Errorf("a was called by %s", got.Proto)
	}
	// What the target's listener speaks counts, not what the caller does.
	if got := ui.calls().reaches("a", http.MethodGet, cart+"/"); got.Proto != "HTTP/2.0" {
		t.Errorf("called by HTTP/1.1, a was called by %s", got.Proto)
	}
}

// A WebSocket's handshake passes, and then the connection is the applications' own.
func TestUpgrade(t *testing.T) {
	m := start(t, shop("http")+route("all", "httpRoute: {match: {prefix: /}, "+to("a")+"}"))
	m.sidecar("virtualNode/a", at("application/8080", serve(t, http.HandlerFunc(upgrade))))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.connect("cart.shop.local:8080")
	c.send("GET /chat HTTP/1.1\r\nHost: cart.shop.local:8080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if line := c.line(); line != "HTTP/1.1 101 Switching Protocols\r\n" {
		t.Fatalf("the handshake was answered %q", line)
	}
	for c.line() != "\r\n" {
	}
	c.send("hello\n")
	if got := c.line(); got != "hello\n" {
		t.Errorf("got %q, want an echo", got)
	}
}

// upgrade switches to a protocol that echoes.
func upgrade(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "websocket")
	w.WriteHeader(http.StatusSwitchingProtocols)
	c, said, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	echoLines(said, c) // the server may have read the caller's first bytes already
}
