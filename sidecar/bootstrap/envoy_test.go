package bootstrap_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	xdsresource "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/internal/freeport"
	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
)

// A real Envoy connects with the rendered bootstrap by delta xDS, serves what it is given, shows its metrics with
// App Mesh's tags on the metrics listener, and nothing else of its admin interface there.
func TestEnvoyRuns(t *testing.T) {
	const nodeID = "mesh/shop/virtualNode/cart"
	inbound, admin, metrics := freePort(t), freePort(t), freePort(t)
	xds, nodes := serve(t, nodeID, listener(t, inbound))
	y, err := bootstrap.Render(bootstrap.Options{
		NodeID: nodeID, XDS: xds, Admin: local(admin), Metrics: local(metrics), StatsTags: true,
		OutlierLog: os.DevNull,
		Metadata:   events.NodeMetadata{Instance: "cart-1", Explicit: map[string]string{"bind/8080": local(inbound)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, y)
	waitFor(t, "http://"+local(inbound)+"/", http.StatusNoContent)

	n := <-nodes
	m := n.GetMetadata().GetFields()[events.MetadataKey].GetStructValue().AsMap()
	if n.GetId() != nodeID || m["instance"] != "cart-1" || m["explicit"].(map[string]any)["bind/8080"] != local(inbound) {
		t.Errorf("the relay saw the node %v", n)
	}
	body := waitFor(t, "http://"+local(metrics)+"/stats/prometheus", http.StatusOK)
	for _, want := range []string{
		`appmesh_mesh="shop"`, `appmesh_virtual_node="cart"`, `appmesh_listener_protocol="http2"`,
		`appmesh_listener_port="8080"`, `envoy_http_conn_manager_prefix="ingress"`,
	} {
		if !strings.Contains(lineOf(body, "envoy_http_downstream_rq_total"), want) {
			t.Errorf("no %s in %q", want, lineOf(body, "envoy_http_downstream_rq_total"))
		}
	}
	waitFor(t, "http://"+local(metrics)+"/ready", http.StatusOK)
	for _, path := range []string{"/", "/config_dump", "/quitquitquit", "/stats", "/ready/../config_dump", "/ready%2f..%2fconfig_dump"} {
		res, err := http.Get("http://" + local(metrics) + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s answers %s on the metrics listener", path, res.Status)
		}
	}
	res, err := http.Post("http://"+local(metrics)+"/ready", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("POST answers %s on the metrics listener", res.Status)
	}
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func freePort(t *testing.T) int {
	t.Helper()
	port, err := freeport.Next()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// listener answers 204 and has the stat prefix of a proxy with several listeners.
func listener(t *testing.T, port int) *listenerv3.Listener {
	t.Helper()
	pack := func(m proto.Message) *anypb.Any {
		a, err := anypb.New(m)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	return &listenerv3.Listener{
		Name: "inbound",
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
		}}},
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(&hcmv3.HttpConnectionManager{
				StatPrefix: "ingress.http2.8080",
				HttpFilters: []*hcmv3.HttpFilter{{
					Name:       "envoy.filters.http.router",
					ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&routerv3.Router{})},
				}},
				RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{
					VirtualHosts: []*routev3.VirtualHost{{Name: "all", Domains: []string{"*"}, Routes: []*routev3.Route{{
						Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
						Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 204}},
					}}}},
				}},
			})},
		}}}},
	}
}

// serve starts a stand-in for the relay and passes on the first node it sees.
func serve(t *testing.T, nodeID string, l *listenerv3.Listener) (address string, nodes <-chan *corev3.Node) {
	t.Helper()
	snapshots := cache.NewSnapshotCache(true, cache.IDHash{}, nil)
	snapshot, err := cache.NewSnapshot("1", map[xdsresource.Type][]types.Resource{xdsresource.ListenerType: {l}})
	if err != nil {
		t.Fatal(err)
	}
	if err := snapshots.SetSnapshot(t.Context(), nodeID, snapshot); err != nil {
		t.Fatal(err)
	}
	seen := make(chan *corev3.Node, 1)
	callbacks := server.CallbackFuncs{StreamDeltaRequestFunc: func(_ int64, r *discoveryv3.DeltaDiscoveryRequest) error {
		select {
		case seen <- r.GetNode():
		default:
		}
		return nil
	}}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(g, server.NewServer(ctx, snapshots, callbacks))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.Serve(socket)
	}()
	t.Cleanup(func() {
		cancel()
		g.Stop()
		<-done
	})
	return socket.Addr().String(), seen
}

func run(t *testing.T, config []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd := exec.Command(envoybin.Find(t), "-c", file, "--use-dynamic-base-id", "--concurrency", "1", "-l", "warning")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("envoy said:\n%s", log.String())
		}
	})
}

// waitFor asks until url answers with status, and returns the body.
func waitFor(t *testing.T, url string, status int) string {
	t.Helper()
	last := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(url)
		if err != nil {
			last = err.Error()
			continue
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode == status && err == nil {
			return string(body)
		}
		last = res.Status
	}
	t.Fatalf("%s: want %d, last got %s", url, status, last)
	return ""
}

func lineOf(body, prefix string) string {
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, prefix) && strings.Contains(line, "listener_port") {
			return line
		}
	}
	return ""
}
