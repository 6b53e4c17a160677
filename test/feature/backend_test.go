package feature

import "testing"

// A new backend on a port that has others is a cluster, its endpoints and a route; its listener is there already.
func TestBackendComesAndGoes(t *testing.T) {
	m := startShop(t)
	ui, order := connect(t, m, "virtualNode/ui"), connect(t, m, "virtualNode/order-v1")
	m.Apply(`
kind: VirtualService
virtualServiceName: old.shop.local
spec: {provider: {virtualNode: {virtualNodeName: order-v2}}}
`)
	ui.getsNothing() // nobody's backend yet
	m.Apply(uiCalls("order.shop.local", "old.shop.local"))
	ui.gets(
		"cluster "+orderV2,
		"endpoint "+orderV2,
		"route rds_egress_http_8080",
	)
	m.Apply(uiCalls("order.shop.local"))
	ui.gets(
		"route rds_egress_http_8080",
		"no cluster "+orderV2,
	)
	order.getsNothing()
}

// A backend on a port of its own needs a listener's new filter chain besides, and the routes that this names.
func TestBackendOnAnotherPort(t *testing.T) {
	m := startShop(t)
	ui := connect(t, m, "virtualNode/ui")
	m.Apply(`
kind: VirtualNode
virtualNodeName: stock
spec:
  listeners: [{portMapping: {port: 9090, protocol: http2}}]
  serviceDiscovery: {dns: {hostname: stock.internal}}
`)
	m.Apply(`
kind: VirtualService
virtualServiceName: stock.shop.local
spec: {provider: {virtualNode: {virtualNodeName: stock}}}
`)
	m.Apply(uiCalls("order.shop.local", "stock.shop.local"))
	ui.gets(
		"cluster cds_egress_shop_stock_http2_9090",
		"listener lds_egress_0.0.0.0_15001",
		"route rds_egress_http_8080", // once more: Envoy's new listener would wait for it
		"route rds_egress_http2_9090",
	)
}

// A backend may be named before it exists: it is a finding, and then it comes to life.
func TestBackendBeforeItsService(t *testing.T) {
	m := startShop(t)
	ui := connect(t, m, "virtualNode/ui")
	m.Apply(uiCalls("order.shop.local", "old.shop.local"))
	ui.getsNothing()
	finds(t, m, "virtualNode/ui", "backend-missing")
	m.Apply(`
kind: VirtualService
virtualServiceName: old.shop.local
spec: {provider: {virtualNode: {virtualNodeName: order-v2}}}
`)
	ui.gets(
		"cluster "+orderV2,
		"endpoint "+orderV2,
		"route rds_egress_http_8080",
	)
	finds(t, m, "virtualNode/ui")
}

// uiCalls is the node ui with these backends.
func uiCalls(services ...string) string {
	backends := ""
	for _, s := range services {
		backends += "{virtualService: {virtualServiceName: " + s + "}},"
	}
	return `
kind: VirtualNode
virtualNodeName: ui
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: ui}}
  backends: [` + backends + `]
`
}
