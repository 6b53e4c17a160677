package api

import (
	"fmt"
	"strings"
	"testing"
)

// A mesh in which too many ways lead from callers to targets is not viewed whole; one resource of it is, at the price of
// that resource.
func TestViewOfALargeMesh(t *testing.T) {
	const targets, routes, services, callers = 10, 50, 40, 10
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	var weighted, backends []string
	for i := range targets {
		s.put("meshes/shop/virtualNodes", fmt.Sprintf(`{"virtualNodeName":"target%d","spec":{"listeners":[{"portMapping":{"port":80,"protocol":"http"}}],"serviceDiscovery":{"dns":{"hostname":"h"}}}}`, i)).ok()
		weighted = append(weighted, fmt.Sprintf(`{"virtualNode":"target%d","weight":1}`, i))
	}
	s.put("meshes/shop/virtualRouters", `{"virtualRouterName":"r","spec":{"listeners":[{"portMapping":{"port":80,"protocol":"http"}}]}}`).ok()
	for i := range routes {
		s.put("meshes/shop/virtualRouter/r/routes", fmt.Sprintf(`{"routeName":"r%d","spec":{"httpRoute":{"match":{"prefix":"/%d"},"action":{"weightedTargets":[%s]}}}}`, i, i, strings.Join(weighted, ","))).ok()
	}
	for i := range services {
		s.put("meshes/shop/virtualServices", fmt.Sprintf(`{"virtualServiceName":"s%d","spec":{"provider":{"virtualRouter":{"virtualRouterName":"r"}}}}`, i)).ok()
		backends = append(backends, fmt.Sprintf(`{"virtualService":{"virtualServiceName":"s%d"}}`, i))
	}
	caller := func(i int) {
		s.put("meshes/shop/virtualNodes", fmt.Sprintf(`{"virtualNodeName":"caller%d","spec":{"backends":[%s]}}`, i, strings.Join(backends, ","))).ok()
	}
	caller(0)
	if all := s.ask("GET", "/v1/meshes/shop/view", "").ok()["virtualNodes"].([]any); len(all) != targets+1 {
		t.Errorf("%d nodes are viewed, want %d", len(all), targets+1)
	}
	for i := 1; i < callers; i++ {
		caller(i)
	}
	s.ask("GET", "/v1/meshes/shop/view", "").failsWith(badRequest)
	one := s.ask("GET", "/v1/meshes/shop/view?resource=virtualNode/target0", "").ok()["virtualNodes"].([]any)[0].(map[string]any)
	if n := len(one["calledBy"].([]any)); n != callers*services*routes {
		t.Errorf("target0 is called by %d routes of callers, want %d", n, callers*services*routes)
	}
}
