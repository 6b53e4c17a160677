package relay_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

// served starts an Envoy on a mesh of one cluster, listener and route, and waits until it answers "one".
func served(t *testing.T, w *world, resources ...artifact.Resource) (*envoy, *cutter) {
	t.Helper()
	w.Proxy(cart, append(resources, cluster("c1"), asksAnew("l1", "r1", 0), route("r1", "c1"))...)
	w.Register(backend("1", application(t, "one")))
	w.Publish()
	c := newCutter(t, w.address) // for its history
	e := startEnvoy(t, c.address, events.NodeMetadata{})
	within(t, soon, c, "a request is answered", func() bool { return e.ask("l1") == "one" })
	within(t, soon, c, "the proxy is current", accepted(w, 1))
	return e, c
}

// accepted says whether the only proxy has accepted a generation and all that is published.
func accepted(w *world, generation int64) func() bool {
	return func() bool {
		s, _ := w.relay.Status(meshUID)
		return len(s.Proxies) == 1 && s.Proxies[0].State == events.Current && s.Proxies[0].Generation >= generation
	}
}

// warming counts what Envoy holds back because it waits for more.
func (e *envoy) warming() int {
	stat := func(name string) (n int) {
		for line := range strings.Lines(e.get("/stats?filter=^" + name + "$")) {
			_, _ = fmt.Sscanf(strings.TrimPrefix(line, name+": "), "%d", &n)
		}
		return n
	}
	return stat("cluster_manager.warming_clusters") + stat("listener_manager.total_listeners_warming")
}

func TestEnvoyDoesNotWarmForLong(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"a changed cluster":  func(w *world) { w.Put(cluster("c1", 1)) },
		"a changed listener": func(w *world) { w.Put(asksAnew("l1", "r1", 1)) },
		"both":               func(w *world) { w.Put(cluster("c1", 1), asksAnew("l1", "r1", 1)) },
		"everything":         func(w *world) { w.Put(cluster("c1", 1), asksAnew("l1", "r1", 1), route("r1", "c1", 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			e, c := served(t, w)
			c.arm(0)
			change(w)
			generation := w.Publish()
			within(t, soon, c, "the change is accepted", accepted(w, generation))
			within(t, soon, c, "nothing warms", func() bool { return e.warming() == 0 })
			within(t, soon, c, "a request is answered", func() bool { return e.ask("l1") == "one" })
		})
	}
}

func TestEnvoyRefusesOneOfMany(t *testing.T) {
	w := newWorld(t)
	e, c := served(t, w)
	bad := xdstest.HTTPListener("bad", 0, "r1", "", func(l *listenerv3.Listener) {
		l.Address = &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "no address", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 0},
		}}}
	})
	badCluster := xdstest.EDSCluster("bad", orders, 8080, func(c *clusterv3.Cluster) { c.LbPolicy = clusterv3.Cluster_CLUSTER_PROVIDED })
	c.arm(0)
	w.Proxy(cart, bad, badCluster, cluster("c1"), cluster("c2"), asksAnew("l1", "r1", 0), freeListener("l2", "r1"), route("r1", "c1"))
	w.Publish()
	within(t, soon, c, "the good ones are there", func() bool {
		return e.ask("l2") == "one" && strings.Contains(e.get("/clusters"), "c2::")
	})
	within(t, soon, c, "both refusals are known", func() bool { return len(w.proxy().Rejected) == 2 })
	p := w.proxy()
	if p.State != events.Rejected || p.Generation != 1 {
		t.Errorf("%+v", p)
	}
	for _, r := range p.Rejected {
		if r.Name != "bad" || r.Message == "" || r.Generation != 2 {
			t.Errorf("%+v", r)
		}
	}
	time.Sleep(quiet)
	if _, _, history := c.seen(); strings.Count(history, "bad") > 10 {
		t.Errorf("refused bytes were sent again:\n%s", history)
	}
	w.Proxy(cart, cluster("c1"), cluster("c2"), asksAnew("l1", "r1", 0), freeListener("l2", "r1"), route("r1", "c1"))
	w.Edit(func(c *artifact.Config) { delete(c.Resources, bad.ID); delete(c.Resources, badCluster.ID) })
	within(t, soon, c, "all is well", accepted(w, w.Publish()))
}

// TestEnvoyHoldsAndRemoves moves a route to a cluster that warms until the hold ends, while requests run: none may fail.
func TestEnvoyHoldsAndRemoves(t *testing.T) {
	const hold = 2 * time.Second // long enough to be seen
	w := newWorld(t, func(o *relay.Options) { o.Hold = hold })
	e, c := served(t, w)
	c.arm(0)
	w.Proxy(cart, slowCluster(t), cluster("c2"), asksAnew("l1", "r1", 0), route("r1", "c2"))
	w.Edit(func(c *artifact.Config) { delete(c.Resources, cluster("c1").ID) })
	from := time.Now()
	w.Publish()
	held := false
	for !strings.Contains(e.get("/config_dump?resource=dynamic_route_configs"), `"cluster": "c2"`) {
		if e.ask("l1") != "one" {
			t.Fatal("a request failed")
		}
		for _, line := range w.proxy().Waiting {
			held = held || strings.Contains(line, "route r1 waits for cluster c2")
		}
		if time.Since(from) > soon {
			_, _, history := c.seen()
			t.Fatalf("the route does not come:\n%s", history)
		}
	}
	if took := time.Since(from); took < hold || !held {
		t.Errorf("the route came after %v; seen as waiting: %v", took, held)
	}
	if e.ask("l1") != "one" {
		t.Error("a request failed after the move")
	}
	within(t, soon, c, "the old cluster is removed", func() bool { return !strings.Contains(e.get("/clusters"), "c1::") })
}

// slowCluster waits for the first health check of a server that never answers. Envoy withholds its answer to clusters
// meanwhile.
func slowCluster(t *testing.T) artifact.Resource {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	at := silent.Addr().(*net.TCPAddr)
	return xdstest.StaticCluster("slow", at.IP.String(), at.Port, "", func(c *clusterv3.Cluster) {
		c.HealthChecks = []*corev3.HealthCheck{{
			Timeout: durationpb.New(time.Minute), Interval: durationpb.New(time.Minute),
			UnhealthyThreshold: wrapperspb.UInt32(1), HealthyThreshold: wrapperspb.UInt32(1),
			HealthChecker: &corev3.HealthCheck_HttpHealthCheck_{HttpHealthCheck: &corev3.HealthCheck_HttpHealthCheck{Path: "/"}},
		}}
	})
}
