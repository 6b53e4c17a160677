package envoy

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/test/machine"
)

// customers call a gateway's port from outside, by any host.
func (s *sidecar) customers(port int) *caller { return s.customersBy(byHTTP1, port) }

// customersBy are customers that speak this protocol.
func (s *sidecar) customersBy(speak func(*http.Protocols), port int) *caller {
	protocols := new(http.Protocols)
	speak(protocols)
	transport := &http.Transport{Protocols: protocols, DialContext: s.dialPort(port)}
	s.m.t.Cleanup(transport.CloseIdleConnections)
	return &caller{s.m.t, &http.Client{Transport: transport, Timeout: 15 * time.Second, CheckRedirect: noRedirect}}
}

func (s *sidecar) dialPort(port int) func(context.Context, string, string) (net.Conn, error) {
	address := s.addresses[fmt.Sprintf("bind/%d", port)]
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
}

// storefront is a mesh with a gateway front on port 80, and services cart.shop.local and stock.shop.local, each of a
// node of its own on port 8080.
const storefront = `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: cart
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: cart}}
---
kind: VirtualNode
virtualNodeName: stock
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: stock}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: cart}}}
---
kind: VirtualService
virtualServiceName: stock.shop.local
spec: {provider: {virtualNode: {virtualNodeName: stock}}}
---
kind: VirtualGateway
virtualGatewayName: front
spec: {listeners: [{portMapping: {port: 80, protocol: http}}]}
`

// gatewayRoute is a document for a route of gateway front.
func gatewayRoute(name, match, service, rest string) string {
	return fmt.Sprintf(`---
kind: GatewayRoute
virtualGatewayName: front
gatewayRouteName: %s
spec: {httpRoute: {match: {%s}, action: {target: {virtualService: {virtualServiceName: %s}}%s}}}
`, name, match, service, rest)
}

func startFront(t *testing.T, documents string) (*mesh, *caller) {
	t.Helper()
	m := start(t, documents)
	m.sidecar("virtualNode/cart", at("application/8080", echo(t, "cart")))
	m.sidecar("virtualNode/stock", at("application/8080", echo(t, "stock")))
	front := m.sidecar("virtualGateway/front")
	m.ready()
	return m, front.customers(80)
}

// What becomes of path and host on the way through a gateway.
func TestGatewayRewrites(t *testing.T) {
	rewrites := []struct {
		match, rewrite string
		paths          map[string]string // as customers ask -> as the service sees
		host           string            // as the service sees; "": its own name
	}{
		{"prefix: /cart", "", map[string]string{"/cart/7": "/7", "/cart": "/", "/cart/": "/", "/cart?q=1": "/?q=1", "/cart/a/b?q=1": "/a/b?q=1"}, ""},
		{"prefix: /cart/", "", map[string]string{"/cart/7": "/7", "/cart/": "/"}, ""},
		{"prefix: /", "", map[string]string{"/cart/7": "/cart/7", "/": "/"}, ""},
		{"prefix: /cart", "prefix: {defaultPrefix: ENABLED}", map[string]string{"/cart/7": "/7"}, ""},
		{"prefix: /cart", "prefix: {defaultPrefix: DISABLED}", map[string]string{"/cart/7": "/cart/7", "/cart": "/cart"}, ""},
		{"prefix: /cart", "prefix: {value: /basket/}", map[string]string{"/cart/7": "/basket/7", "/cart/": "/basket/"}, ""},
		{"path: {exact: /cart}", "", map[string]string{"/cart": "/cart", "/cart?q=1": "/cart?q=1"}, ""},
		{"path: {exact: /cart}", "path: {exact: /basket}", map[string]string{"/cart": "/basket", "/cart?q=1": "/basket?q=1"}, ""},
		{"path: {regex: '/cart/[0-9]+'}", "", map[string]string{"/cart/77": "/cart/77"}, ""},
		{"path: {regex: '/cart/[0-9]+'}", "path: {exact: /basket}", map[string]string{"/cart/77": "/basket", "/cart/77?q=1": "/basket?q=1"}, ""},
		{"prefix: /cart", "hostname: {defaultTargetHostname: ENABLED}", map[string]string{"/cart/7": "/7"}, ""},
		{"prefix: /cart", "hostname: {defaultTargetHostname: DISABLED}", map[string]string{"/cart/7": "/7"}, "shop.example.com"},
		{"prefix: /cart", "hostname: {defaultTargetHostname: DISABLED}, prefix: {defaultPrefix: DISABLED}", map[string]string{"/cart/7": "/cart/7"}, "shop.example.com"},
	}
	m, c := startFront(t, storefront)
	for _, one := range rewrites {
		rewrite := ""
		if one.rewrite != "" {
			rewrite = ", rewrite: {" + one.rewrite + "}"
		}
		m.apply(gatewayRoute("it", one.match, "cart.shop.local", rewrite))
		for path, want := range one.paths {
			host := one.host
			if host == "" {
				host = "cart.shop.local"
			}
			got := c.reaches("cart", http.MethodGet, "http://shop.example.com"+path)
			if got.Path != want || got.Host != host {
				t.Errorf("%s with rewrite {%s}: %s arrived as %s at host %s, want %s at %s", one.match, one.rewrite, path, got.Path, got.Host, want, host)
			}
			if steered := got.seen.Header.Get("x-app-mesh-virtual-service"); (steered != "") != (one.host != "") {
				t.Errorf("%s with rewrite {%s}: the service sees x-app-mesh-virtual-service: %q", one.match, one.rewrite, steered)
			}
			if got.Header.Get("x-app-mesh-virtual-service") != "" {
				t.Errorf("customers see x-app-mesh-virtual-service: %v", got.Header)
			}
		}
	}
}

// A gateway's routes match as those of routers do, and by host.
func TestGatewayMatches(t *testing.T) {
	m, c := startFront(t, storefront+gatewayRoute("rest", "prefix: /", "cart.shop.local", ""))
	for _, one := range []struct {
		match      string
		hits, miss []request
	}{
		{"hostname: {exact: stock.example.com}", []request{get("/", "Host: stock.example.com"), get("/", "Host: stock.example.com:80"), get("/", "Host: Stock.Example.com")},
			[]request{get("/", "Host: example.com"), get("/", "Host: my.stock.example.com"), get("/", "Host: stockXexample.com")}},
		{"hostname: {suffix: .example.com}", []request{get("/", "Host: stock.example.com"), get("/", "Host: a.b.example.com:8080")},
			[]request{get("/", "Host: example.com"), get("/", "Host: stock.example.com.evil")}},
		{"hostname: {exact: stock.example.com}, prefix: /v2", []request{get("/v2/x", "Host: stock.example.com")}, []request{get("/v1", "Host: stock.example.com"), get("/v2")}},
		{"prefix: /, method: DELETE", []request{{http.MethodDelete, "/", nil}}, []request{get("/")}},
		{"prefix: /, headers: [{name: v, match: {exact: 'on'}}]", []request{get("/", "v: on")}, []request{get("/", "v: off"), get("/")}},
		{"prefix: /, queryParameters: [{name: q, match: {exact: '1'}}]", []request{get("/?q=1")}, []request{get("/?q=2"), get("/")}},
		{"path: {regex: '/[a-z]+'}", []request{get("/stock")}, []request{get("/stock7"), get("/")}},
		{"prefix: /stock", []request{get("/stock/7")}, []request{get("/stoc")}},
		{"port: 80, headers: [{name: v}]", []request{get("/any", "v: 1")}, []request{get("/any")}},
	} {
		m.apply(gatewayPriority("it", one.match))
		for _, r := range one.hits {
			c.reaches("stock", r.method, "http://shop.example.com"+r.path, r.headers...)
		}
		for _, r := range one.miss {
			c.reaches("cart", r.method, "http://shop.example.com"+r.path, r.headers...)
		}
	}
	m.Delete("virtualGateway/front/gatewayRoute/rest")
	m.ready()
	c.reaches("404", http.MethodGet, "http://shop.example.com/nowhere")
}

// gatewayPriority is a gateway route to stock that comes first.
func gatewayPriority(name, match string) string {
	return strings.Replace(gatewayRoute(name, match, "stock.shop.local", ""), "spec: {httpRoute", "spec: {priority: 1, httpRoute", 1)
}

// A gateway with several listeners keeps their routes apart, and reaches a service on the port that a route names.
func TestGatewayPorts(t *testing.T) {
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
kind: VirtualGateway
virtualGatewayName: front
spec: {listeners: [{portMapping: {port: 80, protocol: http}}, {portMapping: {port: 81, protocol: http}}]}
---
kind: GatewayRoute
virtualGatewayName: front
gatewayRouteName: customers
spec: {httpRoute: {match: {port: 80, prefix: /}, action: {target: {port: 8080, virtualService: {virtualServiceName: cart.shop.local}}}}}
---
kind: GatewayRoute
virtualGatewayName: front
gatewayRouteName: staff
spec: {httpRoute: {match: {port: 81, prefix: /}, action: {target: {port: 9090, virtualService: {virtualServiceName: cart.shop.local}}}}}
`)
	m.sidecar("virtualNode/cart", at("application/8080", echo(t, "shop")), at("application/9090", echo(t, "office")))
	front := m.sidecar("virtualGateway/front")
	m.ready()
	for _, attempt := range []string{"x-customer: 1", "x-ownmesh-target-port: 9090", "x-ownmesh-target-port: 8080"} {
		got := front.customers(80).reaches("shop", http.MethodGet, "http://shop.example.com/", attempt)
		if header := got.seen.Header.Get("x-ownmesh-target-port"); header != "" {
			t.Errorf("the service sees x-ownmesh-target-port: %s", header)
		}
		front.customers(81).reaches("office", http.MethodGet, "http://shop.example.com/", attempt)
	}
}

// Customers can't choose a service by headers or hosts that mean something to the gateway itself.
func TestGatewayIsNotSteered(t *testing.T) {
	m, c := startFront(t, storefront+
		gatewayRoute("cart", "prefix: /cart", "cart.shop.local", ", rewrite: {hostname: {defaultTargetHostname: DISABLED}}")+
		gatewayRoute("stock", "prefix: /stock", "stock.shop.local", "")+
		gatewayRoute("kept", "prefix: /kept", "stock.shop.local", ", rewrite: {hostname: {defaultTargetHostname: DISABLED}}"))
	c.reaches("stock", http.MethodGet, "http://shop.example.com/stock/1")
	c.reaches("stock", http.MethodGet, "http://shop.example.com/kept/1")
	c.reaches("cart", http.MethodGet, "http://shop.example.com/cart/1")
	c.reaches("cart", http.MethodGet, "http://shop.example.com/cart/1", "x-app-mesh-virtual-service: stock.shop.local")
	c.reaches("cart", http.MethodGet, "http://shop.example.com/cart/1", "Host: stock.shop.local")
	c.reaches("stock", http.MethodGet, "http://shop.example.com/stock/1", "x-app-mesh-virtual-service: cart.shop.local")
	c.reaches("404", http.MethodGet, "http://stock.shop.local/")

	// Nor by what the service that the gateway chose doesn't take.
	m.apply(`
kind: VirtualRouter
virtualRouterName: cart
spec: {listeners: [{portMapping: {port: 8080, protocol: http}}]}
---
kind: Route
virtualRouterName: cart
routeName: some
spec: {httpRoute: {match: {prefix: /some}, action: {weightedTargets: [{virtualNode: cart, weight: 1}]}}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualRouter: {virtualRouterName: cart}}}
`)
	c.reaches("cart", http.MethodGet, "http://shop.example.com/cart/some", "Host: stock.shop.local")
	c.reaches("404", http.MethodGet, "http://shop.example.com/cart/other", "Host: stock.shop.local")
}

// A gateway route that comes to mean another service costs no request, though a gateway has two passes that learn of
// it one after the other: new services are known before they are asked for, and old ones while requests are under way.
func TestGatewayTargetUnderLoad(t *testing.T) {
	m := start(t, storefront+gatewayRoute("all", "prefix: /", "cart.shop.local", ""))
	m.sidecar("virtualNode/cart", at("application/8080", echo(t, "cart")))
	m.sidecar("virtualNode/stock", at("application/8080", echo(t, "stock")))
	front := m.sidecar("virtualGateway/front")
	m.ready()
	l := under(t, func() *caller { return front.customers(80) }, "http://shop.example.com/", 6)
	for n := range 40 {
		target := []string{"stock", "cart"}[n%2]
		m.apply(gatewayRoute("all", "prefix: /", target+".shop.local", ""))
		machine.Eventually(t, "all requests to arrive at "+target, func() string {
			if counts := l.more(30); counts[target] == 0 || len(counts) > 1 {
				return fmt.Sprintf("they arrive %v", counts)
			}
			return ""
		})
	}
	l.unharmed()
}
