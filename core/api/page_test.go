package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// pages follows nextToken to the end.
func (s *server) pages(path, list, member string, limit int, between func()) (names []string, pages int) {
	s.t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	for token := ""; ; {
		query := fmt.Sprintf("%slimit=%d", sep, limit)
		if token != "" {
			query += "&nextToken=" + url.QueryEscape(token)
		}
		page := s.get(path + query).ok()
		items := page[list].([]any)
		if len(items) > limit {
			s.t.Fatalf("%s: %d items in a page of %d", path, len(items), limit)
		}
		for _, item := range items {
			names = append(names, item.(map[string]any)[member].(string))
		}
		pages++
		next, more := page["nextToken"]
		if !more {
			return names, pages
		}
		token = next.(string)
		between()
	}
}

func TestPages(t *testing.T) {
	s := newServer(t)
	shop(s)
	for i := range 5 {
		s.put("meshes", fmt.Sprintf(`{"meshName":"m%d"}`, i)).ok()
		s.put("meshes/shop/virtualServices", fmt.Sprintf(`{"virtualServiceName":"s/%d","spec":{}}`, i)).ok()
		s.put("meshes/shop/virtualRouter/cart-vr/routes", routeBody(fmt.Sprintf("r%d", i), "cart", 0)).ok()
	}
	s.put("meshes/m0/virtualServices", `{"virtualServiceName":"elsewhere","spec":{}}`).ok()
	for _, c := range []struct {
		path, list, member string
		want               []string
	}{
		{"meshes", "meshes", "meshName", []string{"m0", "m1", "m2", "m3", "m4", "shop"}},
		{"meshes/shop/virtualServices", "virtualServices", "virtualServiceName", []string{"cart.shop.local", "direct.shop.local", "s/0", "s/1", "s/2", "s/3", "s/4"}},
		{"meshes/shop/virtualRouter/cart-vr/routes", "routes", "routeName", []string{"cart", "r0", "r1", "r2", "r3", "r4"}},
		{"meshes/shop/virtualGateways", "virtualGateways", "virtualGatewayName", []string{"front"}},
	} {
		for _, limit := range []int{1, 2, 3, len(c.want), 100} {
			got, pages := s.pages(c.path, c.list, c.member, limit, func() {})
			if !slices.Equal(got, c.want) {
				t.Errorf("%s by %d: %v", c.path, limit, got)
			}
			if want := (len(c.want) + limit - 1) / limit; pages != want {
				t.Errorf("%s by %d: %d pages, want %d: the last page has no token", c.path, limit, pages, want)
			}
		}
	}
	s.get("meshes/m0/virtualNodes").equal(`{"virtualNodes":[]}`)
}

func TestPagesSurviveDeletions(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	for i := range 6 {
		s.put("meshes/shop/virtualNodes", nodeBody(fmt.Sprintf("n%d", i))).ok()
	}
	gone := 1 // the last item of each page is deleted before the next is read
	got, _ := s.pages("meshes/shop/virtualNodes", "virtualNodes", "virtualNodeName", 2, func() {
		s.delete(fmt.Sprintf("meshes/shop/virtualNodes/n%d", gone)).ok()
		gone += 2
	})
	if want := []string{"n0", "n1", "n2", "n3", "n4", "n5"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBadPageRequests(t *testing.T) {
	s := newServer(t)
	shop(s)
	s.put("meshes", `{"meshName":"other"}`).ok()
	s.put("meshes/shop/virtualRouters", `{"virtualRouterName":"other-vr","spec":{}}`).ok()
	s.put("meshes/shop/virtualRouter/cart-vr/routes", routeBody("second", "cart", 0)).ok()
	token := s.get("meshes/shop/virtualNodes?limit=1").ok()["nextToken"].(string)
	routes := s.get("meshes/shop/virtualRouter/cart-vr/routes?limit=1").ok()["nextToken"].(string)
	s.get("meshes/shop/virtualNodes?nextToken=" + token).ok()
	first := "A"
	if token[:1] == first {
		first = "B"
	}
	for _, path := range []string{
		"meshes?limit=0", "meshes?limit=101", "meshes?limit=x", "meshes?limit=", "meshes?limit=1.5", "meshes?limit=-1", "meshes?limit=99999999999999999999",
		"meshes/shop/virtualNodes?nextToken=garbled", "meshes/shop/virtualNodes?nextToken=AAAA", "meshes/shop/virtualNodes?nextToken=%FF",
		"meshes/shop/virtualNodes?nextToken=" + token[:len(token)-1], "meshes/shop/virtualNodes?nextToken=" + first + token[1:],
		"meshes/shop/virtualServices?nextToken=" + token, "meshes?nextToken=" + token, // of another list
		"meshes/other/virtualNodes?nextToken=" + token, "meshes/shop/virtualRouter/other-vr/routes?nextToken=" + routes,
		"tags?resourceArn=arn:aws:appmesh:us-east-1:123456789012:mesh/shop&limit=51",
	} {
		s.get(path).failsWith(badRequest)
	}
}

// A query that can't be read is refused: what it says must not be lost without a word.
func TestMalformedQueries(t *testing.T) {
	s := newServer(t)
	shop(s)
	for query, got := range map[string]string{"limit=%zz": `"limit=%zz"`, "limit=1;nextToken=x": `"limit=1;nextToken=x"`, "a&meshOwner=%": `"a&meshOwner=%"`} {
		want := "query must be name=value pairs with & between them, in percent-encoding, got " + got
		s.get("meshes/shop/virtualNodes?"+query).fails(badRequest, want)
		s.delete("meshes/shop/virtualGateway/front/gatewayRoutes/in?"+query).fails(badRequest, want)
	}
	s.get("meshes/shop/virtualGateway/front/gatewayRoutes/in").ok()
}
