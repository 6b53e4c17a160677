package envoy

import "testing"

// A listener turns to PERMISSIVE and back, and its callers to TLS and back with it, while requests go on: none fails, and no
// caller offers TLS to a listener that doesn't speak it. The one retry is for a connection that a listener closes as it goes; it
// has the time to ask most of them to close before, or the retry would meet another one.
func TestTurnToTLSUnderLoad(t *testing.T) {
	p := newPKI(t)
	secure := "tls: {mode: PERMISSIVE, certificate: " + p.issue("a", "a.shop.local") + "}"
	m := start(t, shop("http")+route("all", "httpRoute: {match: {prefix: /}, retryPolicy: {maxRetries: 1, perRetryTimeout: {unit: s, value: 0}, httpRetryEvents: [server-error]}, "+to("a")+"}"))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")), drainingFor(loadDrain))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	l := under(t, ui.calls, cart+"/", 6)
	handshakes := 0
	for _, tls := range []string{secure, "", secure, ""} {
		m.apply(`
kind: VirtualNode
virtualNodeName: a
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}, ` + tls + `}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
`)
		l.more(200)
		before := handshakes
		if handshakes = ui.stat("cluster.cds_egress_shop_a_http_8080.ssl.handshake"); (handshakes > before) != (tls != "") {
			t.Errorf("with %q ui's Envoy did %d handshakes", tls, handshakes-before)
		}
	}
	l.unharmed()
	if n := ui.stat("cluster.cds_egress_shop_a_http_8080.upstream_cx_connect_fail"); n > 0 {
		t.Errorf("TLS met a listener without it %d times", n)
	}
}
