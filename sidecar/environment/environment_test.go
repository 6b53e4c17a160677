package environment_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
	"github.com/ownmesh/ownmesh/sidecar/environment"
)

// read reads variables that are given as "NAME=VALUE".
func read(variables ...string) (environment.Settings, error) {
	m := map[string]string{}
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		m[name] = value
	}
	return environment.Read(func(name string) string { return m[name] }, os.ReadFile)
}

func settings(t *testing.T, variables ...string) environment.Settings {
	t.Helper()
	s, err := read(variables...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// file writes a file and gives its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// No variable that App Mesh's image read is unknown here, and each has one explanation.
func TestVariablesAreAll(t *testing.T) {
	known := map[string]bool{}
	for _, v := range environment.Variables {
		if known[v.Name] {
			t.Errorf("%s is there twice", v.Name)
		}
		known[v.Name] = true
		if (v.Means == "") == (v.Without == "") {
			t.Errorf("%s must say what it does, or why it does nothing", v.Name)
		}
	}
	list, err := os.ReadFile("testdata/app-mesh.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(list)) {
		if !known[name] {
			t.Errorf("%s is not known", name)
		}
	}
}

// Each variable that is said to do something changes the settings; each that is not is reported.
func TestVariablesDoWhatIsSaid(t *testing.T) {
	yaml := file(t, "{stats_config: {}, stats_sinks: [], tracing: {}}")
	rules := file(t, `{"version": 2, "default": {"fixed_target": 0, "rate": 1}}`)
	const xray, jaeger, zipkin, datadog, otlp, dog = "ENABLE_ENVOY_XRAY_TRACING=1", "ENABLE_ENVOY_JAEGER_TRACING=1",
		"ENABLE_ENVOY_ZIPKIN_TRACING=1", "ENABLE_ENVOY_DATADOG_TRACING=1", "OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4317", "ENABLE_ENVOY_DOG_STATSD=1"
	const api, local = "OWNMESH_API=http://127.0.0.1:9080", "OWNMESH_INTERCEPTION=explicit"
	samples := map[string][]string{ // the value, and what else must be set
		"APPMESH_RESOURCE_ARN": {"mesh/shop/virtualNode/cart"}, "APPMESH_RESOURCE_NAME": {"mesh/shop/virtualNode/cart"},
		"APPMESH_VIRTUAL_NODE_NAME": {"mesh/shop/virtualNode/cart"}, "APPMESH_XDS_ENDPOINT": {"unix:///run/xds.sock"},
		"OWNMESH_METRICS_ADDRESS": {"9090"}, "APPMESH_METRIC_EXTENSION_VERSION": {"1"}, "ENVOY_STATS_FLUSH_INTERVAL": {"1s"},
		"STATSD_ADDRESS": {"10.0.0.1", dog}, "STATSD_PORT": {"8126", dog}, "STATSD_SOCKET_PATH": {"/run/dsd.socket", dog},
		"AWS_XRAY_DAEMON_ADDRESS": {"10.0.0.1", xray}, "XRAY_DAEMON_PORT": {"2001", xray}, "XRAY_SAMPLING_RATE": {"0.5", xray},
		"XRAY_SAMPLING_RULE_MANIFEST": {rules, xray}, "XRAY_SEGMENT_NAME": {"cart", xray},
		"JAEGER_TRACER_ADDRESS": {"jaeger", jaeger}, "JAEGER_TRACER_PORT": {"1", jaeger}, "JAEGER_TRACER_VERSION": {"JSON", jaeger},
		"ZIPKIN_TRACER_ADDRESS": {"zipkin", zipkin}, "ZIPKIN_TRACER_PORT": {"1", zipkin},
		"DATADOG_TRACER_ADDRESS": {"agent", datadog}, "DATADOG_TRACER_PORT": {"1", datadog}, "DD_SERVICE": {"cart", datadog},
		"OTEL_EXPORTER_OTLP_ENDPOINT": {"http://otel:4317"}, "OTEL_SERVICE_NAME": {"cart", otlp}, "OWNMESH_TRACED_SHARE": {"0.5"},
		"ENVOY_TRACING_CFG_FILE": {yaml}, "ENVOY_STATS_CONFIG_FILE": {yaml}, "ENVOY_STATS_SINKS_CFG_FILE": {yaml},
		"ENVOY_RESOURCES_CONFIG_FILE": {yaml}, "ENVOY_CONFIG_FILE": {yaml},
		"ENVOY_INITIAL_FETCH_TIMEOUT": {"15"}, "APPMESH_SDS_SOCKET_PATH": {"/run/agent.sock"}, "ENVOY_ADMIN_MODE": {"uds"},
		"ENVOY_ADMIN_ACCESS_PORT": {"9902"}, "MAX_REQUESTS_PER_IO_CYCLE": {"1"}, "ENVOY_LOG_LEVEL": {"debug"},
		"OWNMESH_API": {"http://127.0.0.1:9081"}, "OWNMESH_DIR": {"/tmp/x"}, "OWNMESH_LOG_LEVEL": {"debug"},
		"OWNMESH_INTERCEPTION": {"explicit", api}, "OWNMESH_APPLICATION": {"8080=9080", api, local}, "OWNMESH_BIND": {"8080=9080", api, local},
		"OWNMESH_SERVICES": {"stock.shop.local:80=7001", api, local}, "OWNMESH_PROXY": {"7000", api, local}, "LISTENER_DRAIN_WAIT_TIME_S": {"5"},
		"ENVOY_CONCURRENCY": {"2"}, "DISABLE_HOT_RESTART": {"false"}, "ENVOY_SKIP_DEPRECATED_LOGS": {"0"},
	}
	for _, v := range environment.Variables {
		sample, ok := samples[v.Name]
		if !ok {
			sample = []string{"1"} // a switch, or any text
		}
		without := settings(t, sample[1:]...)
		with := settings(t, append(sample[1:], v.Name+"="+sample[0])...)
		if v.Without != "" {
			if d := cmp.Diff([]environment.Variable{v}, with.Idle); d != "" {
				t.Errorf("%s is not reported (-want +got):\n%s", v.Name, d)
			}
			with.Idle = nil
		}
		if changes := cmp.Diff(without, with) != ""; changes != (v.Means != "") {
			t.Errorf("%s=%s: changes settings: %v; it means %q", v.Name, sample[0], changes, v.Means)
		}
		if blank := settings(t, append(sample[1:], v.Name+"=  ")...); v.Name != "OTEL_EXPORTER_OTLP_ENDPOINT" && cmp.Diff(without, blank) != "" {
			t.Errorf("%s: a blank value is not like none", v.Name)
		}
	}
}

// Every wrong value is told at once, with the variable, the value, and what would be right.
func TestWrongValues(t *testing.T) {
	wrong := map[string]string{
		"APPMESH_RESOURCE_ARN=cart":                          "must be mesh/<mesh>/virtualNode/<name>",
		"APPMESH_XDS_ENDPOINT=appmesh.amazonaws.com:443":     "must be a loopback IP:port or unix:///path",
		"ENVOY_INITIAL_FETCH_TIMEOUT=5s":                     "must be a number of seconds",
		"APPMESH_SDS_SOCKET_PATH=agent.sock":                 "must be an absolute path",
		"OWNMESH_API=api.example":                            "must be a URL such as https://",
		"OWNMESH_DIR=run":                                    "must be an absolute path",
		"OWNMESH_LOG_LEVEL=loud":                             "must be one of debug, info, warn, error",
		"OWNMESH_INTERCEPTION=none":                          "must be one of transparent, explicit",
		"OWNMESH_BIND=8080":                                  `"8080" must be PORT=ADDR`,
		"OWNMESH_APPLICATION=8080=1 8080=2":                  "must have application/8080 once only",
		"OWNMESH_SERVICES=stock=7001":                        "must be NAME:PORT=ADDR",
		"OWNMESH_PROXY=localhost":                            "must be IP:PORT or a port",
		"LISTENER_DRAIN_WAIT_TIME_S=5s":                      "must be a number of seconds from 0 to 3600",
		"ENVOY_ADMIN_MODE=http":                              "must be one of tcp, uds",
		"ENVOY_ADMIN_ACCESS_PORT=0":                          "must be a port between 1 and 65535",
		"ENVOY_ADMIN_ACCESS_ENABLE_IPV6=maybe":               "must be true or false",
		"OWNMESH_METRICS_ADDRESS=example.com:90":             "must be IP:port, or a port",
		"MAX_REQUESTS_PER_IO_CYCLE=-1":                       "must be a number from 1",
		"ENVOY_LOG_LEVEL=loud":                               "must be one of info, trace",
		"ENVOY_CONCURRENCY=0":                                "must be a number of workers from 1",
		"APPMESH_METRIC_EXTENSION_VERSION=2":                 "must be one of 0, 1",
		"ENVOY_STATS_FLUSH_INTERVAL=5000":                    "such as 5000ms",
		"AWS_XRAY_DAEMON_ADDRESS=xray:2000":                  "must be an IP or IP:port",
		"XRAY_SAMPLING_RATE=5":                               "must be a number between 0 and 1",
		"XRAY_SAMPLING_RULE_MANIFEST=/none":                  "must name a file that can be read",
		"OWNMESH_TRACED_SHARE=NaN":                           "must be a number between 0 and 1",
		"ENVOY_RESOURCES_CONFIG_FILE=/none":                  "must name a file that can be read",
		"ENVOY_STATS_SINKS_CFG_FILE=" + file(t, "admin: {}"): "must name a file that has stats_sinks",
		"ENVOY_STATS_CONFIG_FILE=" + file(t, ""):             "is not empty",
	}
	variables := []string{"ENABLE_ENVOY_XRAY_TRACING=true"}
	for v := range wrong {
		variables = append(variables, v)
	}
	_, err := read(variables...)
	if err == nil {
		t.Fatal("all were accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	for v, must := range wrong {
		name, value, _ := strings.Cut(v, "=")
		found := false
		for _, line := range lines {
			found = found || strings.HasPrefix(line, name+` is "`+value+`"`) && strings.Contains(line, must)
		}
		if !found {
			t.Errorf("%s: no line says %q in\n%s", v, must, err)
		}
	}
	for v, must := range map[string]string{
		"STATSD_ADDRESS=statsd.local": "must be an IP address", "STATSD_PORT=tcp://10.0.0.1:8125": "must be a port",
		"STATSD_SOCKET_PATH=dsd.socket": "must be an absolute path", "ENABLE_ENVOY_STATSD=1": "turn one off",
		"JAEGER_TRACER_ADDRESS=http://jaeger:9411": "without scheme and port", "JAEGER_TRACER_VERSION=thrift": "must be one of PROTO, JSON",
	} {
		if _, err := read("ENABLE_ENVOY_DOG_STATSD=1", "ENABLE_ENVOY_JAEGER_TRACING=1", v); err == nil || !strings.Contains(err.Error(), must) {
			t.Errorf("%s: got %v, want %q", v, err, must)
		}
	}
	for _, v := range []string{"https://otel:4317", "http://otel:4317/v1/traces", "unix:///run/otel.sock", "http://"} {
		if _, err := read("OTEL_EXPORTER_OTLP_ENDPOINT=" + v); err == nil || !strings.Contains(err.Error(), "must be http://host:port") {
			t.Errorf("%s: got %v", v, err)
		}
	}
}

// Two tracers at once are an error that names both; a tracing file of one's own replaces them.
func TestOneTracer(t *testing.T) {
	both := []string{"ENABLE_ENVOY_XRAY_TRACING=1", "OTEL_EXPORTER_OTLP_ENDPOINT=otel"}
	_, err := read(both...)
	if err == nil || !strings.Contains(err.Error(), "ENABLE_ENVOY_XRAY_TRACING and OTEL_EXPORTER_OTLP_ENDPOINT are set") {
		t.Errorf("got %v", err)
	}
	s := settings(t, append(both, "ENVOY_TRACING_CFG_FILE="+file(t, "tracing: {}"))...)
	if s.Options.Tracer != nil || len(s.Options.Fragments) != 1 {
		t.Errorf("got %+v", s.Options)
	}
	// Kubernetes sets such variables for a service called zipkin. It is none of ours as long as the tracer is off.
	if s := settings(t, "ZIPKIN_TRACER_PORT=tcp://10.0.0.1:9411"); s.Options.Tracer != nil {
		t.Errorf("got %+v", s.Options.Tracer)
	}
}

func TestXRayDaemon(t *testing.T) {
	for address, want := range map[string]string{
		"":                                  "127.0.0.1:2001",
		"10.0.0.1":                          "10.0.0.1:2001",
		"10.0.0.1:3000":                     "10.0.0.1:3000",
		"[::1]:3000":                        "[::1]:3000",
		"::1":                               "[::1]:2001",
		"tcp:10.0.0.1:1 udp:10.0.0.2:3000":  "10.0.0.2:3000",
		"udp:10.0.0.2:3000  tcp:10.0.0.1:1": "10.0.0.2:3000",
		"udp:10.0.0.2":                      "10.0.0.2:2001",
	} {
		s := settings(t, "ENABLE_ENVOY_XRAY_TRACING=1", "XRAY_DAEMON_PORT=2001", "AWS_XRAY_DAEMON_ADDRESS="+address)
		if got := s.Options.Tracer.(bootstrap.XRay).Daemon; got != want {
			t.Errorf("%q is %s, want %s", address, got, want)
		}
	}
	if _, err := read("ENABLE_ENVOY_XRAY_TRACING=1", "AWS_XRAY_DAEMON_ADDRESS=tcp:10.0.0.1:1"); err == nil {
		t.Error("a daemon without UDP was accepted")
	}
}

func TestXRaySampling(t *testing.T) {
	s := settings(t, "ENABLE_ENVOY_XRAY_TRACING=1", "XRAY_SAMPLING_RATE=0.25")
	if got, want := s.Options.Tracer.(bootstrap.XRay).Manifest, `{"version":2,"default":{"fixed_target":1,"rate":0.25},"rules":[]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for rules, want := range map[string]string{
		`[]`:             "cannot unmarshal",
		`{"version": 1}`: "its version is 1",
		`{"version": 2}`: "it has no default",
		`{"version": 2, "default": {"rate": 0.1}}`:                                                                                 "default.fixed_target",
		`{"version": 2, "default": {"fixed_target": 1, "rate": 10}}`:                                                               "default.rate must be between 0 and 1",
		`{"version": 2, "default": {"fixed_target": 1, "rate": 1}, "rules": [{"host": "*"}]}`:                                      "rules[0] must have host, http_method and url_path",
		`{"version": 2, "default": {"fixed_target": 1, "rate": 1}, "rules": [{"host": "*", "http_method": "*", "url_path": "*"}]}`: "rules[0].fixed_target",
	} {
		_, err := read("ENABLE_ENVOY_XRAY_TRACING=1", "XRAY_SAMPLING_RULE_MANIFEST="+file(t, rules))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", rules, err, want)
		}
	}
}

// The newest name of a proxy goes before older ones; what is not said has App Mesh's defaults.
func TestPrecedenceAndDefaults(t *testing.T) {
	s := settings(t, "APPMESH_VIRTUAL_NODE_NAME=mesh/a/virtualNode/old", "APPMESH_RESOURCE_NAME=mesh/a/virtualNode/newer",
		"APPMESH_VIRTUAL_NODE_CLUSTER=old", "APPMESH_RESOURCE_CLUSTER=new",
		"STATSD_SOCKET_PATH=/run/s", "STATSD_ADDRESS=10.0.0.1", "ENABLE_ENVOY_STATSD=1",
		"ENVOY_ADMIN_ACCESS_ENABLE_IPV6=1", "ENVOY_STATS_FLUSH_INTERVAL=1500ms", "OWNMESH_METRICS_ADDRESS=9090")
	want := bootstrap.Options{
		NodeID: "mesh/a/virtualNode/newer", Cluster: "new", Sinks: []bootstrap.StatsD{{Address: "unix:///run/s"}},
		Admin: "[::1]:9901", AdminLog: "/tmp/envoy_admin_access.log", FlushInterval: 1500 * time.Millisecond, Metrics: "127.0.0.1:9090",
	}
	if d := cmp.Diff(want, s.Options); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"--log-level", "info", "--disable-hot-restart", "--skip-deprecated-logs"}, s.Arguments); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
