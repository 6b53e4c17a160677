package resource

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestARNParse(t *testing.T) {
	const head = "arn:aws-us-gov:appmesh:us-gov-west-1:123456789012:"
	for _, test := range []struct {
		rest, mesh string
		key        Key
	}{
		{"mesh/shop", "shop", Key{Kind: KindMesh, Name: "shop"}},
		{"mesh/a/b", "a/b", Key{Kind: KindMesh, Name: "a/b"}},
		{"mesh/shop/virtualNode/cart", "shop", Key{Kind: KindVirtualNode, Name: "cart"}},
		{"mesh/a/b/virtualNode/c/d:e", "a/b", Key{Kind: KindVirtualNode, Name: "c/d:e"}},
		{"mesh/shop/virtualNode/x/route/y", "shop", Key{Kind: KindVirtualNode, Name: "x/route/y"}},
		{"mesh/shop/virtualService/a/virtualNode/b", "shop", Key{Kind: KindVirtualService, Name: "a/virtualNode/b"}},
		{"mesh/shop/virtualRouter/r", "shop", Key{Kind: KindVirtualRouter, Name: "r"}},
		{"mesh/shop/virtualRouter/r/s/route/v/2", "shop", Key{Kind: KindRoute, Parent: "r/s", Name: "v/2"}},
		{"mesh/shop/virtualRouter/r/gatewayRoute/x", "shop", Key{Kind: KindVirtualRouter, Name: "r/gatewayRoute/x"}},
		{"mesh/shop/virtualGateway/g/gatewayRoute/x", "shop", Key{Kind: KindGatewayRoute, Parent: "g", Name: "x"}},
		{"mesh/shop/interception/all", "shop", Key{Kind: KindInterception, Name: "all"}},
	} {
		partition, region, account, mesh, key, err := ARNParse(head + test.rest)
		if err != nil || partition != "aws-us-gov" || region != "us-gov-west-1" || account != "123456789012" || mesh != test.mesh || key != test.key {
			t.Errorf("%s: %s %s %s %s %+v %v", test.rest, partition, region, account, mesh, key, err)
		}
	}
	for _, arn := range []string{
		"", "mesh/shop", "arn:aws:appmesh:eu-west-1:123456789012", "arn::appmesh:eu-west-1:1:mesh/a", "arn:aws:appmesh::1:mesh/a",
		"arn:aws:appmesh:eu-west-1::mesh/a", "arn:aws:s3:eu-west-1:1:mesh/a", "arx:aws:appmesh:eu-west-1:1:mesh/a",
		head, head + "mesh", head + "mesh/", head + "meshes/a", head + "mesh/a/virtualNode/", head + "mesh//virtualNode/a",
		head + "mesh/a/virtualRouter//route/x", head + "mesh/a/virtualRouter/r/route/",
	} {
		if _, _, _, mesh, key, err := ARNParse(arn); err == nil {
			t.Errorf("%q is read as %q, %+v", arn, mesh, key)
		}
	}
}

// TestARNParseUndoesARN: names may hold anything but what separates kinds.
func TestARNParseUndoesARN(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z:/é ]{1,12}`)
		info := rapid.SampledFrom(Kinds).Draw(t, "kind")
		mesh := name.Draw(t, "mesh")
		key := Key{Kind: info.Kind, Name: name.Draw(t, "name")}
		if info.Kind == KindMesh {
			key.Name = mesh
		}
		if info.Parent != "" {
			key.Parent = name.Draw(t, "parent")
		}
		_, _, _, gotMesh, got, err := ARNParse(key.ARN("aws", "eu-west-1", "123456789012", mesh))
		if err != nil || gotMesh != mesh || got != key {
			t.Fatalf("%+v of %q: %+v of %q, %v", key, mesh, got, gotMesh, err)
		}
	})
}

func TestReferences(t *testing.T) {
	node := func(name string) Key { return Key{Kind: KindVirtualNode, Name: name} }
	for _, test := range []struct {
		kind Kind
		spec string
		want []Key
	}{
		{KindRoute, `{"httpRoute":{"action":{"weightedTargets":[{"virtualNode":"b"},{"virtualNode":"a"},{"virtualNode":"b"}]}}}`, []Key{node("a"), node("b")}},
		{KindRoute, `{"http2Route":{"action":{"weightedTargets":[{"virtualNode":"a"}]}}}`, []Key{node("a")}},
		{KindRoute, `{"grpcRoute":{"action":{"weightedTargets":[{"virtualNode":"a"}]}}}`, []Key{node("a")}},
		{KindRoute, `{"tcpRoute":{"action":{"weightedTargets":[{"virtualNode":"a"}]}}}`, []Key{node("a")}},
		{KindVirtualService, `{}`, nil},
		{KindVirtualService, `{"provider":{}}`, nil},
		{KindVirtualService, `{"provider":{"virtualNode":{"virtualNodeName":"a"}}}`, []Key{node("a")}},
		{KindVirtualService, `{"provider":{"virtualRouter":{"virtualRouterName":"a"}}}`, []Key{{Kind: KindVirtualRouter, Name: "a"}}},
		{KindGatewayRoute, `{"httpRoute":{"action":{"target":{"virtualService":{"virtualServiceName":"a"}}}}}`, []Key{{Kind: KindVirtualService, Name: "a"}}},
		{KindGatewayRoute, `{"http2Route":{"action":{"target":{"virtualService":{"virtualServiceName":"a"}}}}}`, []Key{{Kind: KindVirtualService, Name: "a"}}},
		{KindGatewayRoute, `{"grpcRoute":{"action":{"target":{"virtualService":{"virtualServiceName":"a"}}}}}`, []Key{{Kind: KindVirtualService, Name: "a"}}},
		{KindInterception, `{"mode":"explicit"}`, []Key{}},
		{KindInterception, `{"mode":"explicit","virtualNode":"a"}`, []Key{node("a")}},
		{KindInterception, `{"mode":"explicit","virtualGateway":"a"}`, []Key{{Kind: KindVirtualGateway, Name: "a"}}},
		{KindVirtualNode, `{"backends":[{"virtualService":{"virtualServiceName":"a"}}]}`, nil},
		{KindMesh, `{}`, nil},
		{KindRoute, `7`, nil},
	} {
		got := References(Resource{Key: Key{Kind: test.kind, Name: "x"}, Spec: json.RawMessage(test.spec)})
		if diff := cmp.Diff(test.want, got); diff != "" && len(test.want)+len(got) > 0 {
			t.Errorf("%s %s: want (-), got (+):\n%s", test.kind, test.spec, diff)
		}
	}
}

func BenchmarkParseRequest(b *testing.B) {
	listener := `{"portMapping":{"port":8080,"protocol":"http"},"healthCheck":{"protocol":"http","path":"/ping","healthyThreshold":2,"unhealthyThreshold":2,"timeoutMillis":2000,"intervalMillis":5000}}`
	backend := `{"virtualService":{"virtualServiceName":"inventory.shop.local"}}`
	body := []byte(`{"virtualNodeName":"cart","clientToken":"9f0c1d0e-0000-4000-8000-000000000000","spec":{"listeners":[` + listener +
		`],"backends":[` + strings.Repeat(backend+",", 9) + backend + `],"serviceDiscovery":{"dns":{"hostname":"cart.shop.local"}}}}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, violations := ParseRequest("CreateVirtualNode", body); violations != nil {
			b.Fatal(violations)
		}
	}
}
