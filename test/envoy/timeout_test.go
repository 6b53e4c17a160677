package envoy

import (
	"net/http"
	"testing"
	"time"
)

// A request may take as long as the route and the listener let it, 15 s where they say nothing.
func TestTimeouts(t *testing.T) {
	m := start(t, shop("http"))
	const long, short = "{unit: s, value: 10}", "{unit: ms, value: 200}"
	m.sidecar("virtualNode/a", at("application/8080", serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
				return
			}
		case "/never":
			<-r.Context().Done()
			return
		}
		answering("a")(w, r)
	}))))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.calls()
	for _, one := range []struct{ route, listener, path, reaches string }{
		{"", "", "/slow", "a"},
		{"perRequest: " + short, "", "/", "a"},
		{"perRequest: " + short, "", "/slow", "504"},
		{"perRequest: " + long, "", "/slow", "a"},
		{"", "perRequest: " + short, "/slow", "504"},
		{"perRequest: " + long, "perRequest: " + short, "/slow", "504"},
		{"perRequest: {unit: ms, value: 0}", "perRequest: {unit: ms, value: 0}", "/slow", "a"},
		{"idle: " + short, "", "/never", "504"},
		{"", "idle: " + short, "/never", "504"},
	} {
		timeout := func(members string) string {
			if members == "" {
				return ""
			}
			return ", timeout: {http: {" + members + "}}"
		}
		httpTimeout := ""
		if one.route != "" {
			httpTimeout = ", timeout: {" + one.route + "}"
		}
		m.apply(`
kind: VirtualNode
virtualNodeName: a
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}` + timeout(one.listener) + `}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
` + route("all", "httpRoute: {match: {prefix: /}, "+to("a")+httpTimeout+"}"))
		began := time.Now()
		got := c.get(cart + one.path)
		if got.where(nil) != one.reaches || time.Since(began) > 5*time.Second {
			t.Errorf("route %q, listener %q: %s reached %s after %v, want %s", one.route, one.listener, one.path, got.where(nil), time.Since(began), one.reaches)
		}
	}
}

// Idle TCP connections are closed after the timeout of the route, or of the listener.
func TestTCPIdleTimeouts(t *testing.T) {
	m := start(t, shop("tcp"))
	m.sidecar("virtualNode/a", at("application/8080", greeter(t, "a")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	for _, one := range []struct{ route, listener string }{
		{", timeout: {idle: {unit: ms, value: 200}}", ""},
		{"", ", timeout: {tcp: {idle: {unit: ms, value: 200}}}"},
	} {
		m.apply(`
kind: VirtualNode
virtualNodeName: a
spec:
  listeners: [{portMapping: {port: 8080, protocol: tcp}` + one.listener + `}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
` + route("all", "tcpRoute: {"+to("a")+one.route+"}"))
		c := ui.connect("cart.shop.local:8080")
		c.line()
		began := time.Now()
		if !c.closed() || time.Since(began) > 5*time.Second {
			t.Errorf("route %q, listener %q: an idle connection stays for %v", one.route, one.listener, time.Since(began))
		}
	}
}
