package relay_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

func TestUnknownNamesAreAnsweredAtOnce(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Register(instance("1", "10.0.0.1"))
	w.Publish()
	c := w.connect()
	c.Subscribe(xdstest.Endpoint, "none")
	if all := addresses(t, c.Accept(xdstest.Endpoint, "none"), "none"); len(all) != 0 {
		t.Errorf("endpoints are %q", all)
	}
	c.Subscribe(xdstest.Route, "none", "neither")
	c.Ack(c.ExpectRemoved(xdstest.Route, "neither", "none"))
	c.Subscribe(xdstest.Cluster, "none")
	c.Ack(c.ExpectRemoved(xdstest.Cluster, "none"))
	c.Subscribe(xdstest.Secret, "none")
	c.Ack(c.ExpectRemoved(xdstest.Secret, "none"))

	w.Proxy(cart, cluster("c1"), listener("l1", "r1"), route("r1", "c1"), cluster("none"), route("none", "c1"))
	w.Publish()
	c.Accept(xdstest.Cluster, "none") // as soon as they exist
	if all := addresses(t, c.Accept(xdstest.Endpoint, "none"), "none"); len(all) != 1 {
		t.Errorf("endpoints are %q", all)
	}
}

func TestAnEmptySetIsAnswered(t *testing.T) {
	w := newWorld(t)
	w.Proxy(cart)
	w.Publish()
	c := w.connect()
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster)
	c.Subscribe(xdstest.Listener, "*")
	c.Accept(xdstest.Listener)
	c.ExpectNothing(quiet)
	eventually(t, "the proxy is current", func() bool { return w.proxy().State == events.Current && w.proxy().Generation == 1 })
}

func TestWildcards(t *testing.T) {
	w := newWorld(t)
	w.Proxy(cart, cluster("c1"), cluster("c2"))
	w.Publish()
	c := w.connect()
	c.Subscribe(xdstest.Cluster, "c1")
	c.Accept(xdstest.Cluster, "c1")
	c.Subscribe(xdstest.Cluster, "*")
	c.Accept(xdstest.Cluster, "c2")
	c.Unsubscribe(xdstest.Cluster, "*")
	c.Sync()
	w.Put(cluster("c1", 1), cluster("c2", 1))
	w.Publish()
	c.Accept(xdstest.Cluster, "c1") // still asked for by name
	c.ExpectNothing(quiet)
	c.Subscribe(xdstest.Route, "*") // there is no such thing
	c.ExpectNothing(quiet)
}

func TestUnsubscribedIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	c.Unsubscribe(xdstest.Route, "r1")
	c.Unsubscribe(xdstest.Endpoint, "c1")
	c.Sync()
	w.Put(route("r1", "c1", 1))
	w.Register(instance("1", "10.0.0.1"))
	w.Publish()
	c.ExpectNothing(quiet)
	c.Subscribe(xdstest.Route, "r1")
	if r := c.Accept(xdstest.Route, "r1"); r.Resources[0].Version != route("r1", "c1", 1).Hash {
		t.Errorf("got %v", r)
	}
}

func TestWhoAsksAgainIsAnsweredAgain(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	for range 2 {
		c.Subscribe(xdstest.Endpoint, "c1")
		c.Accept(xdstest.Endpoint, "c1")
		c.Subscribe(xdstest.Route, "r1")
		c.Accept(xdstest.Route, "r1")
	}
	c.Sync()
	if p := w.proxy(); p.State != events.Current || p.Generation != 1 {
		t.Errorf("%+v", p)
	}
}

// has is what an Envoy says that it has of resources.
func has(resources ...artifact.Resource) map[string]string {
	versions := map[string]string{}
	for _, r := range resources {
		versions[r.Name] = r.Hash
	}
	return versions
}

func TestVersionsFromAnEarlierStreamAreHonoured(t *testing.T) {
	w := newWorld(t)
	all := w.simple()
	w.Publish()
	c := w.connect()
	c.Resume(xdstest.Cluster, has(all[0]))
	c.Resume(xdstest.Endpoint, map[string]string{"c1": "any"}, "c1")
	c.Accept(xdstest.Endpoint, "c1") // but endpoints come in full
	c.Resume(xdstest.Listener, has(all[1]))
	c.Resume(xdstest.Route, has(all[2]), "r1")
	c.ExpectNothing(quiet)
	if p := w.proxy(); p.State != events.Current || p.Generation != 1 {
		t.Errorf("%+v", p)
	}
	w.Put(route("r1", "c1", 1))
	w.Publish()
	c.Accept(xdstest.Route, "r1")
}

func TestWhatAnEarlierStreamLeftBehindIsMended(t *testing.T) {
	w := newWorld(t)
	all := w.simple()
	w.Publish()
	c := w.connect()
	// c1 is of an older version, c0 is gone, and the route is an older one, which may still use c0.
	c.Resume(xdstest.Cluster, map[string]string{"c1": "old", "c0": "gone"})
	changed := c.Expect(xdstest.Cluster, "c1")
	c.ExpectNothing(quiet)
	c.Resume(xdstest.Endpoint, nil, "c0", "c1")
	c.Accept(xdstest.Endpoint, "c1") // c0's endpoints stay as they are: the traffic has not moved yet
	c.Resume(xdstest.Listener, has(all[1]))
	c.Resume(xdstest.Route, map[string]string{"r1": "old"}, "r1")
	c.ExpectNothing(quiet)
	c.Ack(changed)
	r := c.Expect(xdstest.Route, "r1")
	c.ExpectNothing(quiet)
	c.Ack(r)
	c.Ack(c.ExpectRemoved(xdstest.Cluster, "c0"))
	eventually(t, "the proxy is current", func() bool { return w.proxy().State == events.Current && w.proxy().Generation == 1 })
}

func TestARelayAnswersForAnother(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Register(instance("1", "10.0.0.1"))
	w.Publish()
	c := w.connect()
	c.SubscribeAll(xdstest.Cluster)
	r := c.Accept(xdstest.Cluster, "c1")
	w.stop()
	w.start()
	c = w.connect()
	c.Resume(xdstest.Cluster, map[string]string{"c1": r.Resources[0].Version})
	c.Subscribe(xdstest.Endpoint, "c1")
	c.Accept(xdstest.Endpoint, "c1")
	c.ExpectNothing(quiet)
}

func TestBounds(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	for name, test := range map[string]struct {
		send func(*xdstest.Client)
		code codes.Code
		says string
	}{
		"a long name":            {func(c *xdstest.Client) { c.Subscribe(xdstest.Route, strings.Repeat("x", 3000)) }, codes.ResourceExhausted, "too long"},
		"a long name given back": {func(c *xdstest.Client) { c.Unsubscribe(xdstest.Route, strings.Repeat("x", 3000)) }, codes.ResourceExhausted, "too long"},
		"many names": {func(c *xdstest.Client) {
			for n := range 3 {
				var names []string
				for i := range 9_000 {
					names = append(names, fmt.Sprintf("r-%d-%d", n, i))
				}
				c.Subscribe(xdstest.Route, names...)
			}
		}, codes.ResourceExhausted, "more than"},
		"another type": {func(c *xdstest.Client) { c.Subscribe("type.googleapis.com/envoy.service.runtime.v3.Runtime", "x") }, codes.InvalidArgument, "not served here"},
	} {
		t.Run(name, func(t *testing.T) {
			c := xdstest.Connect(t, w.address, cartIs)
			test.send(c)
			if said := c.ExpectStatus(test.code); !strings.Contains(said, test.says) {
				t.Errorf("it says %q", said)
			}
		})
	}
}

func TestStateOfTheWorldIsRefused(t *testing.T) {
	w := newWorld(t)
	connection, err := grpc.NewClient(w.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(connection).StreamAggregatedResources(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&discoveryv3.DiscoveryRequest{Node: &corev3.Node{Id: cartID}})
	_, err = stream.Recv()
	if s := status.Convert(err); s.Code() != codes.Unimplemented || !strings.Contains(s.Message(), "DELTA_GRPC") {
		t.Errorf("got %v", err)
	}
}
