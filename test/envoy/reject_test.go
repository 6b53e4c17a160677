package envoy

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/test/machine"
)

// What an Envoy refuses is in the status, in its own words, while everything else goes on; when it is mended, so is
// the status.
func TestRejection(t *testing.T) {
	m := start(t, shop("http")+route("all", "httpRoute: {match: {prefix: /}, "+to("a")+"}"))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", echo(t, "b")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	file := filepath.Join(t.TempDir(), "missing", "access.log")
	logging := func(path string) string {
		return "kind: VirtualNode\nvirtualNodeName: ui\nspec: {backends: [{virtualService: {virtualServiceName: cart.shop.local}}], logging: {accessLog: {file: {path: " + path + "}}}}\n"
	}
	good := m.Published()
	bad := m.Apply(logging(file))
	machine.Eventually(t, "ui's Envoy to refuse", func() string {
		if p, _ := m.Proxy(ui.resource, ui.name); p.State != events.Rejected {
			return string(p.State)
		}
		return ""
	})
	p, _ := m.Proxy(ui.resource, ui.name)
	if p.Generation != good || len(p.Rejected) == 0 {
		t.Errorf("status: %+v", p)
	}
	for _, r := range p.Rejected {
		if r.Type != "listener" || r.Generation != bad || !strings.Contains(r.Message, file) {
			t.Errorf("rejected: %+v, want a listener of generation %d and the file's name", r, bad)
		}
	}
	ui.calls().reaches("a", "GET", cart+"/")
	m.Apply(route("all", "httpRoute: {match: {prefix: /}, "+to("b")+"}")) // routes are not held up
	machine.Eventually(t, "the route to change", func() string {
		if got := ui.calls().get(cart + "/"); got.App != "b" {
			return got.where(nil)
		}
		return ""
	})
	m.apply(logging("/dev/null"))
	if p, _ := m.Proxy(ui.resource, ui.name); len(p.Rejected) > 0 {
		t.Errorf("after it was mended: %+v", p)
	}
	ui.calls().reaches("b", "GET", cart+"/")
}
