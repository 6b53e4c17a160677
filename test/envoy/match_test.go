package envoy

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// request is what a caller sends: method, path, and headers "name: value".
type request struct {
	method, path string
	headers      []string
}

func get(path string, headers ...string) request { return request{http.MethodGet, path, headers} }

// matches has what a route's match must take, and what it must leave to others.
var matches = []struct {
	match      string
	hits, miss []request
}{
	{"prefix: /", []request{get("/"), get("/a/b?c=d")}, nil},
	{"prefix: /items", []request{get("/items"), get("/items/7"), get("/itemset"), get("//items")}, []request{get("/item"), get("/Items"), get("/x/items")}},
	{"prefix: /items/", []request{get("/items/"), get("/items/7")}, []request{get("/items")}},
	{"path: {exact: /items}", []request{get("/items"), get("/items?full=yes"), get("/./items")}, []request{get("/items/"), get("/items/7")}},
	{"path: {regex: '/items/[0-9]+'}", []request{get("/items/7"), get("/items/77?x=y")}, []request{get("/items/7a"), get("/items/"), get("/x/items/7")}},
	{"prefix: /, method: DELETE", []request{{http.MethodDelete, "/", nil}}, []request{get("/"), {http.MethodPost, "/", nil}}},
	{"prefix: /, scheme: http", []request{get("/")}, nil},
	{"prefix: /, scheme: https", nil, []request{get("/")}},
	{"prefix: /, headers: [{name: v}]", []request{get("/", "v: 1"), get("/", "V: ")}, []request{get("/")}},
	{"prefix: /, headers: [{name: v, invert: true}]", []request{get("/")}, []request{get("/", "v: 1")}},
	{"prefix: /, headers: [{name: v, match: {exact: 'on'}}]", []request{get("/", "v: on")}, []request{get("/"), get("/", "v: On"), get("/", "v: on2")}},
	{"prefix: /, headers: [{name: v, match: {prefix: 'on'}}]", []request{get("/", "v: on"), get("/", "v: on2")}, []request{get("/"), get("/", "v: no")}},
	{"prefix: /, headers: [{name: v, match: {suffix: 'on'}}]", []request{get("/", "v: on"), get("/", "v: upon")}, []request{get("/"), get("/", "v: one")}},
	{"prefix: /, headers: [{name: v, match: {regex: 'o[n-p]'}}]", []request{get("/", "v: on"), get("/", "v: oo")}, []request{get("/"), get("/", "v: only"), get("/", "v: moon")}},
	{"prefix: /, headers: [{name: v, match: {range: {start: -1, end: 10}}}]", []request{get("/", "v: -1"), get("/", "v: 9")}, []request{get("/"), get("/", "v: 10"), get("/", "v: 1.5"), get("/", "v: many")}},
	// An inverted matcher wants a header that is there and is not like that.
	{"prefix: /, headers: [{name: v, invert: true, match: {exact: 'on'}}]", []request{get("/", "v: off")}, []request{get("/", "v: on"), get("/")}},
	{"prefix: /, headers: [{name: v, invert: true, match: {prefix: 'o'}}]", []request{get("/", "v: no")}, []request{get("/", "v: on")}},
	{"prefix: /, headers: [{name: v, invert: true, match: {suffix: 'n'}}]", []request{get("/", "v: no")}, []request{get("/", "v: on")}},
	{"prefix: /, headers: [{name: v, invert: true, match: {regex: 'o[n-p]'}}]", []request{get("/", "v: only")}, []request{get("/", "v: on")}},
	{"prefix: /, headers: [{name: v, invert: true, match: {range: {start: 1, end: 3}}}]", []request{get("/", "v: 3"), get("/", "v: 0"), get("/", "v: many")}, []request{get("/", "v: 1"), get("/", "v: 2")}},
	// Of a header that a request has twice, one that matches is enough.
	{"prefix: /, headers: [{name: v, match: {exact: 'on'}}]", []request{get("/", "v: on", "v: off"), get("/", "v: off", "v: on")}, []request{get("/", "v: off", "v: no")}},
	{"prefix: /, headers: [{name: v, invert: true, match: {exact: 'on'}}]", []request{get("/", "v: no", "v: off")}, []request{get("/", "v: off", "v: on")}},
	{"prefix: /, headers: [{name: v, match: {prefix: 'a'}}, {name: v, invert: true, match: {exact: 'ab'}}, {name: v, invert: true, match: {suffix: 'z'}}]",
		[]request{get("/", "v: a"), get("/", "v: abc")}, []request{get("/", "v: ab"), get("/", "v: az"), get("/", "v: b"), get("/")}},
	{"prefix: /, headers: [{name: v, match: {prefix: 'o'}}, {name: v, match: {suffix: 'n'}}, {name: w}]", []request{get("/", "v: on", "w: 1")}, []request{get("/", "v: on"), get("/", "v: off", "w: 1")}},
	{"prefix: /, queryParameters: [{name: q}]", []request{get("/?q=1"), get("/?q="), get("/?p=2&q=1")}, []request{get("/"), get("/?qq=1")}},
	{"prefix: /, queryParameters: [{name: q, match: {exact: 'on'}}]", []request{get("/?q=on")}, []request{get("/"), get("/?q=off"), get("/?p=on")}},
	{"prefix: /, queryParameters: [{name: q, match: {exact: ''}}]", []request{get("/?q="), get("/?q")}, []request{get("/"), get("/?q=1")}},
	{"prefix: /, queryParameters: [{name: q}, {name: p, match: {exact: '1'}}]", []request{get("/?p=1&q=x")}, []request{get("/?q=x"), get("/?p=1")}},
	// Nothing in a query is decoded.
	{"prefix: /, queryParameters: [{name: 'a%20b', match: {exact: 'c%26d'}}]", []request{get("/?a%20b=c%26d")}, []request{get("/?a%20b=c"), get("/?a+b=c%26d")}},
	// Pseudo headers are headers too, and Host is the authority.
	{"headers: [{name: ':path', match: {regex: '/items[?].*'}}]", []request{get("/items?q=1")}, []request{get("/items"), get("/")}},
	{"headers: [{name: ':method', invert: true, match: {exact: GET}}]", []request{{http.MethodPut, "/", nil}}, []request{get("/")}},
	{"headers: [{name: ':authority', match: {prefix: other}}]", []request{get("/", "Host: other.example.com")}, []request{get("/")}},
	{"headers: [{name: Host, match: {prefix: other}}]", []request{get("/", "Host: other.example.com")}, []request{get("/")}},
	// What a path or a value has beyond ASCII is compared as it comes.
	{"path: {exact: '/%C3%A4/a%2Fb'}", []request{get("/%C3%A4/a%2Fb")}, []request{get("/%C3%A4/a/b"), get("/a")}},
	{"headers: [{name: v, match: {exact: 'schön'}}]", []request{get("/", "v: schön")}, []request{get("/", "v: schon")}},
	{"port: 8080", []request{get("/any")}, nil},
	{"port: 8080, headers: [{name: v}]", []request{get("/any", "v: 1")}, []request{get("/any")}},
	{"prefix: /items, method: GET, headers: [{name: v}], queryParameters: [{name: q}]", []request{get("/items?q=1", "v: 1")},
		[]request{get("/items?q=1"), get("/items", "v: 1"), get("/x?q=1", "v: 1"), {http.MethodPut, "/items?q=1", []string{"v: 1"}}}},
}

// Each matcher, alone and with others, takes what it must to b, and leaves the rest to a; in http routes and in http2
// ones. There is a service for each.
func TestMatch(t *testing.T) {
	t.Run("http", func(t *testing.T) { allMatch(t, "http", (*sidecar).calls) })
	t.Run("http2", func(t *testing.T) { allMatch(t, "http2", (*sidecar).callsHTTP2) })
}

func allMatch(t *testing.T, protocol string, calls func(*sidecar) *caller) {
	var docs strings.Builder
	docs.WriteString(shop(protocol))
	var backends []string
	for n, c := range matches {
		service := fmt.Sprintf("case-%d.shop.local", n)
		backends = append(backends, "{virtualService: {virtualServiceName: "+service+"}}")
		fmt.Fprintf(&docs, `---
kind: VirtualRouter
virtualRouterName: case-%[1]d
spec: {listeners: [{portMapping: {port: 8080, protocol: %[6]s}}]}
---
kind: Route
virtualRouterName: case-%[1]d
routeName: it
spec: {priority: 0, %[6]sRoute: {match: {%[2]s}, %[3]s}}
---
kind: Route
virtualRouterName: case-%[1]d
routeName: rest
spec: {priority: 1000, %[6]sRoute: {match: {prefix: /}, %[4]s}}
---
kind: VirtualService
virtualServiceName: %[5]s
spec: {provider: {virtualRouter: {virtualRouterName: case-%[1]d}}}
`, n, c.match, to("b"), to("a"), service, protocol)
	}
	fmt.Fprintf(&docs, "---\nkind: VirtualNode\nvirtualNodeName: caller\nspec: {backends: [%s]}\n", strings.Join(backends, ","))
	m := start(t, docs.String())
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", echo(t, "b")))
	caller := m.sidecar("virtualNode/caller")
	m.ready()
	c := calls(caller)
	for n, one := range matches {
		t.Run(one.match, func(t *testing.T) {
			c := *c
			c.t = t
			c.takes("b", "a", fmt.Sprintf("http://case-%d.shop.local:8080", n), one.hits, one.miss)
		})
	}
}

// takes checks which application hits reach, and which misses do.
func (c *caller) takes(hit, miss, url string, hits, misses []request) {
	c.t.Helper()
	for app, requests := range map[string][]request{hit: hits, miss: misses} {
		for _, r := range requests {
			c.reaches(app, r.method, url+r.path, r.headers...)
		}
	}
}

// The scheme is what the caller says, which in HTTP/2 and gRPC is in each request, encrypted or not.
func TestMatchScheme(t *testing.T) {
	m := start(t, shop("http2")+route("rest", "http2Route: {match: {prefix: /}, "+to("a")+"}")+
		route("https", "priority: 1, http2Route: {match: {prefix: /, scheme: https}, "+to("b")+"}"))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", echo(t, "b")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	transport := &http2.Transport{AllowHTTP: true, DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
		return ui.dial(ctx, network, address) // the sidecar takes plain text
	}}
	t.Cleanup(transport.CloseIdleConnections)
	c := &caller{t, &http.Client{Transport: transport, Timeout: 15 * time.Second}}
	c.reaches("a", http.MethodGet, "http://cart.shop.local:8080/")
	c.reaches("b", http.MethodGet, "https://cart.shop.local:8080/")
}
