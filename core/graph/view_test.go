package graph

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/resource"
)

func child(kind resource.Kind, parent, name, spec string) resource.Resource {
	r := res(kind, name, spec)
	r.Parent = parent
	return r
}

var viewed = []resource.Resource{
	res(resource.KindVirtualNode, "web", `{"backends":[{"virtualService":{"virtualServiceName":"cart","clientPolicy":{"tls":{"validation":{"trust":{"file":{"certificateChain":"/ca"}}}}}}},{"virtualService":{"virtualServiceName":"gone"}}]}`),
	res(resource.KindVirtualNode, "a", `{"serviceDiscovery":{"dns":{"hostname":"a.local"}},"listeners":[{"portMapping":{"port":80,"protocol":"http"},"timeout":{"http":{"perRequest":{"unit":"s","value":0}}}}]}`),
	res(resource.KindVirtualNode, "b", `{"serviceDiscovery":{"awsCloudMap":{"namespaceName":"n","serviceName":"b","attributes":[{"key":"k","value":"v"}]}},"listeners":[{"portMapping":{"port":81,"protocol":"http"}}]}`),
	res(resource.KindVirtualRouter, "r", `{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}]}`),
	child(resource.KindRoute, "r", "canary", `{"priority":1,"httpRoute":{"match":{"prefix":"/c","method":"GET","headers":[{"name":"x","invert":true,"match":{"range":{"start":1,"end":5}}}],"queryParameters":[{"name":"q"}]},"action":{"weightedTargets":[{"virtualNode":"b","weight":1}]},"timeout":{"perRequest":{"unit":"ms","value":1500},"idle":{"unit":"s","value":60}},"retryPolicy":{"maxRetries":3,"perRetryTimeout":{"unit":"s","value":1},"httpRetryEvents":["gateway-error"]}}}`),
	child(resource.KindRoute, "r", "rest", `{"httpRoute":{"match":{},"action":{"weightedTargets":[{"virtualNode":"a","weight":2},{"virtualNode":"b","weight":1}]}}}`),
	res(resource.KindVirtualService, "cart", `{"provider":{"virtualRouter":{"virtualRouterName":"r"}}}`),
	res(resource.KindVirtualService, "direct", `{"provider":{"virtualNode":{"virtualNodeName":"a"}}}`),
	res(resource.KindVirtualGateway, "edge", `{"listeners":[{"portMapping":{"port":443,"protocol":"http"},"tls":{"mode":"STRICT","certificate":{"sds":{"secretName":"s"}}}}]}`),
	child(resource.KindGatewayRoute, "edge", "in", `{"httpRoute":{"match":{"prefix":"/d"},"action":{"target":{"virtualService":{"virtualServiceName":"direct"}}}}}`),
}

func TestView(t *testing.T) {
	viewer := NewViewer(res(resource.KindMesh, "shop", `{}`), viewed)
	v := viewer.All()
	var web NodeView
	for _, n := range v.Nodes {
		if n.Name == "web" {
			web = n
		}
	}
	router, a, b := Port{8080, HTTP}, Port{80, HTTP}, Port{81, HTTP}
	one := 1
	want := []CallView{
		{Service: "cart", Port: router, Provider: "virtualRouter/r", Routes: []RouteView{
			{Name: "canary", Priority: &one, Match: "path /c*, :method = GET, not (x from 1 to below 5), ?q", Timeout: "1.5s, idle 1m0s",
				Retries: "3 on reset, 502, 503, 504, each try 1s", Targets: []TargetView{{Node: "b", Port: b, Weight: 1, Share: "100 %", TLS: "TLS, certificate for b.n"}}},
			{Name: "rest", Match: "everything", Timeout: "15s (default)", Retries: "2 (default policy)", Targets: []TargetView{
				{Node: "a", Port: a, Weight: 2, Share: "66.7 %", TLS: "TLS, certificate for a.local"}, {Node: "b", Port: b, Weight: 1, Share: "33.3 %", TLS: "TLS, certificate for b.n"}}},
		}},
		{Service: "gone", Routes: []RouteView{}, Missing: "there is no such virtual service"},
	}
	if d := cmp.Diff(want, web.Calls); d != "" {
		t.Errorf("web calls (-want +got):\n%s", d)
	}
	of, ok := viewer.Of(resource.Key{Kind: resource.KindVirtualNode, Name: "a"})
	if !ok || len(of.Nodes) != 1 || len(of.Services)+len(of.Gateways) > 0 {
		t.Fatalf("of a: %+v", of)
	}
	callers := []CallerView{{Caller: "virtualGateway/edge", Service: "direct"}, {Caller: "virtualNode/web", Service: "cart", Route: "rest"}}
	if d := cmp.Diff(callers, of.Nodes[0].CalledBy); d != "" {
		t.Errorf("a is called by (-want +got):\n%s", d)
	}
	if l := of.Nodes[0].Listeners[0]; l.Timeout != "none" || l.TLS != "DISABLED" {
		t.Errorf("a listens: %+v", l)
	}
	edge, _ := viewer.Of(resource.Key{Kind: resource.KindVirtualGateway, Name: "edge"})
	g := edge.Gateways[0]
	if d := cmp.Diff([]GatewayRouteView{{Name: "in", Match: "path /d*", Service: "direct", Rewrite: "prefix becomes /"}}, g.Routes); d != "" {
		t.Errorf("edge routes (-want +got):\n%s", d)
	}
	if g.Listeners[0].TLS != "STRICT" || g.Calls[0].Routes[0].Targets[0].TLS != "plain text" {
		t.Errorf("edge: %+v", g)
	}
	ofRouter, ok := viewer.Of(resource.Key{Kind: resource.KindVirtualRouter, Name: "r"})
	if !ok || len(ofRouter.Routers) != 1 || !slices.Equal(ofRouter.Routers[0].Services, []string{"cart"}) {
		t.Fatalf("of the router: %+v", ofRouter)
	}
	var order []string
	for _, r := range ofRouter.Routers[0].Ports[0].Routes {
		order = append(order, r.Name)
	}
	if c := ofRouter.Routers[0].Ports[0]; !slices.Equal(order, []string{"canary", "rest"}) || c.Port != router || c.Missing != "" || c.Provider != "virtualRouter/r" {
		t.Errorf("the router on its port: %+v", c)
	}
	if _, ok := viewer.Of(resource.Key{Kind: resource.KindVirtualNode, Name: "none"}); ok {
		t.Error("there is a view of a node that is not there")
	}
}

// Where two services lead to one listener, the view shows the policy that counts, as the compiler picks it.
func TestViewOfClashingPolicies(t *testing.T) {
	backend := func(service, policy string) string {
		return `{"virtualService":{"virtualServiceName":"` + service + `","clientPolicy":{"tls":{` + policy + `"validation":{"trust":{"file":{"certificateChain":"/ca"}},"subjectAlternativeNames":{"match":{"exact":["` + service + `"]}}}}}}}`
	}
	all := append([]resource.Resource{}, viewed...)
	all = append(all, res(resource.KindVirtualService, "again", `{"provider":{"virtualNode":{"virtualNodeName":"a"}}}`),
		res(resource.KindVirtualNode, "web", `{"backends":[`+backend("direct", "")+`,`+backend("again", "")+`,`+backend("cart", `"enforce":false,`)+`]}`))
	view, ok := NewViewer(res(resource.KindMesh, "shop", `{}`), all).Of(resource.Key{Kind: resource.KindVirtualNode, Name: "web"})
	if !ok {
		t.Fatal("there is no view")
	}
	got := map[string]string{}
	for _, c := range view.Nodes[0].Calls {
		for _, r := range c.Routes {
			for _, target := range r.Targets {
				got[c.Service+" "+target.Node] = target.TLS
			}
		}
	}
	const first = "TLS, certificate for direct" // the spec's order, not that of names
	if d := cmp.Diff(map[string]string{"again a": first, "direct a": first, "cart a": first, "cart b": "plain text"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestLargerThan(t *testing.T) {
	v := NewViewer(res(resource.KindMesh, "shop", `{}`), viewed)
	// cart has a line of its own, two routes and three targets, and direct one of each: as web and edge see them, and in
	// the services' own views; cart's router has as many; and there is the one that is gone.
	const lines = 3*(1+2+3) + 2*(1+1+1) + 1
	if !v.LargerThan(lines-1) || v.LargerThan(lines) {
		t.Errorf("the view has other than %d lines", lines)
	}
}

// A gateway's calls are those that its routes mean, not all that a service could take.
func TestViewOfAGatewayHasMeantPortsOnly(t *testing.T) {
	all := append([]resource.Resource{}, viewed...)
	all = append(all, res(resource.KindVirtualRouter, "r", `{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}},{"portMapping":{"port":81,"protocol":"tcp"}}]}`),
		child(resource.KindGatewayRoute, "edge", "shop", `{"httpRoute":{"match":{"prefix":"/"},"action":{"target":{"port":8080,"virtualService":{"virtualServiceName":"cart"}}}}}`))
	view, _ := NewViewer(res(resource.KindMesh, "shop", `{}`), all).Of(resource.Key{Kind: resource.KindVirtualGateway, Name: "edge"})
	var ports []int
	for _, c := range view.Gateways[0].Calls {
		ports = append(ports, c.Port.Port)
	}
	if want := []int{8080, 80}; !slices.Equal(ports, want) {
		t.Errorf("ports %v, want %v", ports, want)
	}
}

// A view is of whatever is stored: it never panics.
func TestViewOfBrokenMeshes(t *testing.T) {
	for _, spec := range []string{`{}`, `{"listeners":7}`, `{"listeners":[],"backends":[{}],"provider":{}}`} {
		var all []resource.Resource
		for _, r := range viewed {
			r.Spec = []byte(spec)
			all = append(all, r)
		}
		NewViewer(res(resource.KindMesh, "shop", spec), all).All()
	}
}
