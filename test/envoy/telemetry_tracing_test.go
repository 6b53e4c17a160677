package envoy

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/test/envoy/collector"
	"github.com/ownmesh/ownmesh/test/machine"
)

// A customer's request comes through the gateway, UI, Order and Inventory. Every Envoy on the way tells of it coming in
// and going out, and all of that is one trace, in which each span's parent is the one before.
var hops = []string{"gateway", "gateway", "ui", "ui", "order", "order", "inventory-v1"}

// To X-Ray's daemon by UDP, as App Mesh did.
func TestTracesToXRay(t *testing.T) {
	daemon := collector.UDP(t)
	gateway := ordering(t, func(string) []string {
		return []string{"ENABLE_ENVOY_XRAY_TRACING=1", "AWS_XRAY_DAEMON_ADDRESS=tcp:127.0.0.1:1 udp:" + daemon.Address, "XRAY_SAMPLING_RATE=1"}
	})
	order(gateway)
	segments := func() []collector.Span {
		spans, err := daemon.Segments()
		if err != nil {
			t.Fatal(err)
		}
		return spans
	}
	for i, s := range joined(t, segments) {
		if want := "ordering/" + hops[i]; s.Service != want || s.Node != want {
			t.Errorf("span %d is of %s, and app_mesh says %s; want %s", i, s.Service, s.Node, want)
		}
	}
}

// To an OpenTelemetry collector by OTLP, each service under its own name.
func TestTracesToOpenTelemetry(t *testing.T) {
	traces := collector.OTLP(t)
	gateway := ordering(t, func(node string) []string {
		variables := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + traces.Address}
		if node == "ui" {
			variables = append(variables, "OTEL_SERVICE_NAME=the UI")
		}
		return variables
	})
	order(gateway)
	for i, s := range joined(t, traces.Spans) {
		want := "ordering/" + hops[i]
		if hops[i] == "ui" {
			want = "the UI"
		}
		if s.Service != want {
			t.Errorf("span %d is of %s, want %s", i, s.Service, want)
		}
	}
}

// To Jaeger, in Zipkin's format, which calls a service what Envoy's node.cluster is.
func TestTracesToJaeger(t *testing.T) {
	traces := collector.Zipkin(t)
	_, port, _ := strings.Cut(traces.Address, ":")
	gateway := ordering(t, func(node string) []string {
		return []string{"ENABLE_ENVOY_JAEGER_TRACING=1", "JAEGER_TRACER_PORT=" + port, "JAEGER_TRACER_VERSION=JSON", "APPMESH_RESOURCE_CLUSTER=" + node}
	})
	order(gateway)
	for i, s := range joined(t, traces.Spans) {
		if s.Service != hops[i] {
			t.Errorf("span %d is of %s, want %s", i, s.Service, hops[i])
		}
	}
}

// A share of requests is traced, whichever the tracer is; a proxy that traces none makes no spans.
func TestTracedShare(t *testing.T) {
	traces := collector.OTLP(t)
	m := start(t, shop("http")+route("all", "httpRoute: {match: {prefix: /}, "+to("a")+"}"))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	for share, traced := range map[string]int{"0": 0, "1": 3} {
		ui := m.sidecar("virtualNode/ui", withVariables("OTEL_EXPORTER_OTLP_ENDPOINT="+traces.Address, "OWNMESH_TRACED_SHARE="+share))
		m.ready()
		c := ui.calls()
		for range 3 {
			c.reaches("a", "GET", cart+"/one")
		}
		if got, not := ui.stat("http.egress.tracing.random_sampling"), ui.stat("http.egress.tracing.not_traceable"); got != traced || not != 3-traced {
			t.Errorf("of 3 requests %d are traced and %d are not, with a share of %s", got, not, share)
		}
	}
}

// joined waits for a span of each hop, and returns them as one chain.
func joined(t *testing.T, come func() []collector.Span) []collector.Span {
	t.Helper()
	var spans []collector.Span
	machine.Eventually(t, "a span of every hop", func() string {
		if spans = come(); len(spans) < len(hops) {
			return fmt.Sprintf("%d spans: %+v", len(spans), spans)
		}
		return ""
	})
	chain, instead := collector.Chain(spans)
	if instead != "" {
		t.Fatal(instead)
	}
	if d := cmp.Diff(len(hops), len(chain)); d != "" {
		t.Fatalf("length of %+v (-want +got):\n%s", chain, d)
	}
	return chain
}

// ordering runs the ordering application with Envoys that have the variables of their node, and returns its gateway.
func ordering(t *testing.T, variables func(node string) []string) *sidecar {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(envoybin.Root(), "examples/ordering/mesh.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m := start(t, string(document))
	program := filepath.Join(t.TempDir(), "services")
	build := exec.Command("go", "build", "-o", program, "./examples/ordering/services")
	build.Dir = envoybin.Root()
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the services: %v\n%s", err, said)
	}
	for _, hop := range []struct{ node, service, next, variable string }{
		{"ui", "ui", "order", "ORDER_URL"}, {"order", "order", "inventory", "INVENTORY_URL"}, {"inventory-v1", "inventory", "", ""},
	} {
		listen := local(freePort(t))
		s := m.sidecar("virtualNode/"+hop.node, at("application/8080", listen), withVariables(variables(hop.node)...))
		var environment []string
		if hop.next != "" {
			environment = append(environment, hop.variable+"=http://"+s.addresses["service/"+hop.next+".ordering.local:8080"])
		}
		service(t, listen, environment, program, hop.service)
	}
	gateway := m.sidecar("virtualGateway/gateway", withVariables(variables("gateway")...))
	m.ready()
	for _, s := range m.sidecars { // else they wait for 5 seconds, or for 5 spans
		s.set("tracing.opentelemetry.min_flush_spans", "1")
		s.set("tracing.zipkin.min_flush_spans", "1")
	}
	return gateway
}

// order is a customer's one request.
func order(gateway *sidecar) {
	gateway.m.t.Helper()
	if a := gateway.customers(8080).get("http://shop.example.com/orders/7"); a.Status != http.StatusOK {
		gateway.m.t.Fatalf("got %+v", a)
	}
}

// service runs a program that listens, until the test ends.
func service(t *testing.T, listen string, environment []string, program string, arguments ...string) {
	t.Helper()
	cmd := exec.Command(program, arguments...)
	cmd.Env, cmd.SysProcAttr = append(environment, "LISTEN="+listen), attributes()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	machine.Eventually(t, strings.Join(arguments, " ")+" to listen", func() string {
		c, err := net.Dial("tcp", listen)
		if err != nil {
			return err.Error()
		}
		c.Close()
		return ""
	})
}

// set sets a runtime value, by the admin interface.
func (s *sidecar) set(key, value string) {
	t := s.m.t
	t.Helper()
	res, err := s.client.Post("http://"+s.admin+"/runtime_modify?"+key+"="+value, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("set %s of %s: %s", key, s.name, res.Status)
	}
}
