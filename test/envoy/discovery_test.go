package envoy

import (
	"fmt"
	"testing"
)

// A node may be found by DNS: by its name, or by each of the name's addresses. Callers connect to the listener's port.
func TestDNS(t *testing.T) {
	for _, response := range []string{"LOADBALANCER", "ENDPOINTS"} {
		t.Run(response, func(t *testing.T) {
			port := freePort(t)
			m := start(t, shop("http")+fmt.Sprintf(`---
kind: VirtualNode
virtualNodeName: old
spec:
  listeners: [{portMapping: {port: %d, protocol: http}}]
  serviceDiscovery: {dns: {hostname: localhost, responseType: %s, ipPreference: IPv4_ONLY}}
`, port, response)+route("all", "httpRoute: {match: {prefix: /}, "+to("old")+"}"))
			m.sidecar("virtualNode/old", at(fmt.Sprintf("bind/%d", port), local(port)), at(fmt.Sprintf("application/%d", port), echo(t, "old")))
			ui := m.sidecar("virtualNode/ui")
			m.ready()
			ui.calls().reaches("old", "GET", cart+"/")
		})
	}
}

// Instances with Cloud Map discovery are found by their attributes; those that come, go or fail are followed by an
// update of endpoints alone.
func TestCloudMap(t *testing.T) {
	m := start(t, shop("http")+`---
kind: VirtualNode
virtualNodeName: a
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: cart, attributes: [{key: stage, value: live}]}}
`+route("all", "httpRoute: {match: {prefix: /}, "+to("a")+"}"))
	live, test := map[string]string{"stage": "live", "zone": "1"}, map[string]string{"stage": "test"}
	first := m.sidecar("virtualNode/a", at("application/8080", echo(t, "first")), withAttributes(live))
	second := m.sidecar("virtualNode/a", at("application/8080", echo(t, "second")), withAttributes(test))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.calls()
	updates := func() [3]int {
		return [3]int{
			ui.stat("cluster_manager.cds.update_success"), ui.stat("listener_manager.lds.update_success"),
			ui.stat("http.egress.rds.ownmesh_egress_cart.shop.local_8080.update_success"),
		}
	}
	before := updates()
	if before[0] == 0 || before[1] == 0 || before[2] == 0 {
		t.Fatalf("ui's Envoy counts no updates: %v", before)
	}
	arrives := func(where ...string) {
		t.Helper()
		m.endpointsKnown()
		counts := c.count(20, cart+"/")
		for _, app := range where {
			if counts[app] < 20/len(where)/2 {
				t.Errorf("requests arrived %v, want %q", counts, where)
			}
			delete(counts, app)
		}
		if len(counts) > 0 {
			t.Errorf("requests arrived also %v, want %q alone", counts, where)
		}
	}
	arrives("first")
	second.attributes = live
	m.register(second)
	arrives("first", "second")
	m.deregister(first)
	arrives("second")
	i, _ := m.instanceOf(second)
	i.Unhealthy = true
	m.put(i)
	m.register(first)
	arrives("first")
	i.Unhealthy = false
	m.put(i)
	arrives("first", "second")
	m.deregister(first)
	m.deregister(second)
	arrives("503")
	if after := updates(); after != before {
		t.Errorf("instances led to updates of clusters, listeners, routes: %v, then %v", before, after)
	}
}

// Instances say on which port they take what is meant for the node's: so several run on one machine.
func TestCloudMapSeveralPorts(t *testing.T) {
	m := start(t, `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: cart
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}, {portMapping: {port: 9090, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: cart}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: cart}}}
---
kind: VirtualNode
virtualNodeName: ui
spec: {backends: [{virtualService: {virtualServiceName: cart.shop.local}}]}
`)
	m.sidecar("virtualNode/cart", at("application/8080", echo(t, "shop")), at("application/9090", echo(t, "office")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	ui.calls().reaches("shop", "GET", "http://cart.shop.local:8080/")
	ui.calls().reaches("office", "GET", "http://cart.shop.local:9090/")
}
