package envoy

import (
	"net/http"
	"testing"
)

// A request passes the caller's sidecar and the called one's, and the applications see each other as without them.
func TestHTTP(t *testing.T) {
	m := start(t, `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: ui
spec: {backends: [{virtualService: {virtualServiceName: cart.shop.local}}]}
---
kind: VirtualNode
virtualNodeName: cart
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: cart}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: cart}}}
`)
	cart := m.sidecar("virtualNode/cart", at("application/8080", echo(t, "cart")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	a := ui.calls().reaches("cart", http.MethodPost, "http://cart.shop.local:8080/items/7?full=yes", "x-customer: 12")
	if a.Method != http.MethodPost || a.Path != "/items/7?full=yes" || a.Host != "cart.shop.local:8080" || a.seen.Header.Get("x-customer") != "12" {
		t.Errorf("cart saw %+v", a.seen)
	}
	if got := ui.stat("cluster.cds_egress_shop_cart_http_8080.upstream_rq_2xx"); got != 1 {
		t.Errorf("ui's Envoy counted %d answers of cart's, want 1", got)
	}
	if got := cart.stat("http.ingress.downstream_rq_2xx"); got != 1 {
		t.Errorf("cart's Envoy counted %d answers, want 1", got)
	}
}
