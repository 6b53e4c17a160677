package envoy

import (
	"testing"
)

// crossroads is a mesh whose node a speaks everything, each on a port of its own, and whose router listens on other
// ports, with a route for each.
const crossroads = `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: a
spec:
  listeners:
    - {portMapping: {port: 8080, protocol: http}}
    - {portMapping: {port: 8081, protocol: http2}}
    - {portMapping: {port: 8082, protocol: grpc}}
    - {portMapping: {port: 8083, protocol: tcp}}
    - {portMapping: {port: 8084, protocol: http}}
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
---
kind: VirtualRouter
virtualRouterName: cart
spec:
  listeners:
    - {portMapping: {port: 80, protocol: http}}
    - {portMapping: {port: 81, protocol: http2}}
    - {portMapping: {port: 82, protocol: grpc}}
    - {portMapping: {port: 443, protocol: tcp}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualRouter: {virtualRouterName: cart}}}
---
kind: VirtualNode
virtualNodeName: ui
spec: {backends: [{virtualService: {virtualServiceName: cart.shop.local}}]}
`

// toPort is the action that sends everything to a port of node a.
func toPort(port string) string {
	return "action: {weightedTargets: [{virtualNode: a, port: " + port + ", weight: 1}]}"
}

// The ports of a service are its router's; match.port says which one a route is for, and a target's port which one of
// the node's it leads to. All protocols may stand side by side.
func TestListeners(t *testing.T) {
	m := start(t, crossroads+
		route("admin", "priority: 1, httpRoute: {match: {prefix: /admin, port: 80}, "+toPort("8084")+"}")+
		route("http", "httpRoute: {match: {prefix: /, port: 80}, "+toPort("8080")+"}")+
		route("http2", "http2Route: {match: {prefix: /, port: 81}, "+toPort("8081")+"}")+
		route("grpc", "grpcRoute: {match: {port: 82}, "+toPort("8082")+"}")+
		route("tcp", "tcpRoute: {match: {port: 443}, "+toPort("8083")+"}"))
	a := m.sidecar("virtualNode/a", at("application/8080", echo(t, "http")), at("application/8081", echo(t, "http2")),
		at("application/8082", grpcEcho(t, "grpc")), at("application/8083", greeter(t, "tcp")), at("application/8084", echo(t, "admin")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.calls()
	c.reaches("http", "GET", "http://cart.shop.local:80/")
	c.reaches("admin", "GET", "http://cart.shop.local:80/admin")
	ui.callsHTTP2().reaches("http2", "GET", "http://cart.shop.local:81/")
	c.reaches("http2", "GET", "http://cart.shop.local:81/admin") // that route is for another port
	ui.callsGRPC("cart.shop.local:82").reaches("grpc", "/shop.Cart/Add")
	if got := ui.greeted("cart.shop.local:443"); got != "welcome to tcp" {
		t.Errorf("port 443 says %q", got)
	}
	for stat, want := range map[string]int{"http.ingress.http.8080": 1, "http.ingress.http.8084": 1, "http.ingress.http2.8081": 2, "http.ingress.grpc.8082": 1} {
		if n := a.stat(stat + ".downstream_rq_2xx"); n != want {
			t.Errorf("a's Envoy counted %d requests as %s, want %d", n, stat, want)
		}
	}

	// A target without a port is the node's first listener of the route's protocol.
	m.apply(route("http", "httpRoute: {match: {prefix: /, port: 80}, "+to("a")+"}") +
		route("http2", "http2Route: {match: {prefix: /, port: 81}, "+to("a")+"}") +
		route("grpc", "grpcRoute: {match: {port: 82}, "+to("a")+"}") +
		route("tcp", "tcpRoute: {match: {port: 443}, "+to("a")+"}"))
	c.reaches("http", "GET", "http://cart.shop.local:80/")
	c.reaches("http2", "GET", "http://cart.shop.local:81/")
	ui.callsGRPC("cart.shop.local:82").reaches("grpc", "/shop.Cart/Add")
	if got := ui.greeted("cart.shop.local:443"); got != "welcome to tcp" {
		t.Errorf("port 443 says %q", got)
	}

	// Targets of one route may be on different ports.
	m.apply(route("http", "httpRoute: {match: {prefix: /, port: 80}, action: {weightedTargets: ["+
		"{virtualNode: a, port: 8080, weight: 1}, {virtualNode: a, port: 8084, weight: 1}]}}"))
	counts := c.count(200, "http://cart.shop.local:80/")
	if counts["http"]+counts["admin"] != 200 {
		t.Fatalf("requests reached %v", counts)
	}
	expectShare(t, counts["admin"], 200, 0.5)
}

// A gateway route without a port is for every listener, and without a target port leads to the service's first.
func TestGatewayListeners(t *testing.T) {
	m := start(t, justMesh+exposed("a", "{portMapping: {port: 8080, protocol: http}}, {portMapping: {port: 9090, protocol: http}}")+`---
kind: VirtualGateway
virtualGatewayName: front
spec: {listeners: [{portMapping: {port: 80, protocol: http}}, {portMapping: {port: 81, protocol: http2}}]}
`+gatewayRoute("all", "prefix: /", "a.shop.local", "")+gatewayRoute("some", "prefix: /some, port: 81", "a.shop.local", ""))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "first")), at("application/9090", echo(t, "second")))
	front := m.sidecar("virtualGateway/front")
	m.ready()
	on80, on81 := front.customers(80), front.customersBy(byHTTP2, 81)
	for _, path := range []string{"/", "/some", "/some/7"} {
		on80.reaches("first", "GET", "http://shop.example.com"+path)
		on81.reaches("first", "GET", "http://shop.example.com"+path)
	}
	// The route for port 81 rewrites its prefix, on port 81 alone.
	if got := on80.get("http://shop.example.com/some/7"); got.Path != "/some/7" {
		t.Errorf("by port 80, a saw %s", got.Path)
	}
	if got := on81.get("http://shop.example.com/some/7"); got.Path != "/7" {
		t.Errorf("by port 81, a saw %s", got.Path)
	}
}
