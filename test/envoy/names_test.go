package envoy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/test/machine"
)

// oddNames has a mesh, and in it a node, a router with a route, and a gateway with one, whose names App Mesh takes and
// no host could have. The node is probed in each protocol that carries a Host.
const oddNames = `
kind: Mesh
meshName: shöp@home
---
kind: VirtualNode
virtualNodeName: 'kärt"{1}"'
spec:
  listeners:
    - {portMapping: {port: 8080, protocol: http}, healthCheck: {protocol: http, path: /ping, PROBES}}
    - {portMapping: {port: 8081, protocol: http2}, healthCheck: {protocol: http2, path: /ping, PROBES}}
    - {portMapping: {port: 8082, protocol: grpc}, healthCheck: {protocol: grpc, PROBES}}
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: cart}}
---
kind: VirtualRouter
virtualRouterName: 買い物/#1
spec: {listeners: [{portMapping: {port: 8080, protocol: http}}]}
---
kind: Route
virtualRouterName: 買い物/#1
routeName: a\b c?%20
spec: {httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: 'kärt"{1}"', port: 8080, weight: 1}]}}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualRouter: {virtualRouterName: 買い物/#1}}}
---
kind: VirtualService
virtualServiceName: direct.shop.local
spec: {provider: {virtualNode: {virtualNodeName: 'kärt"{1}"'}}}
---
kind: VirtualGateway
virtualGatewayName: 'vor|dere %tür%'
spec: {listeners: [{portMapping: {port: 80, protocol: http}}]}
---
kind: GatewayRoute
virtualGatewayName: 'vor|dere %tür%'
gatewayRouteName: a/../b
spec: {httpRoute: {match: {prefix: /}, action: {target: {virtualService: {virtualServiceName: cart.shop.local}}}}}
---
kind: VirtualNode
virtualNodeName: ui
spec: {backends: [{virtualService: {virtualServiceName: cart.shop.local}}, {virtualService: {virtualServiceName: direct.shop.local}}]}
`

// So they are as long as they may be.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("😀", 255)
	m := start(t, strings.ReplaceAll(`
kind: Mesh
meshName: LONG
---
kind: VirtualNode
virtualNodeName: LONG
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: cart}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: LONG}}}
---
kind: VirtualGateway
virtualGatewayName: LONG
spec: {listeners: [{portMapping: {port: 80, protocol: http}}, {portMapping: {port: 81, protocol: http2}}]}
---
kind: GatewayRoute
virtualGatewayName: LONG
gatewayRouteName: LONG
spec: {httpRoute: {match: {prefix: /}, action: {target: {virtualService: {virtualServiceName: cart.shop.local}}}}}
`, "LONG", long))
	m.sidecar("virtualNode/"+long, func(s *sidecar) { s.name = "cart-1" }, at("application/8080", echo(t, "cart")))
	front := m.sidecar("virtualGateway/"+long, func(s *sidecar) { s.name = "front-1" })
	m.ready()
	front.customers(80).reaches("cart", http.MethodGet, "http://shop.example.com/")
	front.customersBy(byHTTP2, 81).reaches("cart", http.MethodGet, "http://shop.example.com/")
}

// Names are the users' own: whatever they are, requests and probes arrive.
func TestOddNames(t *testing.T) {
	m := start(t, strings.ReplaceAll(oddNames, "PROBES", "healthyThreshold: 2, unhealthyThreshold: 2, intervalMillis: 5000, timeoutMillis: 2000"))
	called := func(name string) func(*sidecar) { return func(s *sidecar) { s.name = name } } // an instance's id is no such name
	m.sidecar(`virtualNode/kärt"{1}"`, called("cart-1"), at("application/8080", echo(t, "cart")),
		at("application/8081", echo(t, "cart")), at("application/8082", newStandard(t, "cart", true).address()))
	m.ready() // or it would not hear the first probe
	ui, front := m.sidecar("virtualNode/ui"), m.sidecar("virtualGateway/vor|dere %tür%", called("front-1"))
	m.ready()
	ui.calls().reaches("cart", http.MethodGet, "http://cart.shop.local:8080/")
	ui.calls().reaches("cart", http.MethodGet, "http://direct.shop.local:8081/")
	ui.callsGRPC("direct.shop.local:8082").reaches("cart", "/shop.Cart/Add")
	front.customers(80).reaches("cart", http.MethodGet, "http://shop.example.com/")
	for _, listener := range []string{"http_8080", "http2_8081", "grpc_8082"} {
		machine.Eventually(t, "a probe of "+listener+" to succeed", func() string {
			stats := `cluster.cds_egress_shöp@home_kärt"{1}"_` + listener + ".health_check."
			if ui.stat(stats+"success") == 0 {
				return "there is none"
			}
			return ""
		})
	}
}
