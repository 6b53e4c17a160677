package feature

import "testing"

// A new weight among nodes that are known is a new route alone, and reaches callers alone.
func TestRouteMatchChanges(t *testing.T) {
	m := startShop(t)
	ui, order := connect(t, m, "virtualNode/ui"), connect(t, m, "virtualNode/order-v1")
	m.Apply(`
kind: Route
virtualRouterName: order
routeName: all
spec: {httpRoute: {match: {prefix: /orders}, action: {weightedTargets: [{virtualNode: order-v1, weight: 1}]}}}
`)
	ui.gets("route rds_egress_http_8080")
	order.getsNothing()
}

// A node that comes in is made before the route leads there, and one that goes is removed after the route has left.
func TestRouteTargetChanges(t *testing.T) {
	m := startShop(t)
	ui := connect(t, m, "virtualNode/ui")
	m.Apply(`
kind: Route
virtualRouterName: order
routeName: all
spec: {httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: order-v2, weight: 1}]}}}
`)
	ui.gets(
		"cluster "+orderV2,
		"endpoint "+orderV2,
		"route rds_egress_http_8080",
		"no cluster "+orderV1,
	)
	m.Delete("virtualRouter/order/route/all")
	ui.gets(
		"route rds_egress_http_8080",
		"no cluster "+orderV2,
	)
}

// A change that changes nothing in Envoy sends nothing, and its generation is accepted all the same.
func TestRouteStaysTheSame(t *testing.T) {
	m := startShop(t)
	ui := connect(t, m, "virtualNode/ui")
	m.Apply(`
kind: Route
virtualRouterName: order
routeName: all
spec: {httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: order-v1, weight: 1}]}}}
`)
	ui.getsNothing()
}
