package api

import (
	"fmt"
	"strings"
	"testing"
)

func TestInterceptions(t *testing.T) {
	s := newServer(t)
	shop(s)
	const all = "/v1/meshes/shop/interceptions"
	created := s.ask("PUT", all, `{"interceptionName":"cart","spec":{"mode":"explicit","virtualNode":"cart"},"tags":[{"key":"a","value":"b"}]}`)
	meta := created.ok()["metadata"].(map[string]any)
	object := func(status, spec string, version int, updated any) string {
		return fmt.Sprintf(`{"meshName":"shop","interceptionName":"cart","spec":%s,"status":{"status":%q},"metadata":{
			"arn":"arn:aws:appmesh:us-east-1:123456789012:mesh/shop/interception/cart","uid":%q,"version":%d,"createdAt":%s,"lastUpdatedAt":%s,
			"meshOwner":"123456789012","resourceOwner":"123456789012"}}`, spec, status, meta["uid"], version, meta["createdAt"], updated)
	}
	const explicit, transparent = `{"mode":"explicit","virtualNode":"cart"}`, `{"mode":"transparent","virtualNode":"cart"}`
	created.equal(object("ACTIVE", explicit, 1, meta["createdAt"]))
	s.ask("GET", all+"/cart", "").equal(object("ACTIVE", explicit, 1, meta["createdAt"]))
	s.ask("PUT", all, `{"interceptionName":"cart","spec":{"mode":"explicit"}}`).fails(conflict, "Interception with name cart already exists under mesh shop for account 123456789012")
	updated := s.ask("PUT", all+"/cart", `{"spec":`+transparent+`}`)
	updated.equal(object("ACTIVE", transparent, 2, member(updated.ok(), "metadata", "lastUpdatedAt")))
	s.ask("PUT", all, `{"interceptionName":"mesh","spec":{"mode":"explicit"}}`).ok()
	s.ask("PUT", all, `{"interceptionName":"front","spec":{"mode":"explicit","virtualGateway":"front"}}`).ok()
	if got := s.ask("GET", all+"?limit=2", "").ok(); len(got["interceptions"].([]any)) != 2 || got["nextToken"] == nil {
		t.Errorf("first page: %v", got)
	}
	if got := s.tags(arns + "mesh/shop/interception/cart"); fmt.Sprint(got) != "[a=b]" {
		t.Errorf("tags %v", got)
	}

	s.ask("PUT", all, `{"interceptionName":"x","spec":{"mode":"explicit","virtualNode":"none"}}`).fails(notFound, "VirtualNode with name none is missing")
	s.ask("PUT", all, `{"interceptionName":"x","spec":{"mode":"explicit","virtualGateway":"none"}}`).fails(notFound, "VirtualGateway with name none is missing")
	s.ask("PUT", all+"/cart", `{"spec":{"mode":"explicit","virtualNode":"none"}}`).failsWith(notFound)
	s.ask("GET", all+"/none", "").fails(notFound, "Interception with name none is not present under mesh shop for account 123456789012")
	for _, spec := range []string{`{}`, `{"mode":"x"}`, `{"mode":"explicit","virtualNode":"cart","virtualGateway":"front"}`, `{"mode":"explicit","nodes":[]}`} {
		if message := s.ask("PUT", all, `{"interceptionName":"x","spec":`+spec+`}`).failsWith(badRequest); !strings.Contains(message, "spec") {
			t.Errorf("%s: %s", spec, message)
		}
	}

	// It guards neither what it is for nor the mesh.
	s.delete("meshes/shop/virtualRouter/cart-vr/routes/cart").ok()
	s.delete("meshes/shop/virtualNodes/cart").ok()
	s.ask("PUT", all+"/cart", `{"spec":`+explicit+`}`).fails(notFound, "VirtualNode with name cart is missing")
	s.ask("DELETE", all+"/mesh", "").ok()
	for _, path := range []string{"virtualGateway/front/gatewayRoutes/in", "virtualServices/cart.shop.local", "virtualServices/direct.shop.local",
		"virtualNodes/direct", "virtualRouters/cart-vr", "virtualGateways/front"} {
		s.delete("meshes/shop/" + path).ok()
	}
	s.delete("meshes/shop").ok()
	s.ask("GET", all, "").failsWith(notFound)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	s.ask("GET", all, "").equal(`{"interceptions":[]}`)
}
