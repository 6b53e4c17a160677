package envoy

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// several is a mesh in which ui calls services of all protocols, and two of HTTP on one port.
const several = `
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
  listeners: [{portMapping: {port: 8080, protocol: http2}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: stock}}
---
kind: VirtualNode
virtualNodeName: prices
spec:
  listeners: [{portMapping: {port: 9090, protocol: grpc}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: prices}}
---
kind: VirtualNode
virtualNodeName: db
spec:
  listeners: [{portMapping: {port: 3306, protocol: tcp}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: db}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: cart}}}
---
kind: VirtualService
virtualServiceName: stock.shop.local
spec: {provider: {virtualNode: {virtualNodeName: stock}}}
---
kind: VirtualService
virtualServiceName: prices.shop.local
spec: {provider: {virtualNode: {virtualNodeName: prices}}}
---
kind: VirtualService
virtualServiceName: db.shop.local
spec: {provider: {virtualNode: {virtualNodeName: db}}}
---
kind: VirtualNode
virtualNodeName: ui
spec:
  backends:
    - {virtualService: {virtualServiceName: cart.shop.local}}
    - {virtualService: {virtualServiceName: stock.shop.local}}
    - {virtualService: {virtualServiceName: prices.shop.local}}
    - {virtualService: {virtualServiceName: db.shop.local}}
`

// Each backend has a local address that means it, whatever the protocol and whatever Host a client sends.
func TestExplicitAddresses(t *testing.T) {
	m, ui := startSeveral(t)
	for service, app := range map[string]string{"cart.shop.local:8080": "cart", "stock.shop.local:8080": "stock"} {
		c := ui.calls()
		c.reaches(app, http.MethodGet, "http://"+service+"/")
		c.reaches(app, http.MethodGet, "http://"+service+"/", "Host: localhost:1234")
		c.reaches(app, http.MethodGet, "http://"+service+"/", "Host: cart.shop.local") // also another backend's name
		c.reaches(app, http.MethodGet, "http://"+service+"/", "Host: nowhere.example.com")
	}
	ui.callsGRPC("prices.shop.local:9090").reaches("prices", "/shop.Prices/Get")
	if got := ui.connect("db.shop.local:3306").line(); got != "welcome to db\n" {
		t.Errorf("db says %q", got)
	}
	// What is meant for the node goes to its own address, past nobody else's.
	got := (&caller{t, &http.Client{Timeout: 10 * time.Second}}).get("http://" + m.sidecars[0].addresses["bind/8080"] + "/direct")
	if got.App != "cart" || got.Path != "/direct" {
		t.Errorf("cart's own address answers %+v", got)
	}
}

// Clients that take an HTTP proxy reach every HTTP backend by name, with or without its port.
func TestExplicitProxy(t *testing.T) {
	m, ui := startSeveral(t)
	proxy := &url.URL{Scheme: "http", Host: ui.addresses["proxy"]}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	t.Cleanup(transport.CloseIdleConnections)
	c := &caller{t, &http.Client{Transport: transport, Timeout: 10 * time.Second}}
	got := c.reaches("cart", http.MethodGet, "http://cart.shop.local:8080/items/7?q=1")
	if got.Path != "/items/7?q=1" || got.Host != "cart.shop.local:8080" {
		t.Errorf("cart saw %+v", got.seen)
	}
	c.reaches("cart", http.MethodGet, "http://cart.shop.local/")
	c.reaches("cart", http.MethodGet, "http://CART.shop.local/")
	c.reaches("stock", http.MethodGet, "http://stock.shop.local:8080/")
	c.reaches("stock", http.MethodGet, "http://stock.shop.local/")
	c.reaches("404", http.MethodGet, "http://cart.shop.local:81/")
	c.reaches("404", http.MethodGet, "http://db.shop.local:3306/")
	c.reaches("404", http.MethodGet, "http://example.com/")

	// Under DROP_ALL it is a proxy to AWS's own services alone, by tunnels to their port 443: this one finds the way barred
	// by nothing but the lack of a network.
	elsewhere := echo(t, "elsewhere")
	c.reaches("404", http.MethodGet, "http://"+elsewhere+"/")
	for host, barred := range map[string]bool{
		elsewhere: true, "s3.invalid.amazonaws.com:443": false, "s3.invalid.amazonaws.com:80": true, "amazonaws.com.invalid:443": true,
	} {
		if _, got := ui.tunnel(t, host); (got == http.StatusNotFound) != barred {
			t.Errorf("a tunnel to %s is answered %d, barred should be %v", host, got, barred)
		}
	}

	// Under ALLOW_ALL it is one to everywhere.
	m.apply("kind: Mesh\nmeshName: shop\nspec: {egressFilter: {type: ALLOW_ALL}}")
	c.reaches("elsewhere", http.MethodGet, "http://"+elsewhere+"/")
	c.reaches("cart", http.MethodGet, "http://cart.shop.local/")
	through, status := ui.tunnel(t, elsewhere)
	if status != http.StatusOK {
		t.Fatalf("a tunnel is answered %d", status)
	}
	through.send("GET /through HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n")
	if line := through.line(); line != "HTTP/1.1 200 OK\r\n" {
		t.Errorf("through the tunnel: %q", line)
	}
}

// tunnel asks the HTTP proxy for a tunnel, as clients do for HTTPS.
func (s *sidecar) tunnel(t *testing.T, to string) (*connection, int) {
	t.Helper()
	raw, err := net.Dial("tcp", s.addresses["proxy"])
	if err != nil {
		t.Fatal(err)
	}
	c := newConnection(t, raw)
	c.send(fmt.Sprintf("CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", to))
	res, err := http.ReadResponse(c.r, &http.Request{Method: http.MethodConnect})
	if err != nil {
		t.Fatal(err)
	}
	return c, res.StatusCode
}

// A backend more needs an address from the bootstrap, which the status says; the proxy listener knows it at once.
func TestExplicitNewBackend(t *testing.T) {
	m := start(t, shop("http")+route("all", "httpRoute: {match: {prefix: /}, "+to("a")+"}"))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", echo(t, "b")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	m.Apply(`
kind: VirtualService
virtualServiceName: b.shop.local
spec: {provider: {virtualNode: {virtualNodeName: b}}}
---
kind: VirtualNode
virtualNodeName: ui
spec: {backends: [{virtualService: {virtualServiceName: cart.shop.local}}, {virtualService: {virtualServiceName: b.shop.local}}]}
`)
	m.settled(ui)
	if p, _ := m.Proxy(ui.resource, ui.name); len(p.Unmapped) != 1 || p.Unmapped[0] != "service/b.shop.local:8080" {
		t.Errorf("without an address for its new backend, the proxy's status is %+v", p)
	}
	m.endpointsKnown()
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: ui.addresses["proxy"]})}
	t.Cleanup(transport.CloseIdleConnections)
	c := &caller{t, &http.Client{Transport: transport, Timeout: 10 * time.Second}}
	c.reaches("b", http.MethodGet, "http://b.shop.local:8080/")
	ui.calls().reaches("a", http.MethodGet, cart+"/")
}

func startSeveral(t *testing.T) (*mesh, *sidecar) {
	t.Helper()
	m := start(t, several)
	m.sidecar("virtualNode/cart", at("application/8080", echo(t, "cart")))
	m.sidecar("virtualNode/stock", at("application/8080", echo(t, "stock")))
	m.sidecar("virtualNode/prices", at("application/9090", grpcEcho(t, "prices")))
	m.sidecar("virtualNode/db", at("application/3306", greeter(t, "db")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	return m, ui
}
