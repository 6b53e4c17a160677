package api

import (
	"encoding/json"
	"testing"

	"github.com/ownmesh/ownmesh/core/store"
)

func TestVersion(t *testing.T) {
	newServer(t).ask("GET", "/v1/version", "").equal(`{"version":"1.2.3","compiler":7}`)
}

func TestJournal(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	s.put("meshes/shop/virtualNodes", nodeBody("a")).ok()
	s.put("meshes/shop/virtualNodes/a", `{"spec":{"backends":[]}}`).ok()
	s.delete("meshes/shop/virtualNodes/a").ok()
	read := func(query string) []store.Entry {
		t.Helper()
		a := s.ask("GET", "/v1/meshes/shop/journal"+query, "")
		a.ok()
		var got struct{ Entries []store.Entry }
		if err := json.Unmarshal(a.raw, &got); err != nil {
			t.Fatal(err)
		}
		return got.Entries
	}
	all := read("")
	if len(all) != 4 {
		t.Fatalf("%d entries", len(all))
	}
	for i, e := range all {
		if e.Generation != int64(i+1) || e.Caller != "local" || e.RequestID == "" || e.At.IsZero() || (e.Resource == nil) != (i == 3) {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	if string(all[2].Resource.Spec) != `{"backends":[]}` || all[3].Key.Name != "a" {
		t.Errorf("entries %+v", all)
	}
	if got := read("?after=1&limit=2"); len(got) != 2 || got[0].Generation != 2 || got[1].Generation != 3 {
		t.Errorf("a piece: %+v", got)
	}
	s.ask("GET", "/v1/meshes/shop/journal?after=4", "").equal(`{"entries":[]}`)
	s.ask("GET", "/v1/meshes/shop/journal?after=x&limit=1001", "").fails(badRequest, `after must be a number between 0 and 9007199254740992, got "x"; limit must be a number between 1 and 1000, got "1001"`)
	s.ask("GET", "/v1/meshes/shop/journal?limit=0", "").failsWith(badRequest)
	s.ask("GET", "/v1/meshes/none/journal", "").failsWith(notFound)
}

func TestAddresses(t *testing.T) {
	s := newServer(t)
	shop(s)
	s.put("meshes/shop/virtualNodes", `{"virtualNodeName":"ui","spec":{"serviceDiscovery":{"dns":{"hostname":"ui"}},"listeners":[{"portMapping":{"port":9000,"protocol":"http"}}],
		"backends":[{"virtualService":{"virtualServiceName":"cart.shop.local"}},{"virtualService":{"virtualServiceName":"later"}}]}}`).ok()
	s.ask("GET", "/v1/meshes/shop/proxies/virtualNode/ui/addresses", "").equal(`{"addresses":["application/9000","bind/9000","proxy","service/cart.shop.local:8080"]}`)
	s.ask("GET", "/v1/meshes/shop/proxies/virtualGateway/front/addresses", "").equal(`{"addresses":["bind/80","self"]}`)
	s.ask("GET", "/v1/meshes/shop/proxies/virtualNode/none/addresses", "").fails(notFound, "VirtualNode with name none is not present under mesh shop for account 123456789012")
	s.ask("GET", "/v1/meshes/shop/proxies/virtualRouter/cart-vr/addresses", "").failsWith(unknownOperation)
	s.ask("GET", "/v1/meshes/none/proxies/virtualNode/ui/addresses", "").failsWith(notFound)
}
