package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/resource"
)

// The table of idempotency tokens, for every kind.
func TestTokens(t *testing.T) {
	s := newServer(t)
	shop(s)
	s.put("meshes/shop/virtualNodes", nodeBody("other")).ok()
	for _, k := range []struct{ collection, member, spec, other string }{
		{"meshes", "meshName", `{"egressFilter":{"type":"DROP_ALL"}}`, `{"egressFilter":{"type":"ALLOW_ALL"}}`},
		{"meshes/shop/virtualNodes", "virtualNodeName", `{}`, `{"backends":[]}`},
		{"meshes/shop/virtualRouters", "virtualRouterName", oneListener, twoListeners},
		{"meshes/shop/virtualServices", "virtualServiceName", `{}`, `{"provider":{"virtualNode":{"virtualNodeName":"cart"}}}`},
		{"meshes/shop/virtualGateways", "virtualGatewayName", `{"listeners":[]}`, `{"listeners":[],"logging":{}}`},
		{"meshes/shop/virtualRouter/cart-vr/routes", "routeName", routeSpec("cart", 0), routeSpec("other", 0)},
		{"meshes/shop/virtualGateway/front/gatewayRoutes", "gatewayRouteName", `{"httpRoute":{"match":{"prefix":"/a"},"action":{"target":{"virtualService":{"virtualServiceName":"cart.shop.local"}}}}}`,
			`{"httpRoute":{"match":{"prefix":"/b"},"action":{"target":{"virtualService":{"virtualServiceName":"cart.shop.local"}}}}}`},
	} {
		t.Run(k.member, func(t *testing.T) {
			s.t = t
			create := func(token, spec, rest string) answer {
				return s.put(k.collection, fmt.Sprintf(`{%q:"x","clientToken":%q,"spec":%s%s}`, k.member, token, spec, rest))
			}
			update := func(token, spec string) answer {
				return s.put(k.collection+"/x", fmt.Sprintf(`{"clientToken":%q,"spec":%s}`, token, spec))
			}
			same := func(got, want answer) {
				t.Helper()
				got.equal(string(want.raw))
			}

			first := create("c1", k.spec, "")
			same(create("c1", k.spec, ""), first)
			same(create("c1", k.spec, `,"tags":[{"key":"a","value":"b"}]`), first) // tags are not compared
			create("c1", k.other, "").failsWith(conflict)
			create("c2", k.spec, "").failsWith(conflict)
			s.put(k.collection, fmt.Sprintf(`{%q:"x","spec":%s}`, k.member, k.spec)).failsWith(conflict)

			second := update("u1", k.other)
			same(update("u1", k.other), second)
			update("u1", k.spec).failsWith(conflict)
			same(create("c1", k.spec, ""), first) // also after an update: the first answer

			third := update("c1", k.spec) // a token's scope is one verb
			if got := fmt.Sprint(member(third.ok(), "metadata", "version")); got != "3" {
				t.Errorf("version %s", got)
			}
			fourth := update("u1", k.other) // only the latest update's token is kept
			if got := fmt.Sprint(member(fourth.ok(), "metadata", "version")); got != "4" {
				t.Errorf("version %s", got)
			}
			s.put(k.collection+"/x", fmt.Sprintf(`{"spec":%s}`, k.spec)).ok() // an update without a token forgets none
			same(update("u1", k.other), fourth)
			if got := fmt.Sprint(member(s.get(k.collection+"/x").ok(), "metadata", "version")); got != "5" {
				t.Errorf("version %s after repetitions", got)
			}
			s.delete(k.collection + "/x").ok()
			create("c1", k.other, "").ok() // tokens live as long as their resource
		})
	}
}

func TestTokenOfEqualSpecs(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	first := s.put("meshes/shop/virtualNodes", `{"virtualNodeName":"a","clientToken":"t","spec":{"backends":[],"serviceDiscovery":{"dns":{"hostname":"a","responseType":"ENDPOINTS"}}}}`)
	again := s.put("meshes/shop/virtualNodes", `{"spec":{"serviceDiscovery":{ "dns":{"responseType":"ENDPOINTS","hostname":"\u0061"}},"logging":null,"backends":[]},"clientToken":"t","virtualNodeName":"a"}`)
	again.equal(string(first.raw))
	if g := s.generation("shop"); g != 2 {
		t.Errorf("generation %d", g)
	}
}

// A token that is longer than documented is taken, and recognized, but is not what a mesh grows by.
func TestLongTokens(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	create := func(token, spec string) answer {
		return s.put("meshes/shop/virtualNodes", fmt.Sprintf(`{"virtualNodeName":"a","clientToken":%q,"spec":%s}`, token, spec))
	}
	long := strings.Repeat("t", maxBody/2)
	first := create(long, `{}`)
	first.ok()
	create(long, `{}`).equal(string(first.raw))
	if message := create(long, `{"backends":[]}`).failsWith(conflict); len(message) > 200 {
		t.Errorf("the message has %d bytes", len(message))
	}
	create(long[1:], `{}`).failsWith(conflict)
	node, err := s.store.Get(t.Context(), s.uid("shop"), resource.Key{Kind: resource.KindVirtualNode, Name: "a"})
	if err != nil || len(node.CreateToken.Value) > 100 {
		t.Errorf("%d bytes of the token are kept, %v", len(node.CreateToken.Value), err)
	}
	create(node.CreateToken.Value, `{}`).failsWith(conflict) // what is kept is not the token
}

func TestFirstAnswerAgainAfterTheWorldChanged(t *testing.T) {
	s := newServer(t)
	shop(s)
	body := `{"virtualServiceName":"x","clientToken":"t","spec":{"provider":{"virtualNode":{"virtualNodeName":"cart"}}}}`
	first := s.put("meshes/shop/virtualServices", body)
	first.ok()
	s.put("meshes/shop/virtualServices/x", `{"spec":{}}`).ok()
	s.delete("meshes/shop/virtualRouter/cart-vr/routes/cart").ok()
	s.delete("meshes/shop/virtualNodes/cart").ok()
	s.put("meshes/shop/virtualServices", body).equal(string(first.raw))
}
