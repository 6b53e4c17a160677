package envoy

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TLS on redirected connections: chains are told apart by port, and on a PERMISSIVE port by whether TLS is spoken.
func TestTransparentTLS(t *testing.T) {
	n := newNetwork(t)
	ui, cart, outside := n.host("ui"), n.host("cart"), n.host("outside")
	p := newPKI(t)
	certificate := p.issue("cart", "cart.shop.local")
	for _, path := range []string{filepath.Dir(p.dir), p.dir, p.trustFile(), filepath.Join(p.dir, "cart.pem"), filepath.Join(p.dir, "cart.key")} {
		if err := os.Chmod(path, 0o755); err != nil { // Envoy runs as another user
			t.Fatal(err)
		}
	}
	secured := func(mode string) string { return "tls: {mode: " + mode + ", certificate: " + certificate + "}" }
	m := start(t, justMesh+exposed("cart", listener(8080, "http", secured("STRICT"))+", "+listener(8081, "http", secured("PERMISSIVE"))+", "+
		listener(8082, "grpc", secured("STRICT"))+", "+listener(3306, "tcp", secured("STRICT")))+`---
kind: VirtualNode
virtualNodeName: ui
spec:
  backendDefaults: {clientPolicy: {tls: {enforce: false, validation: {trust: `+p.trust()+`}}}}
  backends: [{virtualService: {virtualServiceName: cart.shop.local}}]
`)
	ui.redirect("iptables", "8080", away, "169.254.170.2")
	cart.redirect("iptables", "8080,8081,8082,3306", away, "169.254.170.2")
	serveOn(cart.listen("127.0.0.1:8080"), answering("cart"))
	serveOn(cart.listen("127.0.0.1:8081"), answering("cart"))
	grpcOn(t, cart.listen("127.0.0.1:8082"), "cart")
	greetOn(cart.listen("127.0.0.1:3306"), "cart")
	m.sidecar("virtualNode/cart", on(m, cart))
	uiEnvoy := m.sidecar("virtualNode/ui", on(m, ui))
	m.ready()

	for _, port := range []string{"8080", "8081"} {
		ui.caller(t, nobody+":"+port).reaches("cart", http.MethodGet, "http://cart.shop.local:"+port+"/")
	}
	ui.callsGRPC(t, nobody+":8082", "cart.shop.local:8082").reaches("cart", "/shop.Cart/Add")
	if got := ui.connect(t, nobody+":3306").line(); got != "welcome to cart\n" {
		t.Errorf("tcp says %q", got)
	}
	for _, cluster := range []string{"http_8080", "http_8081", "grpc_8082", "tcp_3306"} {
		if n := uiEnvoy.stat("cluster.cds_egress_shop_cart_" + cluster + ".ssl.handshake"); n != 1 {
			t.Errorf("%s: ui's Envoy did %d handshakes, want 1", cluster, n)
		}
	}

	// From outside the mesh.
	for _, one := range []struct{ port, plain, secure string }{{"8080", "nobody", "cart"}, {"8081", "cart", "cart"}} {
		if got := outside.caller(t, cart.ip+":"+one.port).answers("http://cart.shop.local/"); got != one.plain {
			t.Errorf("port %s, plain text: %s answers, want %s", one.port, got, one.plain)
		}
		transport := &http.Transport{TLSClientConfig: p.client(), DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return outside.dial(ctx, network, cart.ip+":"+one.port)
		}}
		t.Cleanup(transport.CloseIdleConnections)
		c := &caller{t, &http.Client{Transport: transport, Timeout: 10 * time.Second}}
		if got := c.answers("https://cart.shop.local/"); got != one.secure {
			t.Errorf("port %s, TLS: %s answers, want %s", one.port, got, one.secure)
		}
	}
	raw, err := outside.dial(t.Context(), "tcp", cart.ip+":3306")
	if err != nil {
		t.Fatal(err)
	}
	config := p.client()
	config.ServerName = "cart.shop.local"
	if got := newConnection(t, tls.Client(raw, config)).line(); got != "welcome to cart\n" {
		t.Errorf("tcp from outside says %q", got)
	}
}
