package envoy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/test/envoy/collector"
	"github.com/ownmesh/ownmesh/test/machine"
)

// watched is a mesh in which front leads to ui's service and ui calls cart.shop.local, which a provides. As a has two
// listeners, its metrics tell protocol and port.
var watched = shop("http") + route("all", "httpRoute: {match: {prefix: /}, "+to("a")+"}") + `---
kind: VirtualNode
virtualNodeName: a
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}, {portMapping: {port: 9090, protocol: grpc}}, {portMapping: {port: 3306, protocol: tcp}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
---
kind: VirtualGateway
virtualGatewayName: front
spec: {listeners: [{portMapping: {port: 80, protocol: http}}]}
` + gatewayRoute("it", "prefix: /", "cart.shop.local", "")

// Metrics by pull and by push: for each way there is a proxy.
func TestMetrics(t *testing.T) {
	plain, tagged, socket := collector.UDP(t), collector.UDP(t), collector.Socket(t)
	m := start(t, watched)
	always := func(d *collector.Datagrams, more ...string) func(*sidecar) {
		host, port, _ := strings.Cut(d.Address, ":")
		return withVariables(append(more, "STATSD_ADDRESS="+host, "STATSD_PORT="+port, "ENVOY_STATS_FLUSH_INTERVAL=50ms")...)
	}
	shown := local(freePort(t))
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")), always(plain, "ENABLE_ENVOY_STATSD=1", "OWNMESH_METRICS_ADDRESS="+shown))
	ui := m.sidecar("virtualNode/ui", always(tagged, "ENABLE_ENVOY_DOG_STATSD=1", "ENABLE_ENVOY_STATS_TAGS=1"))
	gateway := m.sidecar("virtualGateway/front", withVariables(
		"ENABLE_ENVOY_DOG_STATSD=true", "STATSD_SOCKET_PATH="+socket.Address, "ENVOY_STATS_FLUSH_INTERVAL=50ms", "ENABLE_ENVOY_STATS_TAGS=true"))
	m.ready()
	ui.calls().reaches("a", "GET", cart+"/one")
	gateway.customers(80).reaches("a", "GET", "http://shop.example.com/two")

	come := func(what string, d *collector.Datagrams, prefix string, parts ...string) {
		t.Helper()
		machine.Eventually(t, what, func() string {
			if d.Line(prefix, parts...) == "" {
				return fmt.Sprintf("no %s… with %q", prefix, parts)
			}
			return ""
		})
	}
	// Plain StatsD has no tags: all is in the name.
	come("StatsD", plain, "envoy.http.ingress.http.8080.downstream_rq_2xx:", "|c")
	// DogStatsD has, and App Mesh's tags are among them.
	ofUI := []string{"|c", "appmesh.mesh:shop", "appmesh.virtual_node:ui", "envoy.cluster_name:" + clusterA, "envoy.response_code_class:2"}
	come("DogStatsD", tagged, "envoy.cluster.upstream_rq_xx:", ofUI...)
	come("DogStatsD by socket", socket, "envoy.http.downstream_rq_xx:",
		"appmesh.mesh:shop", "appmesh.virtual_gateway:front", "envoy.http_conn_manager_prefix:ingress")

	// Prometheus asks a listener that shows nothing else.
	_, text := fetched(t, "http://"+shown+"/stats/prometheus")
	if sample(text, "envoy_http_downstream_rq_total", `appmesh_listener_protocol="http"`, `appmesh_listener_port="8080"`,
		`envoy_http_conn_manager_prefix="ingress"`) != "2" {
		t.Errorf("no count of two requests in\n%s", text)
	}
	for path, want := range map[string]int{"/ready": 200, "/config_dump": 404, "/quitquitquit": 404} {
		if got, _ := fetched(t, "http://"+shown+path); got != want {
			t.Errorf("%s answers %d, want %d", path, got, want)
		}
	}
}

// With App Mesh's metrics extension on, its dimensions are on Envoy's own metrics, which count what it counted. This is
// the table of docs/telemetry.md.
func TestMetricsExtension(t *testing.T) {
	m := start(t, watched)
	shownA, shownUI := local(freePort(t)), local(freePort(t))
	a := m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")), at("application/9090", grpcEcho(t, "a")),
		at("application/3306", greeter(t, "a")), withVariables("APPMESH_METRIC_EXTENSION_VERSION=1", "OWNMESH_METRICS_ADDRESS="+shownA))
	ui := m.sidecar("virtualNode/ui", withVariables("APPMESH_METRIC_EXTENSION_VERSION=1", "OWNMESH_METRICS_ADDRESS="+shownUI,
		"ENVOY_STATS_FLUSH_INTERVAL=50ms")) // histograms show what was there at the last flush
	m.ready()
	c := ui.calls()
	for range 3 {
		c.reaches("a", "GET", cart+"/one")
	}
	a.customersGRPC(9090).reaches("a", "/shop.Cart/Add")
	inbound, outbound := "http://"+shownA+"/stats/prometheus", "http://"+shownUI+"/stats/prometheus"
	here, there := []string{`Mesh="shop"`, `VirtualNode="a"`}, []string{`Mesh="shop"`, `VirtualNode="ui"`, `TargetVirtualNode="a"`}
	ingress := append(here, `envoy_http_conn_manager_prefix="ingress"`, `appmesh_listener_port="8080"`)
	for _, c := range []struct {
		of, from, metric, want string
		labels                 []string
	}{
		{"ActiveConnectionCount", inbound, "envoy_http_downstream_cx_active", "", ingress},
		{"NewConnectionCount", inbound, "envoy_http_downstream_cx_total", "", ingress},
		{"ProcessedBytes", inbound, "envoy_http_downstream_cx_rx_bytes_total", "", ingress},
		{"ProcessedBytes", inbound, "envoy_http_downstream_cx_tx_bytes_total", "", ingress},
		{"RequestCount", inbound, "envoy_http_downstream_rq_total", "3", ingress},
		{"GrpcRequestCount", inbound, "envoy_cluster_upstream_rq_total", "1", append(here, `envoy_cluster_name="cds_ingress_shop_a_grpc_9090"`)},
		{"connections of TCP listeners", inbound, "envoy_tcp_downstream_cx_total", "", append(here, `envoy_tcp_prefix="ingress"`,
			`appmesh_listener_protocol="tcp"`, `appmesh_listener_port="3306"`)},
		{"TargetProcessedBytes", outbound, "envoy_cluster_upstream_cx_rx_bytes_total", "", there},
		{"TargetProcessedBytes", outbound, "envoy_cluster_upstream_cx_tx_bytes_total", "", there},
		{"HTTPCode_Target_2XX_Count", outbound, "envoy_cluster_upstream_rq_xx", "3", append(there, `envoy_response_code_class="2"`)},
		{"RequestCountPerTarget", outbound, "envoy_cluster_upstream_rq_total", "3", there},
		{"TargetResponseTime", outbound, "envoy_cluster_upstream_rq_time_count", "3", there},
	} {
		machine.Eventually(t, c.of, func() string {
			_, text := fetched(t, c.from)
			if got := sample(text, c.metric, c.labels...); got == "" || c.want != "" && got != c.want {
				return fmt.Sprintf("%s%q is %q, want %q", c.metric, c.labels, got, c.want)
			}
			return ""
		})
	}
}

// fetched is what is shown at a URL, once something is.
func fetched(t *testing.T, url string) (status int, body string) {
	t.Helper()
	machine.Eventually(t, url, func() string {
		res, err := http.Get(url)
		if err != nil {
			return err.Error()
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			return err.Error()
		}
		status, body = res.StatusCode, string(b)
		return ""
	})
	return status, body
}

// sample is the value of the first series of a metric, in Prometheus' format, that has all of these labels.
func sample(text, metric string, labels ...string) string {
next:
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, metric+"{") {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(line, l) {
				continue next
			}
		}
		_, value, _ := strings.Cut(line, "} ")
		return strings.TrimSpace(value)
	}
	return ""
}
