package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// envoy is a real one, with nothing but delta ADS in its bootstrap.
type envoy struct {
	t     testing.TB
	admin string
	log   *logBuffer
}

// logBuffer keeps Envoy's log, for tests that look into it and for those that fail.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// startEnvoy starts an Envoy that takes its configuration from xds, for the length of the test.
func startEnvoy(t testing.TB, xds string, metadata events.NodeMetadata, arguments ...string) *envoy {
	t.Helper()
	binary := envoybin.Find(t)
	dir := t.TempDir()
	host, port, err := net.SplitHostPort(xds)
	if err != nil {
		t.Fatal(err)
	}
	bootstrap, err := json.Marshal(map[string]any{
		"node":  map[string]any{"id": cartID, "cluster": cartID, "metadata": map[string]any{events.MetadataKey: metadata}},
		"admin": map[string]any{"address": socket("127.0.0.1", "0")},
		"dynamic_resources": map[string]any{
			"ads_config": map[string]any{
				"api_type": "DELTA_GRPC", "transport_api_version": "V3",
				"grpc_services": []any{map[string]any{"envoy_grpc": map[string]any{
					"cluster_name": "xds",
					"retry_policy": map[string]any{"retry_back_off": map[string]any{"base_interval": "0.05s", "max_interval": "0.2s"}},
				}}},
			},
			"cds_config": map[string]any{"ads": map[string]any{}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"},
			"lds_config": map[string]any{"ads": map[string]any{}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"},
		},
		"static_resources": map[string]any{"clusters": []any{map[string]any{
			"name": "xds", "type": "STATIC", "connect_timeout": "1s",
			"typed_extension_protocol_options": map[string]any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": map[string]any{
				"@type":                "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
				"explicit_http_config": map[string]any{"http2_protocol_options": map[string]any{}},
			}},
			"load_assignment": map[string]any{"cluster_name": "xds", "endpoints": []any{map[string]any{
				"lb_endpoints": []any{map[string]any{"endpoint": map[string]any{"address": socket(host, port)}}},
			}}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	config, adminPath := filepath.Join(dir, "bootstrap.json"), filepath.Join(dir, "admin")
	if err := os.WriteFile(config, bootstrap, 0o600); err != nil {
		t.Fatal(err)
	}
	e := &envoy{t: t, log: &logBuffer{}}
	command := exec.Command(binary, append([]string{
		"-c", config, "--use-dynamic-base-id", "--concurrency", "1", "--admin-address-path", adminPath,
		"--log-level", "info", "--drain-time-s", "1",
	}, arguments...)...)
	command.Stdout, command.Stderr = e.log, e.log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("Envoy's log:\n%s", e.log)
		}
	})
	eventually(t, "Envoy's admin address", func() bool {
		address, err := os.ReadFile(adminPath)
		e.admin = strings.TrimSpace(string(address))
		return err == nil && e.admin != ""
	})
	return e
}

func socket(host, port string) map[string]any {
	return map[string]any{"socket_address": map[string]any{"address": host, "port_value": json.Number(port)}}
}

// get asks the admin interface.
func (e *envoy) get(path string) string {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get("http://" + e.admin + path)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

// listener gives the address of a listener that is active; "" if there is none.
func (e *envoy) listener(name string) string {
	var said struct {
		Statuses []struct {
			Name    string `json:"name"`
			Address struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.Unmarshal([]byte(e.get("/listeners?format=json")), &said); err != nil {
		return ""
	}
	for _, l := range said.Statuses {
		if l.Name == name && l.Address.Socket.Port > 0 {
			return fmt.Sprintf("%s:%d", l.Address.Socket.Address, l.Address.Socket.Port)
		}
	}
	return ""
}

// ask sends a request through a listener; "" if that fails or isn't answered with 200.
func (e *envoy) ask(listener string) string {
	address := e.listener(listener)
	if address == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// application is a server that answers with its name. Its instance is registered by backend.
func application(t testing.TB, name string) netip.AddrPort {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }))
	t.Cleanup(server.Close)
	return netip.MustParseAddrPort(strings.TrimPrefix(server.URL, "http://"))
}

func backend(id string, at netip.AddrPort) endpoint.Instance {
	i := instance(id, at.Addr().String())
	i.Ports = map[int]int{8080: int(at.Port())}
	return i
}

// any port, which Envoy chooses.
func freeListener(name, routeConfig string) artifact.Resource {
	return listener(name, routeConfig, -20000)
}

func TestEnvoyIsServed(t *testing.T) {
	w := newWorld(t)
	w.Proxy(cart, cluster("c1"), freeListener("l1", "r1"), route("r1", "c1"))
	w.Register(backend("1", application(t, "one")))
	w.Publish()
	e := startEnvoy(t, w.address, events.NodeMetadata{Instance: "task-1"})
	eventually(t, "a request is answered", func() bool { return e.ask("l1") == "one" })
	eventually(t, "the proxy is current", func() bool { return w.proxy().State == events.Current })
	if p := w.proxy(); p.Instance != "task-1" || p.Generation != 1 {
		t.Errorf("%+v", p)
	}

	w.Register(backend("1", application(t, "two")))
	eventually(t, "the new endpoint answers", func() bool { return e.ask("l1") == "two" })
}
