package relay_test

import (
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

func explicitly(addresses map[string]string) xdstest.Node {
	return xdstest.Node{ID: cartID, Metadata: events.NodeMetadata{Instance: "laptop", Explicit: addresses}}
}

// explicit publishes a node with an own listener and application, and one backend.
func explicit(w *world) {
	w.simple()
	w.ExplicitProxy(cart,
		cluster("c1"), xdstest.StaticCluster("app", "0.0.0.0", 1, "application/8080"),
		xdstest.HTTPListener("in", 1, "r1", "bind/8080"), xdstest.HTTPListener("out", 1, "r1", "service/order:80"), route("r1", "c1"))
	w.Publish()
}

func at(a *corev3.Address) string {
	s := a.GetSocketAddress()
	return s.Address + " " + strings.TrimSpace(strings.Repeat("i", int(s.GetPortValue())))
}

func TestExplicitPlacesAreFilled(t *testing.T) {
	w := newWorld(t)
	explicit(w)
	c := xdstest.Connect(t, w.address, explicitly(map[string]string{
		"bind/8080": "127.0.0.1:3", "application/8080": "[::1]:4", "service/order:80": "127.0.0.1:5", "proxy": "127.0.0.1:6",
	}))
	c.SubscribeAll(xdstest.Cluster)
	r := c.Accept(xdstest.Cluster, "app", "c1")
	app := xdstest.Decode[*clusterv3.Cluster](t, r, "app")
	if got := at(app.LoadAssignment.Endpoints[0].LbEndpoints[0].GetEndpoint().Address); got != "::1 iiii" {
		t.Errorf("the application is at %s", got)
	}
	if unfilled := xdstest.StaticCluster("app", "0.0.0.0", 1, "application/8080"); r.Resources[0].Version == unfilled.Hash {
		t.Error("its version is that of the unfilled one")
	}
	c.SubscribeAll(xdstest.Listener)
	r = c.Accept(xdstest.Listener, "in", "out")
	for name, want := range map[string]string{"in": "127.0.0.1 iii", "out": "127.0.0.1 iiiii"} {
		if got := at(xdstest.Decode[*listenerv3.Listener](t, r, name).Address); got != want {
			t.Errorf("%s is at %s", name, got)
		}
	}
	c.Subscribe(xdstest.Route, "r1")
	c.Accept(xdstest.Route, "r1")
	c.Sync()
	p := w.proxy()
	if p.Interception != "explicit" || p.Instance != "laptop" || len(p.Unmapped) != 0 || p.State != events.Current {
		t.Errorf("%+v", p)
	}

	// The same again on another stream, with its own address: versions are honoured where nothing differs.
	again := xdstest.Connect(t, w.address, explicitly(map[string]string{"bind/8080": "127.0.0.1:9", "service/order:80": "127.0.0.1:5"}))
	again.Resume(xdstest.Listener, map[string]string{"in": r.Resources[0].Version, "out": r.Resources[1].Version})
	again.Accept(xdstest.Listener, "in")

	w.Put(xdstest.HTTPListener("in", 2, "r1", "bind/8080", func(l *listenerv3.Listener) { l.StatPrefix = "changed" }))
	w.Publish()
	r = c.Accept(xdstest.Listener, "in")
	if l := xdstest.Decode[*listenerv3.Listener](t, r, "in"); l.StatPrefix != "changed" || at(l.Address) != "127.0.0.1 iii" {
		t.Errorf("got %v", l)
	}
}

func TestWhatHasNoAddressIsLeftOut(t *testing.T) {
	w := newWorld(t)
	explicit(w)
	c := xdstest.Connect(t, w.address, explicitly(map[string]string{"bind/8080": "127.0.0.1:3"}))
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster, "c1")
	c.SubscribeAll(xdstest.Listener)
	c.Accept(xdstest.Listener, "in")
	c.Subscribe(xdstest.Route, "r1")
	c.Accept(xdstest.Route, "r1")
	c.Sync()
	p := w.proxy()
	if diff := cmp.Diff([]string{"application/8080", "service/order:80"}, p.Unmapped); diff != "" || p.State != events.Current {
		t.Errorf("%s%+v", diff, p)
	}
}

func TestBothWaysOfOneNode(t *testing.T) {
	w := newWorld(t)
	explicit(w)
	settle(w.connect())
	c := xdstest.Connect(t, w.address, explicitly(map[string]string{"proxy": "127.0.0.1:6"}))
	c.SubscribeAll(xdstest.Listener)
	c.Accept(xdstest.Listener)
	if s, _ := w.relay.Status(meshUID); len(s.Proxies) != 2 {
		t.Errorf("%+v", s.Proxies)
	}
}

func TestExplicitThatIsOff(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := xdstest.Connect(t, w.address, explicitly(map[string]string{"bind/8080": "127.0.0.1:3"}))
	c.SubscribeAll(xdstest.Listener)
	if said := c.ExpectStatus(codes.InvalidArgument); !strings.Contains(said, "explicit interception") || !strings.Contains(said, "turn it on") {
		t.Errorf("it says %q", said)
	}
	explicit(w)
	c = xdstest.Connect(t, w.address, explicitly(map[string]string{"bind/8080": "127.0.0.1:3"}))
	c.SubscribeAll(xdstest.Listener)
	c.Accept(xdstest.Listener, "in")
	w.Edit(func(c *artifact.Config) { // and off again
		p := c.Proxies[cart]
		p.Explicit = nil
		c.Proxies[cart] = p
	})
	w.Publish()
	c.ExpectStatus(codes.InvalidArgument)
}

func TestBadAddresses(t *testing.T) {
	w := newWorld(t)
	explicit(w)
	for _, address := range []string{"", "8080", "localhost:8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "[fe80::1%lo]:80x"} {
		c := xdstest.Connect(t, w.address, explicitly(map[string]string{"bind/8080": address}))
		c.SubscribeAll(xdstest.Listener)
		if said := c.ExpectStatus(codes.InvalidArgument); !strings.Contains(said, `explicit["bind/8080"]`) {
			t.Errorf("to %q it says %q", address, said)
		}
	}
}

func TestWhatCanNotBeFilledIsLeftOut(t *testing.T) {
	w := newWorld(t)
	bad := artifact.NewResource(artifact.ID{Type: artifact.Listener, Name: "bad"}, []byte{0xff}, nil, "bind/8080", nil)
	two := cluster("two")
	w.ExplicitProxy(cart, bad, artifact.NewResource(two.ID, two.Body, nil, "application/8080", nil), cluster("c1"))
	w.Publish()
	c := xdstest.Connect(t, w.address, explicitly(map[string]string{"bind/8080": "127.0.0.1:3", "application/8080": "127.0.0.1:4"}))
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster, "c1")
	c.SubscribeAll(xdstest.Listener)
	c.Accept(xdstest.Listener)
}
