package envoy

import "testing"

// overlap is two routes that both match a request, and the first must take it. They are what there is of a route's spec
// up to its action.
type overlap struct{ rule, first, second, path string }

// The names of the routes would have them the other way round: only where nothing else decides, they do.
func both(document func(name, spec string) string, o overlap) string {
	return document("z-first", o.first+to("b")+"}") + document("a-second", o.second+to("a")+"}")
}

// The first route that matches wins: by priority, then those without, the more particular one first.
func TestOrder(t *testing.T) {
	m := start(t, shop("http"))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", echo(t, "b")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.calls()
	for _, one := range []overlap{
		{"a lower priority", "priority: 1, httpRoute: {match: {prefix: /}, ", "priority: 2, httpRoute: {match: {path: {exact: /items}}, ", "/items"},
		{"priority 0 is one", "priority: 0, httpRoute: {match: {prefix: /}, ", "priority: 1, httpRoute: {match: {prefix: /}, ", "/items"},
		{"a priority before none", "priority: 1000, httpRoute: {match: {prefix: /}, ", "httpRoute: {match: {path: {exact: /items}}, ", "/items"},
		{"an exact path before a prefix", "httpRoute: {match: {path: {exact: /items}}, ", "httpRoute: {match: {prefix: /items}, ", "/items"},
		{"an exact path before a longer regex", "httpRoute: {match: {path: {exact: /items}}, ", "httpRoute: {match: {path: {regex: '/it[a-z]{1,9}'}}, ", "/items"},
		{"a longer prefix", "httpRoute: {match: {prefix: /items/}, ", "httpRoute: {match: {prefix: /items}, ", "/items/7"},
		{"a longer prefix before more matchers", "httpRoute: {match: {prefix: /items/}, ", "httpRoute: {match: {prefix: /items, method: GET}, ", "/items/7"},
		{"a prefix before a regex", "httpRoute: {match: {prefix: /}, ", "httpRoute: {match: {path: {regex: '/items.*'}}, ", "/items"},
		{"a longer regex", "httpRoute: {match: {path: {regex: '/items.*'}}, ", "httpRoute: {match: {path: {regex: '/it.*'}}, ", "/items"},
		{"a regex before any path", "httpRoute: {match: {path: {regex: '/.*'}}, ", "httpRoute: {match: {port: 8080}, ", "/items"},
		{"a method", "httpRoute: {match: {prefix: /items, method: GET}, ", "httpRoute: {match: {prefix: /items}, ", "/items"},
		{"a scheme", "httpRoute: {match: {prefix: /items, scheme: http}, ", "httpRoute: {match: {prefix: /items}, ", "/items"},
		{"a port", "httpRoute: {match: {prefix: /items, port: 8080}, ", "httpRoute: {match: {prefix: /items}, ", "/items"},
		{"a header", "httpRoute: {match: {prefix: /items, headers: [{name: accept-encoding}]}, ", "httpRoute: {match: {prefix: /items}, ", "/items"},
		{"a query parameter", "httpRoute: {match: {prefix: /items, queryParameters: [{name: q}]}, ", "httpRoute: {match: {prefix: /items}, ", "/items?q=1"},
		{"two headers before a method", "httpRoute: {match: {prefix: /, headers: [{name: accept-encoding}, {name: no, invert: true}]}, ",
			"httpRoute: {match: {prefix: /, method: GET}, ", "/items"},
		{"an exact path in one priority", "priority: 5, httpRoute: {match: {path: {exact: /items}}, ", "priority: 5, httpRoute: {match: {prefix: /}, ", "/items"},
	} {
		m.apply(both(route, one))
		if got := c.get(cart + one.path); got.App != "b" {
			t.Errorf("%s doesn't come first: %+v", one.rule, got)
		}
	}
	// All else being equal, names decide.
	m.apply(both(route, overlap{first: "httpRoute: {match: {prefix: /}, ", second: "httpRoute: {match: {prefix: /}, "}))
	c.reaches("a", "GET", cart+"/")
}

// The same holds for gRPC: a service's method, a service, anything.
func TestGRPCOrder(t *testing.T) {
	m := start(t, shop("grpc"))
	m.sidecar("virtualNode/a", at("application/8080", grpcEcho(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", grpcEcho(t, "b")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.callsGRPC("cart.shop.local:8080")
	for _, one := range []overlap{
		{"a lower priority", "priority: 1, grpcRoute: {match: {}, ", "priority: 2, grpcRoute: {match: {serviceName: shop.Cart}, ", ""},
		{"a priority before none", "priority: 1000, grpcRoute: {match: {}, ", "grpcRoute: {match: {serviceName: shop.Cart, methodName: Add}, ", ""},
		{"a method before its service", "grpcRoute: {match: {serviceName: shop.Cart, methodName: Add}, ", "grpcRoute: {match: {serviceName: shop.Cart, metadata: [{name: v}]}, ", ""},
		{"a service before anything", "grpcRoute: {match: {serviceName: shop.Cart}, ", "grpcRoute: {match: {metadata: [{name: v}]}, ", ""},
		{"metadata", "grpcRoute: {match: {serviceName: shop.Cart, metadata: [{name: v}]}, ", "grpcRoute: {match: {serviceName: shop.Cart}, ", ""},
		{"a port", "grpcRoute: {match: {port: 8080}, ", "grpcRoute: {match: {}, ", ""},
	} {
		m.apply(both(route, one))
		if got := c.call("/shop.Cart/Add", "v: 1"); got != "b" {
			t.Errorf("%s doesn't come first: %s", one.rule, got)
		}
	}
	m.apply(both(route, overlap{first: "grpcRoute: {match: {}, ", second: "grpcRoute: {match: {}, "}))
	c.reaches("a", "/shop.Cart/Add")
}

// And for a gateway's routes, where a hostname is one matcher more.
func TestGatewayOrder(t *testing.T) {
	m, c := startFront(t, storefront)
	target := func(service string) string {
		return "action: {target: {virtualService: {virtualServiceName: " + service + "}}}}"
	}
	document := func(name, spec string) string {
		return "---\nkind: GatewayRoute\nvirtualGatewayName: front\ngatewayRouteName: " + name + "\nspec: {" + spec + "}\n"
	}
	overlapping := func(o overlap) string {
		return document("z-first", o.first+target("stock.shop.local")) + document("a-second", o.second+target("cart.shop.local"))
	}
	for _, one := range []overlap{
		{"a lower priority", "priority: 1, httpRoute: {match: {prefix: /}, ", "priority: 2, httpRoute: {match: {path: {exact: /items}}, ", "/items"},
		{"a priority before none", "priority: 1000, httpRoute: {match: {prefix: /}, ", "httpRoute: {match: {path: {exact: /items}}, ", "/items"},
		{"an exact path before a prefix", "httpRoute: {match: {path: {exact: /items}}, ", "httpRoute: {match: {prefix: /items}, ", "/items"},
		{"a longer prefix", "httpRoute: {match: {prefix: /items/}, ", "httpRoute: {match: {prefix: /items}, ", "/items/7"},
		{"a prefix before a regex", "httpRoute: {match: {prefix: /}, ", "httpRoute: {match: {path: {regex: '/items.*'}}, ", "/items"},
		{"a regex before any path", "httpRoute: {match: {path: {regex: '/.*'}}, ", "httpRoute: {match: {port: 80}, ", "/items"},
		{"a hostname", "httpRoute: {match: {prefix: /, hostname: {suffix: .example.com}}, ", "httpRoute: {match: {prefix: /}, ", "/items"},
		{"a longer prefix before a hostname", "httpRoute: {match: {prefix: /items}, ", "httpRoute: {match: {prefix: /, hostname: {exact: shop.example.com}}, ", "/items"},
		{"a hostname and a method before a hostname", "httpRoute: {match: {prefix: /, method: GET, hostname: {suffix: .com}}, ",
			"httpRoute: {match: {prefix: /, hostname: {exact: shop.example.com}}, ", "/items"},
	} {
		m.apply(overlapping(one))
		if got := c.get("http://shop.example.com" + one.path); got.App != "stock" {
			t.Errorf("%s doesn't come first: %+v", one.rule, got)
		}
	}
	m.apply(overlapping(overlap{first: "httpRoute: {match: {prefix: /}, ", second: "httpRoute: {match: {prefix: /}, "}))
	c.reaches("cart", "GET", "http://shop.example.com/")
}
