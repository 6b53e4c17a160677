package draw

import (
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

var shop = graph.View{
	Mesh: `sh"op`,
	Nodes: []graph.NodeView{
		{Name: "web", Calls: []graph.CallView{{Service: "cart"}, {Service: "gone", Missing: "there is no such virtual service"}}},
		{Name: `v1 <b> "x" \ #`, Listeners: []graph.ListenerView{{Port: graph.Port{Port: 80, Protocol: graph.HTTP}}}},
		{Name: "far"},
	},
	Gateways: []graph.GatewayView{{Name: "edge", Routes: []graph.GatewayRouteView{{Name: "r", Match: "path /c*", Service: "cart"}}}},
	Services: []graph.ServiceView{{Name: "cart", Ports: []graph.CallView{{Routes: []graph.RouteView{
		{Name: "all", Match: "everything", Targets: []graph.TargetView{{Node: `v1 <b> "x" \ #`, Weight: 1, Share: "100 %"}, {Node: "far", Share: "0 %"}}},
	}}}}, {Name: "lonely"}},
}

func TestDOT(t *testing.T) {
	d, err := New(shop, []resource.Finding{{Resource: node("web")}}, "")
	if err != nil {
		t.Fatal(err)
	}
	got := d.DOT()
	for _, want := range []string{
		`digraph "sh\"op" {`,
		`"virtualNode/web" [shape=box, label="web", color=red, fontcolor=red];`,
		`"virtualNode/v1 <b> \"x\" \\ #" [shape=box, label="v1 <b> \"x\" \\ #\nhttp:80"];`,
		`"virtualService/gone" [shape=ellipse, label="gone\nis not there", color=red, fontcolor=red];`,
		`"virtualNode/web" -> "virtualService/gone" [style=dashed];`,
		`"virtualGateway/edge" -> "virtualService/cart" [label="path /c*"];`,
		`"virtualService/cart" -> "virtualNode/far" [label="all: everything (0 %)", style=dashed];`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestMermaid(t *testing.T) {
	d, err := New(shop, []resource.Finding{{Resource: node("web")}}, "")
	if err != nil {
		t.Fatal(err)
	}
	got := d.Mermaid()
	for _, want := range []string{
		`  n0[/"edge"\]`, `  n1["web"]`, `  n2["v1 #lt;b#gt; #quot;x#quot; \ #35;<br/>http:80"]`, `  n4(["cart"])`,
		`  n0 -->|"path /c*"| n4`, `  n1 -.-> n6`, `  class n1,n6 finding`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

// Writing changes nothing: escapes are not escaped again.
func TestADrawingCanBeWrittenTwice(t *testing.T) {
	d, err := New(shop, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	dot, mermaid := d.DOT(), d.Mermaid()
	if d.DOT() != dot || d.Mermaid() != mermaid {
		t.Errorf("the second time it is\n%s%s", d.DOT(), d.Mermaid())
	}
	if strings.Contains(mermaid, `\"`) {
		t.Errorf("Mermaid has Graphviz's escapes:\n%s", mermaid)
	}
}

// Two routes between the same boxes are one arrow, which is dashed only where both are.
func TestArrowsAreJoined(t *testing.T) {
	target := func(share string, weight int) []graph.TargetView {
		return []graph.TargetView{{Node: "web", Share: share, Weight: weight}}
	}
	v := graph.View{Nodes: []graph.NodeView{{Name: "web"}}, Services: []graph.ServiceView{{Name: "cart", Ports: []graph.CallView{{Routes: []graph.RouteView{
		{Name: "off", Match: "path /a*", Targets: target("0 %", 0)}, {Name: "on", Match: "everything", Targets: target("100 %", 1)},
	}}}}}}
	d, err := New(v, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	want := `"virtualService/cart" -> "virtualNode/web" [label="off: path /a* (0 %)\non: everything"];`
	if got := d.DOT(); strings.Count(got, "->") != 1 || !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant %s", got, want)
	}
}

// Routes and routers have no boxes: the gateway's or the service's is red for them.
func TestFindingsOnRoutesAreSeen(t *testing.T) {
	v := graph.View{
		Gateways: []graph.GatewayView{{Name: "edge"}, {Name: "other"}},
		Services: []graph.ServiceView{{Name: "a", Provider: "virtualRouter/r"}, {Name: "b", Provider: "virtualRouter/s"}, {Name: "c", Provider: "virtualNode/r"}, {Name: "d", Provider: "virtualRouter/t"}},
	}
	d, err := New(v, []resource.Finding{
		{Resource: resource.Key{Kind: resource.KindRoute, Parent: "r", Name: "x"}},
		{Resource: resource.Key{Kind: resource.KindVirtualRouter, Name: "t"}},
		{Resource: resource.Key{Kind: resource.KindGatewayRoute, Parent: "edge", Name: "x"}},
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	var marked []string
	for _, b := range d.boxes {
		if b.marked {
			marked = append(marked, b.key.String())
		}
	}
	if got := strings.Join(marked, " "); got != "virtualGateway/edge virtualService/a virtualService/d" {
		t.Errorf("marked: %s", got)
	}
}

func TestFocus(t *testing.T) {
	d, err := New(shop, nil, "virtualNode/web")
	if err != nil {
		t.Fatal(err)
	}
	if got := d.DOT(); strings.Contains(got, "lonely") || !strings.Contains(got, "cart") || !strings.Contains(got, `"virtualNode/far"`) {
		t.Errorf("drawn around web:\n%s", got)
	}
	if _, err := New(shop, nil, "virtualNode/none"); err == nil || !strings.Contains(err.Error(), "virtualNode/none") {
		t.Errorf("around nothing: %v", err)
	}
}
