package bootstrap_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/certtest"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
)

var update = flag.Bool("update", false, "write the goldens anew")

// forms is every form that a bootstrap takes; each has a golden, and real Envoy accepts each.
var forms = map[string]bootstrap.Options{
	"least": {NodeID: "mesh/shop/virtualNode/cart", XDS: "127.0.0.1:15010"},
	"arn": {
		NodeID:    "arn:aws:appmesh:us-east-1:123456789012:mesh/shop@210987654321/virtualGateway/web/v2",
		Cluster:   "web",
		XDS:       "[::1]:15010",
		Admin:     "[::1]:0",
		Region:    "us-east-1",
		ZoneID:    "use1-az1",
		StatsTags: true,
		Metadata:  events.NodeMetadata{Instance: "arn:aws:ecs:us-east-1:123456789012:task/prod/8f0e"},
	},
	"relay-tls": {NodeID: "mesh/shop/virtualNode/cart", XDS: "relay.shop.internal:15010", Credentials: "/run/ownmesh"},
	"relay-ip":  {NodeID: "mesh/shop/virtualNode/cart", XDS: "10.0.0.7:15010", Credentials: "/run/ownmesh"},
	"explicit": {
		NodeID: "mesh/shop/virtualNode/cart",
		XDS:    "localhost:15010",
		Admin:  "127.0.0.1:19901",
		Metadata: events.NodeMetadata{Instance: "cart-1", Explicit: map[string]string{
			"bind/8080":                    "127.0.0.1:20001",
			"application/8080":             "127.0.0.1:8080",
			"service/stock.shop.local:80":  "127.0.0.1:20002",
			"service/stock.shop.local:443": "[::1]:20003",
			"proxy":                        "127.0.0.1:20004",
		}},
	},
	"explicit-empty": {
		NodeID:   "mesh/shop/virtualNode/cart",
		XDS:      "127.0.0.1:15010",
		Metadata: events.NodeMetadata{Explicit: map[string]string{}},
	},
	"metrics": {
		NodeID:     "mesh/shop/virtualGateway/web",
		XDS:        "unix:///run/ownmesh/xds.sock",
		Admin:      "127.0.0.1:9901",
		Metrics:    "0.0.0.0:9090",
		StatsTags:  true,
		OutlierLog: "/dev/null",
	},
	"sinks": {
		NodeID:        "mesh/shop/virtualGateway/web",
		XDS:           "127.0.0.1:15010",
		FlushInterval: 1500 * time.Millisecond,
		Sinks: []bootstrap.StatsD{
			{Address: "127.0.0.1:8125", Tagged: true}, {Address: "unix:///run/dsd.socket", Tagged: true}, {Address: "[::1]:8125"},
		},
		MetricsExtension: true,
		StatsTags:        true,
	},
	"xray": {
		NodeID: "mesh/shop/virtualGateway/web", XDS: "127.0.0.1:15010",
		Tracer: bootstrap.XRay{Daemon: "127.0.0.1:2000"},
	},
	"xray-rules": {
		NodeID: "mesh/shop/virtualNode/cart", XDS: "127.0.0.1:15010",
		Tracer: bootstrap.XRay{
			Daemon: "[::1]:2001", Segment: "cart of shop",
			Manifest: `{"version":2,"default":{"fixed_target":1,"rate":0.5},"rules":[]}`,
		},
	},
	"jaeger": {
		NodeID: "mesh/shop/virtualNode/cart", XDS: "127.0.0.1:15010", Cluster: "cart",
		Tracer: bootstrap.Zipkin{Name: "jaeger", Collector: "jaeger.tracing:9411"},
	},
	"zipkin": {
		NodeID: "mesh/shop/virtualNode/cart", XDS: "127.0.0.1:15010", TracedShare: share(0.125),
		Tracer: bootstrap.Zipkin{Name: "zipkin", Collector: "127.0.0.1:9411", JSON: true},
	},
	"datadog": {
		NodeID: "mesh/shop/virtualNode/cart", XDS: "127.0.0.1:15010",
		Tracer: bootstrap.Datadog{Agent: "127.0.0.1:8126"},
	},
	"opentelemetry": {
		NodeID: "mesh/shop/virtualNode/cart", XDS: "127.0.0.1:15010",
		Tracer: bootstrap.OpenTelemetry{Collector: "collector:4317", Service: "cart"},
	},
	"app-mesh": {
		NodeID: "mesh/shop/virtualNode/cart", XDS: "127.0.0.1:15010",
		Admin: "unix:///tmp/envoy_admin.sock", AdminLog: "/dev/null", SDSSocket: "/run/spire/sockets/agent.sock",
		FetchTimeout: 15 * time.Second, MaxRequestsPerIOCycle: 1,
		Platform: bootstrap.Platform{
			KubernetesVersion: "1.33", PodUID: "1e01-22", ControllerVersion: "v1.13.0",
			ContainerInstance: "arn:aws:ecs:us-east-1:123456789012:container-instance/prod/1", FIPS: true,
		},
	},
	"fragments": {
		NodeID: "mesh/shop/virtualNode/cart", XDS: "127.0.0.1:15010", NoStatsTags: true,
		Sinks: []bootstrap.StatsD{{Address: "127.0.0.1:8125"}},
		Fragments: []bootstrap.Fragment{
			{Name: "stats.yaml", YAML: []byte(`statsConfig: {use_all_default_tags: false}`)},
			{Name: "more.yaml", YAML: []byte(`{
  static_resources: {clusters: [{name: mine, type: STATIC}]},
  stats_sinks: [{name: envoy.stat_sinks.metrics_service, typedConfig: {
    "@type": type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig, transport_api_version: V3,
    grpc_service: {envoy_grpc: {cluster_name: mine}}}}],
  statsFlushInterval: 2s}`)},
			{Name: "empty.yaml"},
		},
	},
}

func share(s float64) *float64 { return &s }

func TestRender(t *testing.T) {
	envoy := envoybin.Find(t)
	for name, o := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := bootstrap.Render(o)
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				again, err := bootstrap.Render(o)
				if err != nil || !bytes.Equal(got, again) {
					t.Fatalf("the same options gave other bytes (error %v)", err)
				}
			}
			file := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("(-want +got), refresh with go test ./sidecar/bootstrap -update\n%s", diff)
			}
			if o.Credentials != "" {
				file = withCredentials(t, got, o.Credentials)
			}
			out, err := exec.CommandContext(t.Context(), envoy, "--mode", "validate", "-c", file).CombinedOutput()
			if err != nil {
				t.Errorf("envoy refused it: %v\n%s", err, out)
			}
			if strings.Contains(string(out), "Unknown runtime") || strings.Contains(string(out), "[error]") {
				t.Errorf("envoy complained:\n%s", out)
			}
		})
	}
}

// withCredentials gives a file with the same bootstrap, and the files that it names: Envoy reads them.
func withCredentials(t *testing.T, rendered []byte, folder string) (file string) {
	t.Helper()
	dir := t.TempDir()
	secret, err := bootstrap.TokenSecret(dir)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "bootstrap.yaml")
	for name, content := range map[string][]byte{
		file:                                     bytes.ReplaceAll(rendered, []byte(folder), []byte(dir)),
		filepath.Join(dir, bootstrap.SecretFile): secret,
		filepath.Join(dir, bootstrap.TokenFile):  []byte("token"),
		filepath.Join(dir, bootstrap.CAFile):     certtest.New(t, "relays").PEM,
	} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// Every golden belongs to a form: a renamed one leaves no orphan.
func TestNoOrphanGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := forms[strings.TrimSuffix(filepath.Base(f), ".yaml")]; !ok {
			t.Errorf("%s belongs to no form", f)
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	const node, xds = "mesh/shop/virtualNode/cart", "127.0.0.1:15010"
	for name, tc := range map[string]struct {
		o    bootstrap.Options
		want string
	}{
		"no node":              {bootstrap.Options{XDS: xds}, `resource "" must be mesh/<mesh>/virtualNode/<name>`},
		"a router":             {bootstrap.Options{NodeID: "mesh/shop/virtualRouter/cart", XDS: xds}, "must be mesh/<mesh>"},
		"another service":      {bootstrap.Options{NodeID: "arn:aws:ecs:r:a:mesh/shop/virtualNode/cart", XDS: xds}, "must be mesh/<mesh>"},
		"a name missing":       {bootstrap.Options{NodeID: "mesh/shop/virtualNode/", XDS: xds}, "must be mesh/<mesh>"},
		"no relay":             {bootstrap.Options{NodeID: node}, `relay's address: "" must be host:port`},
		"relay beyond":         {bootstrap.Options{NodeID: node, XDS: "10.0.0.1:15010"}, "must be on loopback"},
		"relay by name":        {bootstrap.Options{NodeID: node, XDS: "relay.internal:15010"}, "must start with an IP address"},
		"relay without port":   {bootstrap.Options{NodeID: node, XDS: "127.0.0.1:0"}, "must have a port"},
		"relative folder":      {bootstrap.Options{NodeID: node, XDS: xds, Credentials: "run"}, `folder of credentials "run" must be an absolute path`},
		"relay's bad port":     {bootstrap.Options{NodeID: node, XDS: "relay:0", Credentials: "/run"}, "must have a port between 1 and 65535"},
		"relay's bad host":     {bootstrap.Options{NodeID: node, XDS: "/x y:1", Credentials: "/run"}, "must be host:port"},
		"relative socket":      {bootstrap.Options{NodeID: node, XDS: "unix://run/x"}, "absolute path"},
		"admin beyond":         {bootstrap.Options{NodeID: node, XDS: xds, Admin: "0.0.0.0:9901"}, "admin address \"0.0.0.0:9901\" must be on loopback"},
		"admin port too large": {bootstrap.Options{NodeID: node, XDS: xds, Admin: "127.0.0.1:65536"}, "between 0 and 65535"},
		"metrics without admin port": {
			bootstrap.Options{NodeID: node, XDS: xds, Admin: "127.0.0.1:0", Metrics: "127.0.0.1:9090"}, "metrics need a fixed admin port",
		},
		"StatsD by name":          {bootstrap.Options{NodeID: node, XDS: xds, Sinks: []bootstrap.StatsD{{Address: "statsd:8125"}}}, "must start with an IP address"},
		"StatsD without port":     {bootstrap.Options{NodeID: node, XDS: xds, Sinks: []bootstrap.StatsD{{Address: "127.0.0.1:0"}}}, "must have a port"},
		"flushed too often":       {bootstrap.Options{NodeID: node, XDS: xds, FlushInterval: 1}, "must be 1ms or more"},
		"X-Ray by socket":         {bootstrap.Options{NodeID: node, XDS: xds, Tracer: bootstrap.XRay{Daemon: "unix:///x"}}, "must be IP:port"},
		"collector's port":        {bootstrap.Options{NodeID: node, XDS: xds, Tracer: bootstrap.Datadog{Agent: "agent:0"}}, "between 1 and 65535"},
		"collector's host":        {bootstrap.Options{NodeID: node, XDS: xds, Tracer: bootstrap.OpenTelemetry{Collector: ":4317"}}, "must be host:port"},
		"share":                   {bootstrap.Options{NodeID: node, XDS: xds, TracedShare: share(1.5)}, "between 0 and 1"},
		"SDS socket":              {bootstrap.Options{NodeID: node, XDS: xds, SDSSocket: "agent.sock"}, "absolute path"},
		"fragment no YAML":        {fragment(`{`), "mine.yaml must be YAML"},
		"fragment a list":         {fragment(`[]`), "mine.yaml must be YAML with members"},
		"two stats_configs":       {fragment(`stats_config: {}`), "mine.yaml: stats_config is set already"},
		"both cases":              {fragment(`{stats_sinks: [], statsSinks: []}`), "there twice"},
		"clusters not listed":     {fragment(`static_resources: {clusters: {}}`), "clusters must be a list"},
		"resources not mapped":    {fragment(`static_resources: []`), "must be a map of lists"},
		"metrics and admin":       {bootstrap.Options{NodeID: node, XDS: xds, Metrics: "0.0.0.0:9901"}, "the admin interface and the metrics can't both be at port 9901"},
		"admin and relay":         {bootstrap.Options{NodeID: node, XDS: xds, Admin: "localhost:15010"}, "the relay and the admin interface can't both be at port 15010"},
		"admin and interception":  {bootstrap.Options{NodeID: node, XDS: xds, Admin: "127.0.0.1:15001"}, "on its way out can't both be at port 15001"},
		"metrics and second pass": {bootstrap.Options{NodeID: "mesh/shop/virtualGateway/web", XDS: xds, Metrics: "0.0.0.0:15001"}, "second pass can't both be at port 15001"},
		"one address for two": {bootstrap.Options{
			NodeID: node, XDS: xds,
			Metadata: events.NodeMetadata{Explicit: map[string]string{"proxy": "127.0.0.1:7001", "bind/8080": "0.0.0.0:7001", "application/8080": "127.0.0.1:7001"}},
		}, "bind/8080 and proxy can't both be at port 7001"},
		"explicit address": {bootstrap.Options{
			NodeID: node, XDS: xds,
			Metadata: events.NodeMetadata{Explicit: map[string]string{"bind/8080": "8080"}},
		}, `address for bind/8080: "8080" must be host:port`},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := bootstrap.Render(tc.o)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q, %v; want an error with %q", out, err, tc.want)
			}
		})
	}
}

// What looks alike and does no harm: other addresses of one port, sockets, a relay elsewhere, no interception.
func TestRenderTakesAddressesThatDoNotClash(t *testing.T) {
	const node = "mesh/shop/virtualNode/cart"
	for name, o := range map[string]bootstrap.Options{
		"addresses":    {NodeID: node, XDS: "127.0.0.1:15010", Admin: "127.0.0.1:9901", Metrics: "10.0.0.1:9901"},
		"versions":     {NodeID: node, XDS: "127.0.0.1:15010", Admin: "[::1]:9901", Metrics: "127.0.0.1:9901"},
		"a far relay":  {NodeID: node, XDS: "relay.example:9901", Credentials: "/run/ownmesh"},
		"a gateway":    {NodeID: "mesh/shop/virtualGateway/web", XDS: "127.0.0.1:15010", Admin: "127.0.0.1:15000"},
		"no redirects": {NodeID: node, XDS: "127.0.0.1:15010", Admin: "127.0.0.1:15001", Metadata: events.NodeMetadata{Explicit: map[string]string{}}},
		"one application": {NodeID: node, XDS: "127.0.0.1:15010", Metadata: events.NodeMetadata{
			Explicit: map[string]string{"application/80": "127.0.0.1:9080", "application/81": "127.0.0.1:9080", "bind/80": "127.0.0.1:0", "bind/81": "127.0.0.1:0"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := bootstrap.Render(o); err != nil {
				t.Error(err)
			}
		})
	}
}

func fragment(yaml string) bootstrap.Options {
	return bootstrap.Options{
		NodeID: "mesh/shop/virtualNode/cart", XDS: "127.0.0.1:15010",
		Fragments: []bootstrap.Fragment{{Name: "mine.yaml", YAML: []byte(yaml)}},
	}
}

func TestParseNodeID(t *testing.T) {
	for id, want := range map[string]bootstrap.NodeID{
		"mesh/shop/virtualNode/cart":                                        {Mesh: "shop", Kind: "virtualNode", Name: "cart"},
		"mesh/shop@123456789012/virtualGateway/web":                         {Mesh: "shop", Kind: "virtualGateway", Name: "web"},
		"arn:aws-cn:appmesh:cn-north-1:1:mesh/shop/virtualNode/team/cart:2": {Mesh: "shop", Kind: "virtualNode", Name: "team/cart:2"},
	} {
		if got, err := bootstrap.ParseNodeID(id); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", id, got, err)
		}
	}
}
