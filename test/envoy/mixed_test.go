package envoy

import (
	"net/http"
	"testing"
)

// http, http2 and grpc may be mixed: a router of one takes routes of the others, a gateway likewise, and each target is
// called in its own listener's protocol, whatever came in.
func TestMixedProtocols(t *testing.T) {
	for _, protocol := range []string{"http", "http2", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			m := start(t, justMesh+exposed("http", "{portMapping: {port: 8080, protocol: http}}")+
				exposed("http2", "{portMapping: {port: 8080, protocol: http2}}")+exposed("grpc", "{portMapping: {port: 8080, protocol: grpc}}")+`---
kind: VirtualRouter
virtualRouterName: cart
spec: {listeners: [{portMapping: {port: 8080, protocol: `+protocol+`}}]}
`+route("one", "http2Route: {match: {prefix: /one}, "+to("http")+"}")+
				route("two", "httpRoute: {match: {prefix: /two}, "+to("http2")+"}")+
				route("calls", "grpcRoute: {match: {serviceName: shop.Cart}, "+to("grpc")+"}")+`---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualRouter: {virtualRouterName: cart}}}
---
kind: VirtualGateway
virtualGatewayName: front
spec: {listeners: [{portMapping: {port: 80, protocol: `+protocol+`}}]}
---
kind: GatewayRoute
virtualGatewayName: front
gatewayRouteName: pages
spec: {http2Route: {match: {prefix: /}, action: {target: {virtualService: {virtualServiceName: cart.shop.local}}}}}
---
kind: GatewayRoute
virtualGatewayName: front
gatewayRouteName: calls
spec: {priority: 1, grpcRoute: {match: {serviceName: shop.Cart}, action: {target: {virtualService: {virtualServiceName: cart.shop.local}}}}}
`+callerOf("cart"))
			m.sidecar("virtualNode/http", at("application/8080", serveBy(t, byHTTP1, answering("one"))))
			m.sidecar("virtualNode/http2", at("application/8080", serveBy(t, byHTTP2, answering("two"))))
			m.sidecar("virtualNode/grpc", at("application/8080", grpcEcho(t, "calls")))
			ui, front := m.sidecar("virtualNode/ui"), m.sidecar("virtualGateway/front")
			m.ready()
			for _, c := range []*caller{ui.calls(), ui.callsHTTP2(), front.customers(80), front.customersBy(byHTTP2, 80)} {
				c.reaches("one", http.MethodGet, cart+"/one")
				c.reaches("two", http.MethodGet, cart+"/two")
				c.reaches("404", http.MethodGet, cart+"/shop.Cart/Add")
			}
			for _, c := range []*grpcCaller{ui.callsGRPC("cart.shop.local:8080"), front.customersGRPC(80)} {
				c.reaches("calls", "/shop.Cart/Add")
				c.reaches("Unimplemented", "/shop.Stock/Count")
			}
		})
	}
}
