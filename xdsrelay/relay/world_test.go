package relay_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

const (
	meshUID = "0b0e8c2e-7a4e-4c53-9b8b-1f2f7a1c9f10"
	cartID  = "mesh/shop/virtualNode/cart"
	cart    = artifact.ProxyKey("virtualNode/cart")
	// quiet is how long a test listens for what must not come.
	quiet = 60 * time.Millisecond
)

var (
	orders  = endpoint.ServiceKey{Namespace: "shop.local", Service: "order"}
	cartIs  = xdstest.Node{ID: cartID}
	polling = 20 * time.Millisecond
)

// world is a relay that serves, and a publisher of mesh "shop".
type world struct {
	*xdstest.Publisher
	t       testing.TB
	objects *artifacttest.Memory
	relay   *relay.Relay
	address string
	stop    func() // Run's context ends, and Run has returned
}

// newWorld starts a relay whose intervals are short, but for the hold: what waits for that waits for ever.
func newWorld(t testing.TB, options ...func(*relay.Options)) *world {
	t.Helper()
	w := &world{t: t, objects: artifacttest.NewMemory()}
	w.Publisher = xdstest.NewPublisher(t, w.objects, "shop", meshUID)
	w.start(options...)
	return w
}

func (w *world) start(options ...func(*relay.Options)) {
	w.t.Helper()
	o := relay.Options{
		Objects: w.objects, ID: "relay-1", Interval: polling, CheckpointInterval: polling, Hold: time.Hour,
		Patience: 10 * polling, StatusEvery: polling, Logger: slog.New(slog.NewTextHandler(w.t.Output(), nil)),
	}
	for _, option := range options {
		option(&o)
	}
	w.relay = relay.New(o)
	w.Wake = w.relay.Wake
	w.address = xdstest.Serve(w.t, w.relay)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.relay.Run(ctx)
	}()
	w.stop = func() { cancel(); <-done }
	w.t.Cleanup(w.stop)
}

func (w *world) connect() *xdstest.Client { return xdstest.Connect(w.t, w.address, cartIs) }

// proxy gives the status of the only proxy.
func (w *world) proxy() events.ProxyStatus {
	w.t.Helper()
	s, ok := w.relay.Status(meshUID)
	if !ok || len(s.Proxies) != 1 {
		w.t.Fatalf("not one proxy: %+v", s)
	}
	return s.Proxies[0]
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for until := time.Now().Add(xdstest.Wait); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("never: %s", what)
		}
	}
}

// simple is a mesh of one node with a cluster, a listener and a route config.
func (w *world) simple() (resources []artifact.Resource) {
	resources = []artifact.Resource{cluster("c1"), listener("l1", "r1"), route("r1", "c1")}
	w.Proxy(cart, resources...)
	return resources
}

// settle has a client take everything that simple publishes.
func settle(c *xdstest.Client) {
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster, "c1")
	c.Subscribe(xdstest.Endpoint, "c1")
	c.Accept(xdstest.Endpoint, "c1")
	c.SubscribeAll(xdstest.Listener)
	c.Accept(xdstest.Listener, "l1")
	c.Subscribe(xdstest.Route, "r1")
	c.Accept(xdstest.Route, "r1")
}

// cluster makes an EDS cluster of service orders, of some version.
func cluster(name string, version ...int) artifact.Resource {
	return xdstest.EDSCluster(name, orders, 8080, func(c *clusterv3.Cluster) {
		c.ConnectTimeout = durationpb.New(time.Duration(1+sum(version)) * time.Second)
	})
}

func listener(name, routeConfig string, options ...int) artifact.Resource {
	return xdstest.HTTPListener(name, 20000+sum(options), routeConfig, "")
}

func route(name, cluster string, version ...int) artifact.Resource {
	return xdstest.RouteConfig(name, cluster, func(r *routev3.RouteConfiguration) {
		r.MaxDirectResponseBodySizeBytes = nil
		r.InternalOnlyHeaders = make([]string, sum(version))
		for n := range r.InternalOnlyHeaders {
			r.InternalOnlyHeaders[n] = "x-internal"
		}
	})
}

func sum(numbers []int) int {
	total := 0
	for _, n := range numbers {
		total += n
	}
	return total
}

func instance(id, address string) endpoint.Instance {
	return endpoint.Instance{Namespace: orders.Namespace, Service: orders.Service, ID: id, IPv4: address}
}
