package relay_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

// cutter is a proxy before a relay that cuts the stream once, behind the message with a given number, whichever way
// that one goes. Later streams pass uncut.
type cutter struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	upstream discoveryv3.AggregatedDiscoveryServiceClient
	address  string

	mu       sync.Mutex
	messages int    // since arm
	after    int    // cut behind this one; 0: never
	history  string // what passed since arm
	cut      bool
}

func newCutter(t *testing.T, relay string) *cutter {
	t.Helper()
	connection, err := grpc.NewClient(relay, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{upstream: discoveryv3.NewAggregatedDiscoveryServiceClient(connection), address: listener.Addr().String()}
	server := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, c)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return c
}

// arm has the stream cut behind the next message with this number, counted from 1; 0: not at all.
func (c *cutter) arm(after int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages, c.after, c.cut, c.history = 0, after, false, ""
}

// turn sends later streams elsewhere.
func (c *cutter) turn(upstream discoveryv3.AggregatedDiscoveryServiceClient) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.upstream = upstream
}

// passed counts a message, and says whether the stream is to be cut behind it.
func (c *cutter) passed(what string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages++
	c.history += fmt.Sprintf("%3d %s\n", c.messages, what)
	if c.cut || c.after == 0 || c.messages < c.after {
		return false
	}
	c.cut = true
	c.history += "    cut\n"
	return true
}

func (c *cutter) seen() (messages int, cut bool, history string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.messages, c.cut, c.history
}

func (c *cutter) DeltaAggregatedResources(down discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	ctx, cancel := context.WithCancel(down.Context())
	defer cancel()
	c.mu.Lock()
	upstream := c.upstream
	c.mu.Unlock()
	up, err := upstream.DeltaAggregatedResources(ctx)
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	var over atomic.Bool // nothing passes after the cut
	go func() {
		for {
			m, err := down.Recv()
			if err != nil || over.Load() {
				ended <- err
				return
			}
			_ = up.Send(m)
			if c.passed(fmt.Sprintf("Envoy: %s +%q -%q has %v, to %s %v", m.TypeUrl, m.ResourceNamesSubscribe, m.ResourceNamesUnsubscribe, m.InitialResourceVersions, m.ResponseNonce, m.ErrorDetail)) {
				over.Store(true)
				ended <- status.Error(codes.Unavailable, "cut")
				return
			}
		}
	}()
	go func() {
		for {
			m, err := up.Recv()
			if err != nil || over.Load() {
				ended <- err
				return
			}
			_ = down.Send(m)
			if c.passed(fmt.Sprintf("relay: %s +%q -%q %s", m.TypeUrl, (&xdstest.Response{DeltaDiscoveryResponse: m}).Names(), m.RemovedResources, m.Nonce)) {
				over.Store(true)
				ended <- status.Error(codes.Unavailable, "cut")
				return
			}
		}
	}()
	return <-ended
}

// soon is how long Envoy may take to be served in full after a cut: less than the 14 s that it lets a warming cluster
// be, and the 15 s that it waits for what doesn't come.
const soon = 10 * time.Second

func within(t *testing.T, limit time.Duration, c *cutter, what string, so func() bool) {
	t.Helper()
	for from := time.Now(); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Since(from) > limit {
			_, _, history := c.seen()
			t.Fatalf("not within %v: %s\n%s", limit, what, history)
		}
	}
}

// TestEnvoyCutWhileItStarts cuts the first stream of an Envoy between every two messages.
func TestEnvoyCutWhileItStarts(t *testing.T) {
	w := newWorld(t)
	w.Proxy(cart, cluster("c1"), cluster("c2"), freeListener("l1", "r1"), route("r1", "c1"))
	w.Register(backend("1", application(t, "one")))
	w.Publish()
	start := func(t *testing.T, after int) (cut bool) {
		c := newCutter(t, w.address)
		c.arm(after)
		e := startEnvoy(t, c.address, events.NodeMetadata{Instance: fmt.Sprint("cut-", after)})
		within(t, soon, c, "a request is answered", func() bool { return e.ask("l1") == "one" })
		within(t, soon, c, "the proxy is current", func() bool {
			s, _ := w.relay.Status(meshUID)
			for _, p := range s.Proxies {
				if p.Instance == fmt.Sprint("cut-", after) && p.State == events.Current && p.Generation == 1 {
					return true
				}
			}
			return false
		})
		_, cut, _ = c.seen()
		return cut
	}
	const most = 30
	var beyond atomic.Int32 // how many were not cut at all, since so many messages don't come
	t.Run("all", func(t *testing.T) {
		for after := 1; after <= most; after++ {
			t.Run(fmt.Sprint(after), func(t *testing.T) {
				t.Parallel()
				if !start(t, after) {
					beyond.Add(1)
				}
			})
		}
	})
	if n := beyond.Load(); n == 0 || n > most-10 {
		t.Errorf("%d of %d were not cut: the cuts don't cover a whole start", n, most)
	}
}

// asksAnew makes a listener each version of which subscribes to its route config anew, as Envoy shares subscriptions of
// equal settings.
func asksAnew(name, routeConfig string, version int) artifact.Resource {
	return xdstest.HTTPListener(name, 0, routeConfig, "", func(l *listenerv3.Listener) {
		filter := l.FilterChains[0].Filters[0].GetTypedConfig()
		var manager hcmv3.HttpConnectionManager
		if err := filter.UnmarshalTo(&manager); err != nil {
			panic(err)
		}
		source := proto.CloneOf(manager.GetRds().ConfigSource)
		source.InitialFetchTimeout = durationpb.New(time.Duration(20+version) * time.Second)
		manager.GetRds().ConfigSource = source
		filter.Value = xdstest.Marshal(&manager)
	})
}

// TestEnvoyCutWhileItChanges moves a route from one cluster to a new one and back, with a changed listener and the old
// cluster removed, and cuts the stream between every two messages of that.
func TestEnvoyCutWhileItChanges(t *testing.T) {
	w := newWorld(t)
	shape := func(n int) (answer string) {
		name := []string{"c1", "c2"}[n%2]
		resources := []artifact.Resource{cluster(name, n), cluster("c0", n), asksAnew("l1", "r1", n), freeListener("l2", "r1"), route("r1", name, n)}
		if n%2 == 1 {
			resources = append(resources[:3], resources[4]) // l2 comes and goes
		}
		w.Edit(func(c *artifact.Config) { clear(c.Resources) })
		w.Proxy(cart, resources...)
		w.Publish()
		return name
	}
	w.Register(backend("1", application(t, "here")))
	shape(0)
	c := newCutter(t, w.address)
	e := startEnvoy(t, c.address, events.NodeMetadata{})
	done := func(n int) func() bool {
		return func() bool {
			s, _ := w.relay.Status(meshUID)
			return len(s.Proxies) == 1 && s.Proxies[0].State == events.Current && s.Proxies[0].Generation == int64(n+1)
		}
	}
	within(t, soon, c, "the first configuration", done(0))
	for n := 1; ; n++ {
		c.arm(n)
		shape(n)
		within(t, soon, c, fmt.Sprintf("configuration %d, cut behind message %d", n, n), done(n))
		within(t, soon, c, "a request is answered", func() bool { return e.ask("l1") == "here" })
		if _, cut, history := c.seen(); !cut {
			if n < 10 {
				t.Errorf("a change takes only these messages:\n%s", history)
			}
			break
		}
	}
}

// TestEnvoyOutlivesTheRelay restarts the relay under a running Envoy, and changes everything meanwhile.
func TestEnvoyOutlivesTheRelay(t *testing.T) {
	w := newWorld(t)
	w.Proxy(cart, cluster("c1"), freeListener("l1", "r1"), route("r1", "c1"))
	w.Register(backend("1", application(t, "one")))
	w.Publish()
	front := newCutter(t, w.address)
	e := startEnvoy(t, front.address, events.NodeMetadata{})
	within(t, soon, front, "a request is answered", func() bool { return e.ask("l1") == "one" })
	w.stop()
	if got := e.ask("l1"); got != "one" {
		t.Errorf("without a relay: %q", got)
	}
	w.Proxy(cart, cluster("c2"), freeListener("l1", "r1"), route("r1", "c2"))
	w.Edit(func(c *artifact.Config) { delete(c.Resources, cluster("c1").ID) })
	w.Publish()
	w.start()
	connection, err := grpc.NewClient(w.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	front.turn(discoveryv3.NewAggregatedDiscoveryServiceClient(connection))
	within(t, soon, front, "the proxy is current", func() bool {
		s, _ := w.relay.Status(meshUID)
		return len(s.Proxies) == 1 && s.Proxies[0].State == events.Current && s.Proxies[0].Generation == 2
	})
	if got := e.ask("l1"); got != "one" {
		t.Errorf("after it: %q", got)
	}
}
