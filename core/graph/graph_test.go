package graph

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/resource"
)

func res(kind resource.Kind, name, spec string) resource.Resource {
	return resource.Resource{Key: resource.Key{Kind: kind, Name: name}, Spec: json.RawMessage(spec)}
}

func codes(found []resource.Finding) []string {
	var out []string
	for _, f := range found {
		out = append(out, f.Code)
	}
	slices.Sort(out)
	return out
}

// What never passes the API reads as if it were not there: an old store must not stop a compiler.
func TestUnreadableSpecs(t *testing.T) {
	const bad = `{"listeners":7,"httpRoute":7,"provider":7,"egressFilter":7,"mode":7}`
	for kind, read := range map[resource.Kind]func(resource.Resource) []resource.Finding{
		resource.KindMesh:           func(r resource.Resource) []resource.Finding { _, f := ReadMesh(r); return f },
		resource.KindVirtualNode:    func(r resource.Resource) []resource.Finding { _, f := ReadNode(r); return f },
		resource.KindVirtualRouter:  func(r resource.Resource) []resource.Finding { _, f := ReadRouter(r); return f },
		resource.KindRoute:          func(r resource.Resource) []resource.Finding { _, f := ReadRoute(r); return f },
		resource.KindVirtualService: func(r resource.Resource) []resource.Finding { _, f := ReadService(r); return f },
		resource.KindVirtualGateway: func(r resource.Resource) []resource.Finding { _, f := ReadGateway(r); return f },
		resource.KindGatewayRoute:   func(r resource.Resource) []resource.Finding { _, f := ReadGatewayRoute(r); return f },
		resource.KindInterception:   func(r resource.Resource) []resource.Finding { _, f := ReadInterception(r, nil, true); return f },
	} {
		if found := read(res(kind, "x", bad)); !slices.Contains(codes(found), "spec-unreadable") {
			t.Errorf("%s: %v", kind, found)
		}
	}
}

func TestRequestTimeoutOfAService(t *testing.T) {
	of := func(ms ...int64) Table {
		var table Table
		for _, m := range ms {
			var r BoundRoute
			if m >= 0 {
				r.Timeout.PerRequest = millis(m)
			}
			table.Routes = append(table.Routes, r)
		}
		return table
	}
	for name, c := range map[string]struct {
		of   Table
		want Duration
		ok   bool
	}{
		"no routes":      {of(), Duration{}, false},
		"none is set":    {of(-1, -1), millis(15_000), true},
		"the longest":    {of(1, 40_000, -1), millis(40_000), true},
		"short ones":     {of(1, 2), millis(2), true},
		"one is without": {of(40_000, 0, 1), millis(0), true},
	} {
		if got, ok := c.of.RequestTimeout(); got != c.want || ok != c.ok {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
}

func TestIdleTimeoutOfAService(t *testing.T) {
	of := func(ms ...int64) Table {
		var table Table
		for _, m := range ms {
			var r BoundRoute
			if m >= 0 {
				r.Timeout.Idle = millis(m)
			}
			table.Routes = append(table.Routes, r)
		}
		return table
	}
	for name, c := range map[string]struct {
		of   Table
		want Duration
	}{
		"no routes":         {of(), Duration{}},
		"none is set":       {of(-1, -1), Duration{}},
		"shorter than 5 m":  {of(1000, -1), Duration{}}, // the route's own hop keeps it
		"the longest":       {of(400_000, 600_000, 1), millis(600_000)},
		"one has no limits": {of(400_000, 0), millis(0)},
	} {
		if got := c.of.IdleTimeout(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestByName(t *testing.T) {
	p := EgressPlan{Backends: []BackendPort{
		{"a", Port{8080, HTTP}}, {"a", Port{80, HTTP}}, {"a", Port{5432, TCP}}, {"A", Port{80, HTTP}}, {"b", Port{9000, GRPC}}, {"b", Port{9001, HTTP}},
	}}
	var got []string
	for _, h := range p.ByName() {
		got = append(got, h.Host+" = "+strings.Join(h.Domains, ","))
	}
	want := []string{"a:8080 = a:8080", "a = a,a:80", "b = b,b:9000", "b:9001 = b:9001"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLongTextsAreShortened(t *testing.T) {
	_, found := ReadService(res(resource.KindVirtualService, strings.Repeat("é", 1000), `{}`))
	if !slices.Contains(codes(found), "service-name") {
		t.Error("a name of 2000 bytes passes")
	}
	if s := quoted("%s", strings.Repeat("é", 1000)); len(s) > 90 {
		t.Errorf("%d bytes", len(s))
	}
}

// A percent sign in what a user wrote is no format.
func TestMessagesAreNoFormats(t *testing.T) {
	_, found := ReadRoute(res(resource.KindRoute, "r", `{"httpRoute":{"match":{"path":{"regex":"(%d%s"}},"action":{"weightedTargets":[{"virtualNode":"n","weight":1}]}}}`))
	if len(found) != 1 || strings.Contains(found[0].Message, "MISSING") || !strings.Contains(found[0].Message, `"(%d%s"`) {
		t.Errorf("%+v", found)
	}
}
