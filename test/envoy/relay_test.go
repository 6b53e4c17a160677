package envoy

import (
	"testing"

	"github.com/ownmesh/ownmesh/test/machine"
)

// Without a control plane Envoys go on with what they have. When it is back they take up where they were, and learn
// what has changed meanwhile.
func TestRelayGone(t *testing.T) {
	m := start(t, shop("http")+route("all", "httpRoute: {match: {prefix: /}, "+to("a")+"}"))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", echo(t, "b")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	l := under(t, ui.calls, cart+"/", 2)
	l.more(50)

	m.Stop()
	machine.Eventually(t, "ui's Envoy to notice", func() string {
		if ui.stat("control_plane.connected_state") != 0 {
			return "it is connected"
		}
		return ""
	})
	if counts := l.more(200); counts["a"] < 200 {
		t.Errorf("without a control plane requests arrive %v", counts)
	}

	updates := ui.stat("cluster_manager.cluster_modified") + ui.stat("listener_manager.listener_modified")
	m.Start()
	m.ready()
	if n := ui.stat("cluster_manager.cluster_modified") + ui.stat("listener_manager.listener_modified"); n != updates {
		t.Errorf("when it came back, %d of ui's clusters and listeners were changed", n-updates)
	}
	m.apply(route("all", "httpRoute: {match: {prefix: /}, "+to("b")+"}"))
	l.over()
	if counts := l.more(100); counts["b"] < 100 {
		t.Errorf("after a change requests arrive %v, want at b alone", counts)
	}
	l.unharmed()
}
