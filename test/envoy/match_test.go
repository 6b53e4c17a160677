package envoy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
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
	{"prefix: /, headers: [{name: v, invert: true, match: {exact: 'on'}}]", []request{get("/", "v: off")}, []request{get("/", "v: on")}},
	{"prefix: /, headers: [{name: v, match: {prefix: 'o'}}, {name: v, match: {suffix: 'n'}}, {name: w}]", []request{get("/", "v: on", "w: 1")}, []request{get("/", "v: on"), get("/", "v: off", "w: 1")}},
	{"prefix: /, queryParameters: [{name: q}]", []request{get("/?q=1"), get("/?q="), get("/?p=2&q=1")}, []request{get("/"), get("/?qq=1")}},
	{"prefix: /, queryParameters: [{name: q, match: {exact: 'on'}}]", []request{get("/?q=on")}, []request{get("/"), get("/?q=off"), get("/?p=on")}},
	{"prefix: /, queryParameters: [{name: q}, {name: p, match: {exact: '1'}}]", []request{get("/?p=1&q=x")}, []request{get("/?q=x"), get("/?p=1")}},
	{"port: 8080", []request{get("/any")}, nil},
	{"port: 8080, headers: [{name: v}]", []request{get("/any", "v: 1")}, []request{get("/any")}},
	{"prefix: /items, method: GET, headers: [{name: v}], queryParameters: [{name: q}]", []request{get("/items?q=1", "v: 1")},
		[]request{get("/items?q=1"), get("/items", "v: 1"), get("/x?q=1", "v: 1"), {http.MethodPut, "/items?q=1", []string{"v: 1"}}}},
}

// Each matcher, alone and with others, takes what it must to b, and leaves the rest to a. There is a service for each.
func TestMatch(t *testing.T) {
	var docs strings.Builder
	docs.WriteString(shop("http"))
	var backends []string
	for n, c := range matches {
		service := fmt.Sprintf("case-%d.shop.local", n)
		backends = append(backends, "{virtualService: {virtualServiceName: "+service+"}}")
		fmt.Fprintf(&docs, `---
kind: VirtualRouter
virtualRouterName: case-%[1]d
spec: {listeners: [{portMapping: {port: 8080, protocol: http}}]}
---
kind: Route
virtualRouterName: case-%[1]d
routeName: it
spec: {priority: 0, httpRoute: {match: {%[2]s}, %[3]s}}
---
kind: Route
virtualRouterName: case-%[1]d
routeName: rest
spec: {priority: 1000, httpRoute: {match: {prefix: /}, %[4]s}}
---
kind: VirtualService
virtualServiceName: %[5]s
spec: {provider: {virtualRouter: {virtualRouterName: case-%[1]d}}}
`, n, c.match, to("b"), to("a"), service)
	}
	fmt.Fprintf(&docs, "---\nkind: VirtualNode\nvirtualNodeName: caller\nspec: {backends: [%s]}\n", strings.Join(backends, ","))
	m := start(t, docs.String())
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", echo(t, "b")))
	caller := m.sidecar("virtualNode/caller")
	m.ready()
	c := caller.calls()
	for n, one := range matches {
		t.Run(one.match, func(t *testing.T) {
			c := *c
			c.t = t
			url := fmt.Sprintf("http://case-%d.shop.local:8080", n)
			for _, r := range one.hits {
				c.reaches("b", r.method, url+r.path, r.headers...)
			}
			for _, r := range one.miss {
				c.reaches("a", r.method, url+r.path, r.headers...)
			}
		})
	}
}

// The first route that matches wins: by priority, then those without, the more particular one first.
func TestOrder(t *testing.T) {
	both := func(first, second string) string { return route("z-first", first) + route("a-second", second) }
	m := start(t, shop("http")+both("httpRoute: {match: {prefix: /}, "+to("b")+"}", "httpRoute: {match: {prefix: /}, "+to("a")+"}"))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", echo(t, "b")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.calls()
	for _, one := range []struct{ name, first, second, path string }{
		{"a lower priority", "priority: 1, httpRoute: {match: {prefix: /}, ", "priority: 2, httpRoute: {match: {path: {exact: /items}}, ", "/items"},
		{"priority 0 is one", "priority: 0, httpRoute: {match: {prefix: /}, ", "priority: 1, httpRoute: {match: {prefix: /}, ", "/items"},
		{"a priority before none", "priority: 1000, httpRoute: {match: {prefix: /}, ", "httpRoute: {match: {path: {exact: /items}}, ", "/items"},
		{"an exact path before a prefix", "httpRoute: {match: {path: {exact: /items}}, ", "httpRoute: {match: {prefix: /items}, ", "/items"},
		{"a longer prefix", "httpRoute: {match: {prefix: /items/}, ", "httpRoute: {match: {prefix: /items}, ", "/items/7"},
		{"a prefix before a regex", "httpRoute: {match: {prefix: /}, ", "httpRoute: {match: {path: {regex: '/items.*'}}, ", "/items"},
		{"a regex before any path", "httpRoute: {match: {path: {regex: '/.*'}}, ", "httpRoute: {match: {port: 8080}, ", "/items"},
		{"more matchers", "httpRoute: {match: {prefix: /items, method: GET}, ", "httpRoute: {match: {prefix: /items}, ", "/items"},
		{"an exact path in one priority", "priority: 5, httpRoute: {match: {path: {exact: /items}}, ", "priority: 5, httpRoute: {match: {prefix: /}, ", "/items"},
	} {
		m.apply(both(one.first+to("b")+"}", one.second+to("a")+"}"))
		if got := c.get(cart + one.path); got.App != "b" {
			t.Errorf("%s doesn't come first: %+v", one.name, got)
		}
	}
	// All else being equal, names decide.
	m.apply(both("httpRoute: {match: {prefix: /}, "+to("b")+"}", "httpRoute: {match: {prefix: /}, "+to("a")+"}"))
	c.reaches("a", http.MethodGet, cart+"/")
}
