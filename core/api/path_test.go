package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestMissingIsToldFromTheOutside(t *testing.T) {
	s := newServer(t)
	shop(s)
	const noMesh = "Mesh with name none is not present for account 123456789012"
	const noRouter = "VirtualRouter with name none is not present under mesh shop for account 123456789012"
	const noGateway = "VirtualGateway with name none is not present under mesh shop for account 123456789012"
	for _, c := range []struct{ method, path, body, message string }{
		{"GET", "meshes/none", "", noMesh},
		{"PUT", "meshes/none", "{}", noMesh},
		{"GET", "meshes/none/virtualNodes", "", noMesh},
		{"PUT", "meshes/none/virtualNodes", nodeBody("a"), noMesh},
		{"GET", "meshes/none/virtualRouter/cart-vr/routes/cart", "", noMesh},
		{"GET", "meshes/shop/virtualNodes/none", "", "VirtualNode with name none is not present under mesh shop for account 123456789012"},
		{"PUT", "meshes/shop/virtualNodes/none", `{"spec":{}}`, "VirtualNode with name none is not present under mesh shop for account 123456789012"},
		{"DELETE", "meshes/shop/virtualServices/none", "", "VirtualService with name none is not present under mesh shop for account 123456789012"},
		{"GET", "meshes/shop/virtualRouter/none/routes", "", noRouter},
		{"PUT", "meshes/shop/virtualRouter/none/routes", routeBody("r", "cart", 0), noRouter},
		{"GET", "meshes/shop/virtualRouter/none/routes/r", "", noRouter},
		{"PUT", "meshes/shop/virtualRouter/none/routes/r", `{"spec":` + routeSpec("cart", 0) + `}`, noRouter},
		{"DELETE", "meshes/shop/virtualRouter/none/routes/r", "", noRouter},
		{"DELETE", "meshes/shop/virtualRouter/cart-vr/routes/none", "", "Route with name none is not present under mesh shop for account 123456789012"},
		{"PUT", "meshes/shop/virtualGateway/none/gatewayRoutes", gatewayRouteBody("r", "cart.shop.local"), noGateway},
		{"GET", "meshes/shop/virtualGateway/none/gatewayRoutes/r", "", noGateway},
		{"GET", "meshes/shop?meshOwner=999999999999", "", "Mesh with name shop is not present for account 999999999999"},
		{"GET", "meshes/shop/virtualNodes?meshOwner=999999999999", "", "Mesh with name shop is not present for account 999999999999"},
	} {
		s.ask(c.method, "/v20190125/"+c.path, c.body).fails(notFound, c.message)
	}
	s.get("meshes/shop/virtualNodes/cart?meshOwner=123456789012").ok()
	s.get("meshes/shop?meshOwner=12").failsWith(badRequest)
	s.put("meshes/shop?meshOwner=999999999999", `{}`).ok() // App Mesh's UpdateMesh has no such parameter
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := newServer(t)
	for _, c := range [][2]string{
		{"GET", "/"}, {"GET", "/v20190125"}, {"GET", "/v20190125/mesh"}, {"POST", "/v20190125/meshes"}, {"GET", "/v20190125/meshes/"},
		{"PATCH", "/v20190125/meshes/shop"}, {"OPTIONS", "/v20190125/meshes"}, {"PUT", "/v20190125/meshes/a/virtualRouters/b/routes"},
		{"GET", "/v20190125/meshes/a/interceptions"}, {"GET", "/v1/meshes"}, {"GET", "/v20190125//meshes"}, {"GET", "/v1/nothing"},
	} {
		a := s.ask(c[0], c[1], "")
		a.fails(unknownOperation, fmt.Sprintf("there is no operation %s %s", c[0], c[1]))
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control") {
				t.Errorf("%v: header %s", c, name)
			}
		}
	}
}

func TestNamesInPathsAreDecodedAfterSplitting(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	for name, escaped := range map[string]string{
		"a/b":               "a%2Fb",
		"a+b":               "a+b",
		"50%":               "50%25",
		"ä ö":               "%C3%A4%20%C3%B6",
		"a%2Fb":             "a%252Fb",
		"..":                "%2E%2E",
		"virtualServices":   "virtualServices",
		"x?y#z":             "x%3Fy%23z",
		"*.shop.local:8080": "*.shop.local:8080",
		"a/virtualNode/b":   "a%2FvirtualNode%2Fb",
	} {
		body, err := json.Marshal(map[string]any{"virtualServiceName": name, "spec": map[string]any{}})
		if err != nil {
			t.Fatal(err)
		}
		s.put("meshes/shop/virtualServices", string(body)).ok()
		for _, got := range []map[string]any{
			s.get("meshes/shop/virtualServices/" + escaped).ok(),
			s.put("meshes/shop/virtualServices/"+escaped, `{"spec":{}}`).ok(),
			s.delete("meshes/shop/virtualServices/" + escaped).ok(),
		} {
			if got["virtualServiceName"] != name {
				t.Errorf("%s: got %v", escaped, got["virtualServiceName"])
			}
		}
	}
	s.get("meshes/shop/virtualServices/a%00b").failsWith(badRequest)
	s.get("meshes/shop/virtualServices/a%FFb").failsWith(badRequest)
	s.get("meshes/shop/virtualServices/" + strings.Repeat("a", 256)).failsWith(badRequest)
}

// A path has one spelling as far as names of letters, digits, dashes, underscores and dots go: IAM compares what was sent.
func TestPathsAreSpelledOneWay(t *testing.T) {
	s := newServer(t)
	shop(s)
	for _, path := range []string{
		"/v1/meshes/shop/proxies/virtualNode/cart/%74oken", "/v1/meshes/shop/proxies/virtualNode/ca%72t/token", "/%761/version",
		"/v20190125/meshes/sho%70", "/v20190125/%6Deshes/shop", "/v20190125/meshes/shop/virtualServices/cart%2Eshop.local",
		"/v20190125/meshes/shop/virtualNodes/c%61rt", "/v20190125/meshes/shop/virtualNodes/a%2Db", "/v20190125/meshes/shop/virtualNodes/a%5Fb",
		"/v20190125/meshes/shop/virtualNodes/%2E%2E%61",
	} {
		method := "GET"
		if strings.HasSuffix(path, "oken") {
			method = "POST"
		}
		if got := s.ask(method, path, ""); !strings.Contains(string(got.raw), "not in percent-encoding") {
			t.Errorf("%s: %s", path, got.raw)
		}
		s.ask(method, path, "").failsWith(badRequest)
	}
	for _, path := range []string{"%2E%2E", "%2E", "..", "%2Ehidden", "a%7Eb", "a~b", "a%3Ab", "a:b", "a%2fb"} {
		s.get("meshes/shop/virtualServices/" + path).failsWith(notFound)
	}
}
