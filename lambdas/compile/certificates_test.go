package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// TestACertificateByARNIsAFinding that says what to do, and its listener is not served in plain text instead.
func TestACertificateByARNIsAFinding(t *testing.T) {
	const arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
	key := resource.Key{Kind: resource.KindVirtualNode, Name: "cart"}
	node := resource.Resource{Key: key, Version: 1, Spec: json.RawMessage(`{"serviceDiscovery":{"dns":{"hostname":"cart.local"}},
		"listeners":[{"portMapping":{"port":8080,"protocol":"http"},"tls":{"mode":"STRICT","certificate":{"acm":{"certificateArn":"` + arn + `"}}}}]}`)}
	known, err := certificates{}.Find(t.Context(), arn)
	if err != nil {
		t.Fatal(err)
	}
	compiled := compile.Compile(compile.Options{}, compile.State{
		Mesh:         resource.Resource{Key: resource.Key{Kind: resource.KindMesh, Name: "shop"}, Spec: json.RawMessage(`{}`)},
		Resources:    map[resource.Key]resource.Resource{key: node},
		Certificates: map[string]graph.Material{arn: known},
	})
	for _, f := range compiled.Findings() {
		if f.Code == "certificate-absent" && strings.Contains(f.Message, "by file or sds") {
			return
		}
	}
	t.Errorf("found %+v", compiled.Findings())
}
