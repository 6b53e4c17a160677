package api

import (
	"fmt"
	"strings"
	"testing"
)

func TestReferencesMustExist(t *testing.T) {
	s := newServer(t)
	shop(s)
	provider := func(kind, name string) string {
		return fmt.Sprintf(`{"provider":{"%[1]s":{"%[1]sName":%[2]q}}}`, kind, name)
	}
	route := func(member, match string, targets ...string) string {
		var weighted []string
		for _, target := range targets {
			weighted = append(weighted, fmt.Sprintf(`{"virtualNode":%q,"weight":1}`, target))
		}
		return fmt.Sprintf(`{%q:{%s"action":{"weightedTargets":[%s]}}}`, member, match, strings.Join(weighted, ","))
	}
	gatewayRoute := func(member, match, service string) string {
		return fmt.Sprintf(`{%q:{"match":%s,"action":{"target":{"virtualService":{"virtualServiceName":%q}}}}}`, member, match, service)
	}
	const node, router, service = "VirtualNode with name none is missing", "VirtualRouter with name none is missing", "VirtualService with name none is missing"
	for _, c := range []struct{ collection, item, nameMember, spec, message string }{
		{"virtualServices", "direct.shop.local", "virtualServiceName", provider("virtualNode", "none"), node},
		{"virtualServices", "direct.shop.local", "virtualServiceName", provider("virtualRouter", "none"), router},
		{"virtualRouter/cart-vr/routes", "cart", "routeName", route("httpRoute", `"match":{"prefix":"/"},`, "none"), node},
		{"virtualRouter/cart-vr/routes", "cart", "routeName", route("http2Route", `"match":{"prefix":"/"},`, "cart", "none"), node},
		{"virtualRouter/cart-vr/routes", "cart", "routeName", route("grpcRoute", `"match":{},`, "none", "cart"), node},
		{"virtualRouter/cart-vr/routes", "cart", "routeName", route("tcpRoute", "", "none"), node},
		{"virtualGateway/front/gatewayRoutes", "in", "gatewayRouteName", gatewayRoute("httpRoute", `{"prefix":"/"}`, "none"), service},
		{"virtualGateway/front/gatewayRoutes", "in", "gatewayRouteName", gatewayRoute("http2Route", `{"prefix":"/"}`, "none"), service},
		{"virtualGateway/front/gatewayRoutes", "in", "gatewayRouteName", gatewayRoute("grpcRoute", `{}`, "none"), service},
	} {
		before := s.generation("shop")
		s.put("meshes/shop/"+c.collection, fmt.Sprintf(`{%q:"new","spec":%s}`, c.nameMember, c.spec)).fails(notFound, c.message)
		s.put("meshes/shop/"+c.collection+"/"+c.item, fmt.Sprintf(`{"spec":%s}`, c.spec)).fails(notFound, c.message)
		s.get("meshes/shop/" + c.collection + "/new").failsWith(notFound)
		if after := s.generation("shop"); after != before {
			t.Errorf("%s: generation %d became %d", c.spec, before, after)
		}
	}
}

const routePort = "Route must define a port match criteria if the Virtual Router has multiple listeners"

// routers of one and of two listeners.
const (
	oneListener  = `{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}]}`
	twoListeners = `{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}},{"portMapping":{"port":9090,"protocol":"http"}}]}`
)

func TestRoutesOfSeveralListenersNeedAPort(t *testing.T) {
	s := newServer(t)
	shop(s)
	s.put("meshes/shop/virtualRouters", `{"virtualRouterName":"two","spec":`+twoListeners+`}`).ok()
	const action = `"action":{"weightedTargets":[{"virtualNode":"cart","weight":1}]}`
	for i, c := range []struct{ without, with string }{
		{`{"httpRoute":{"match":{"prefix":"/"},` + action + `}}`, `{"httpRoute":{"match":{"prefix":"/","port":8080},` + action + `}}`},
		{`{"http2Route":{"match":{"prefix":"/"},` + action + `}}`, `{"http2Route":{"match":{"port":8080},` + action + `}}`},
		{`{"grpcRoute":{"match":{},` + action + `}}`, `{"grpcRoute":{"match":{"port":1},` + action + `}}`},
		{`{"tcpRoute":{` + action + `}}`, `{"tcpRoute":{"match":{"port":65535},` + action + `}}`},
		{`{"tcpRoute":{"match":{},` + action + `}}`, `{"tcpRoute":{"match":{"port":9090},` + action + `}}`},
	} {
		name := fmt.Sprintf("r%d", i)
		body := func(spec string) string { return fmt.Sprintf(`{"routeName":%q,"spec":%s}`, name, spec) }
		s.put("meshes/shop/virtualRouter/two/routes", body(c.without)).fails(badRequest, routePort)
		s.put("meshes/shop/virtualRouter/two/routes", body(c.with)).ok()
		s.put("meshes/shop/virtualRouter/two/routes/"+name, `{"spec":`+c.without+`}`).fails(badRequest, routePort)
		s.put("meshes/shop/virtualRouter/cart-vr/routes", body(c.without)).ok() // one listener: as it likes
	}
	// What is missing is told before what doesn't fit.
	s.put("meshes/shop/virtualRouter/two/routes", routeBody("x", "none", 0)).fails(notFound, "VirtualNode with name none is missing")
}

func TestSecondListenerNeedsRoutesWithPorts(t *testing.T) {
	s := newServer(t)
	shop(s)
	text := func(n int, names string) string {
		return fmt.Sprintf("All Routes for this Virtual Router must define a port match before adding multiple listeners to this Virtual Router. "+
			"%d Route(s) are missing port. Listing up to 5 route names: [%s]", n, names)
	}
	router := "meshes/shop/virtualRouters/cart-vr"
	s.put(router, `{"spec":`+twoListeners+`}`).fails(badRequest, text(1, "cart"))
	s.put(router, `{"spec":`+oneListener+`}`).ok()
	s.put("meshes/shop/virtualRouter/cart-vr/routes/cart", `{"spec":`+routeSpec("cart", 8080)+`}`).ok()
	s.put(router, `{"spec":`+twoListeners+`}`).ok()
	s.put(router, `{"spec":`+oneListener+`}`).ok()
	for i := range 7 {
		s.put("meshes/shop/virtualRouter/cart-vr/routes", routeBody(fmt.Sprintf("r%d", i), "cart", 0)).ok()
	}
	s.put(router, `{"spec":`+twoListeners+`}`).fails(badRequest, text(7, "r0, r1, r2, r3, r4"))
}

func TestSecondListenerLooksAtEveryPageOfRoutes(t *testing.T) {
	s := newServer(t)
	shop(s)
	s.put("meshes/shop/virtualRouter/cart-vr/routes/cart", `{"spec":`+routeSpec("cart", 8080)+`}`).ok()
	for i := range defaultPage {
		s.put("meshes/shop/virtualRouter/cart-vr/routes", routeBody(fmt.Sprintf("r%03d", i), "cart", 8080)).ok()
	}
	s.put("meshes/shop/virtualRouter/cart-vr/routes", routeBody("z", "cart", 0)).ok()
	message := s.put("meshes/shop/virtualRouters/cart-vr", `{"spec":`+twoListeners+`}`).failsWith(badRequest)
	if !strings.HasSuffix(message, "1 Route(s) are missing port. Listing up to 5 route names: [z]") {
		t.Error(message)
	}
	s.delete("meshes/shop/virtualRouter/cart-vr/routes/z").ok()
	s.put("meshes/shop/virtualRouters/cart-vr", `{"spec":`+twoListeners+`}`).ok()
}

func TestOddButAccepted(t *testing.T) {
	s := newServer(t)
	shop(s)
	for _, c := range [][2]string{
		{"virtualServices", `{"virtualServiceName":"a","spec":{}}`},
		{"virtualNodes", `{"virtualNodeName":"a","spec":{"backends":[{"virtualService":{"virtualServiceName":"nobody"}},{"virtualService":{"virtualServiceName":"nobody"}}]}}`},
		{"virtualNodes", `{"virtualNodeName":"b","spec":{"serviceDiscovery":{"dns":{"hostname":"b"}}}}`},
		{"virtualRouters", `{"virtualRouterName":"a","spec":{"listeners":[]}}`},
		{"virtualRouter/cart-vr/routes", routeBody("tcp-on-http", "cart", 4711)},
	} {
		s.put("meshes/shop/"+c[0], c[1]).ok()
	}
}

// TestMostReferences: a change from as many targets as a route may have to as many others fits into one commit.
func TestMostReferences(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	s.put("meshes/shop/virtualRouters", `{"virtualRouterName":"r","spec":`+oneListener+`}`).ok()
	const most = 10
	targets := func(from, n int) string {
		var weighted []string
		for i := range n {
			weighted = append(weighted, fmt.Sprintf(`{"virtualNode":"n%d","weight":1}`, from+i))
		}
		return `{"httpRoute":{"match":{"prefix":"/"},"action":{"weightedTargets":[` + strings.Join(weighted, ",") + `]}}}`
	}
	for i := range 2*most + 1 {
		s.put("meshes/shop/virtualNodes", nodeBody(fmt.Sprintf("n%d", i))).ok()
	}
	routes := "meshes/shop/virtualRouter/r/routes"
	s.put(routes, `{"routeName":"a","spec":`+targets(0, most)+`}`).ok()
	s.put(routes+"/a", `{"spec":`+targets(most, most)+`}`).ok()
	s.put(routes+"/a", `{"spec":`+targets(0, most+1)+`}`).failsWith(badRequest)
	s.delete("meshes/shop/virtualNodes/n0").ok()
	s.delete(fmt.Sprintf("meshes/shop/virtualNodes/n%d", most)).failsWith(resourceInUse)
}
