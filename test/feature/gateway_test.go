package feature

import "testing"

const storefront = `
kind: VirtualGateway
virtualGatewayName: front
spec: {listeners: [{portMapping: {port: 8080, protocol: http}}]}
---
kind: GatewayRoute
virtualGatewayName: front
gatewayRouteName: order
spec: {httpRoute: {match: {prefix: /orders}, action: {target: {virtualService: {virtualServiceName: order.shop.local}}}}}
`

// A gateway has a listener for customers, one for its second pass, and what its routes' services need.
func TestGateway(t *testing.T) {
	m := startShop(t)
	m.Apply(storefront)
	front := connect(t, m, "virtualGateway/front")
	front.hasAll(
		"cluster "+orderV1+" cds_ingress_shop_front_self_redirect_http_15001",
		"endpoint "+orderV1,
		"listener lds_egress_0.0.0.0_15001 lds_ingress_0.0.0.0_8080",
		"route rds_egress_http_15001 rds_ingress_http_8080",
	)
	// A path more is a matter of the first pass alone.
	m.Apply(`
kind: GatewayRoute
virtualGatewayName: front
gatewayRouteName: old
spec: {httpRoute: {match: {prefix: /old-orders}, action: {target: {virtualService: {virtualServiceName: order.shop.local}}}}}
`)
	front.gets("route rds_ingress_http_8080")
	// A route of the service's router is a matter of the second. The first comes along where it must wait for other
	// clusters from now on.
	m.Apply(`
kind: Route
virtualRouterName: order
routeName: v2
spec: {priority: 1, httpRoute: {match: {prefix: /v2}, action: {weightedTargets: [{virtualNode: order-v2, weight: 1}]}}}
`)
	front.gets("cluster "+orderV2, "endpoint "+orderV2, "route rds_egress_http_15001 rds_ingress_http_8080")
	m.Delete("virtualGateway/front/gatewayRoute/old")
	front.gets("route rds_ingress_http_8080")
	m.Delete("virtualGateway/front/gatewayRoute/order")
	front.gets("route rds_egress_http_15001 rds_ingress_http_8080")
	// The second pass keeps what it has lost, and its clusters, until no request can be under way to it. Nobody waits
	// for that.
	front.getsLater("route rds_egress_http_15001", "no cluster "+orderV1+" "+orderV2)
}
