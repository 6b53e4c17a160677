package graph

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/resource"
)

func TestAddresses(t *testing.T) {
	specs := map[resource.Key]string{
		{Kind: resource.KindVirtualNode, Name: "a/web"}: `{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}},{"portMapping":{"port":8080,"protocol":"tcp"}}],
 "serviceDiscovery":{"dns":{"hostname":"web"}},"backends":[{"virtualService":{"virtualServiceName":"cart"}},{"virtualService":{"virtualServiceName":"db"}},
 {"virtualService":{"virtualServiceName":"gone"}},{"virtualService":{"virtualServiceName":"nobody"}}]}`,
		{Kind: resource.KindVirtualNode, Name: "db"}:        `{"listeners":[{"portMapping":{"port":5432,"protocol":"tcp"}}],"serviceDiscovery":{"dns":{"hostname":"db"}}}`,
		{Kind: resource.KindVirtualRouter, Name: "cart"}:    `{"listeners":[{"portMapping":{"port":80,"protocol":"http"}},{"portMapping":{"port":90,"protocol":"grpc"}}]}`,
		{Kind: resource.KindVirtualService, Name: "cart"}:   `{"provider":{"virtualRouter":{"virtualRouterName":"cart"}}}`,
		{Kind: resource.KindVirtualService, Name: "db"}:     `{"provider":{"virtualNode":{"virtualNodeName":"db"}}}`,
		{Kind: resource.KindVirtualService, Name: "nobody"}: `{}`,
		{Kind: resource.KindVirtualGateway, Name: "edge"}:   `{"listeners":[{"portMapping":{"port":443,"protocol":"http"}}]}`,
	}
	get := func(k resource.Key) (resource.Resource, bool) {
		spec, ok := specs[k]
		return resource.Resource{Key: k, Spec: json.RawMessage(spec)}, ok
	}
	for proxy, want := range map[artifact.ProxyKey][]artifact.Fill{
		"virtualNode/a/web":   {"application/8080", "bind/8080", "proxy", "service/cart:80", "service/cart:90", "service/db:5432"},
		"virtualNode/db":      {"application/5432", "bind/5432", "proxy"},
		"virtualGateway/edge": {"bind/443", "self"},
		"virtualNode/gone":    nil,
		"nonsense":            nil,
	} {
		if diff := cmp.Diff(want, Addresses(get, proxy)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", proxy, diff)
		}
	}
}
