package relay_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

func TestWhoIsNotThere(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	xdstest.NewPublisher(t, w.objects, "empty", "e0000000")
	for id, says := range map[string]string{
		"mesh/shop/virtualNode/nobody":    `virtual node "nobody" is not in mesh "shop" (generation 1): create it`,
		"mesh/shop/virtualGateway/cart":   `virtual gateway "cart" is not in mesh "shop"`,
		"mesh/nowhere/virtualNode/cart":   `mesh "nowhere" is not known here`,
		"mesh/../virtualNode/cart":        "is not of the form",
		"":                                "no node.id",
		"cart":                            "is not of the form mesh/<mesh>/virtualNode/<name>",
		"mesh/shop/virtualService/cart":   "is not of the form",
		"mesh/shop/virtualNode/":          "is not of the form",
		"arn:aws:s3:us-east-1:1:mesh/a/b": "is not of the form",
	} {
		c := xdstest.Connect(t, w.address, xdstest.Node{ID: id})
		c.SubscribeAll(xdstest.Cluster)
		if said := c.ExpectStatus(codes.InvalidArgument); !strings.Contains(said, says) {
			t.Errorf("to %q it says %q", id, said)
		}
	}
	c := xdstest.Connect(t, w.address, xdstest.Node{ID: "mesh/empty/virtualNode/cart"})
	c.SubscribeAll(xdstest.Cluster)
	if said := c.ExpectStatus(codes.Unavailable); !strings.Contains(said, "nothing is published yet") {
		t.Errorf("it says %q", said)
	}
}

func TestFormsOfNodeIDs(t *testing.T) {
	w := newWorld(t)
	w.Proxy("virtualNode/cart")
	w.Proxy("virtualNode/a/b")
	w.Proxy("virtualGateway/in")
	w.Publish()
	for _, id := range []string{
		"mesh/shop/virtualNode/cart",
		"arn:aws:appmesh:us-east-1:123456789012:mesh/shop/virtualNode/cart",
		"arn:aws-cn:appmesh:cn-north-1:123456789012:mesh/shop/virtualGateway/in",
		"mesh/shop@123456789012/virtualNode/cart",
		"mesh/shop/virtualNode/a/b",
	} {
		c := xdstest.Connect(t, w.address, xdstest.Node{ID: id})
		c.SubscribeAll(xdstest.Cluster)
		c.Accept(xdstest.Cluster)
	}
}

func TestWhoComesAMomentLaterGetsIn(t *testing.T) {
	slow := func(o *relay.Options) { o.Interval, o.Patience = time.Hour, 10*time.Second }
	t.Run("the node", func(t *testing.T) {
		w := newWorld(t, slow)
		w.Publish()
		other := xdstest.Connect(t, w.address, cartIs) // its mesh is served, and read only once an hour
		other.SubscribeAll(xdstest.Cluster)
		time.Sleep(quiet)
		w.simple()
		w.Publish()
		other.Accept(xdstest.Cluster, "c1")
	})
	t.Run("the node, and nobody says so", func(t *testing.T) {
		w := newWorld(t, slow)
		w.Proxy("virtualNode/other")
		w.Publish()
		other := xdstest.Connect(t, w.address, xdstest.Node{ID: "mesh/shop/virtualNode/other"})
		other.SubscribeAll(xdstest.Cluster)
		other.Accept(xdstest.Cluster)
		w.Wake = nil
		w.simple()
		w.Publish()
		c := w.connect()
		c.SubscribeAll(xdstest.Cluster)
		c.Accept(xdstest.Cluster, "c1")
	})
	t.Run("the mesh", func(t *testing.T) {
		w := newWorld(t, func(o *relay.Options) { o.Patience = 10 * time.Second })
		c := xdstest.Connect(t, w.address, xdstest.Node{ID: "mesh/new/virtualNode/cart"})
		c.SubscribeAll(xdstest.Cluster)
		time.Sleep(quiet)
		p := xdstest.NewPublisher(t, w.objects, "new", "a1")
		p.Proxy(cart, cluster("c1"))
		p.Publish()
		c.Accept(xdstest.Cluster, "c1")
	})
}

func TestADeletedNodesStreamEnds(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	w.Edit(func(c *artifact.Config) { delete(c.Proxies, cart) })
	w.Publish()
	if said := c.ExpectStatus(codes.InvalidArgument); !strings.Contains(said, `virtualNode/cart was deleted from mesh "shop"`) {
		t.Errorf("it says %q", said)
	}
}

func TestANodeMadeAgainIsAnother(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	w.Edit(func(c *artifact.Config) { c.Proxies[cart] = artifact.Proxy{UID: "another"} })
	w.Publish()
	if said := c.ExpectStatus(codes.Unavailable); !strings.Contains(said, "reconnect") {
		t.Errorf("it says %q", said)
	}
	c = w.connect()
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster)
}

func TestADeletedMesh(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	w.Delete()
	if said := c.ExpectStatus(codes.InvalidArgument); !strings.Contains(said, `mesh "shop" was deleted`) {
		t.Errorf("it says %q", said)
	}
	c = w.connect()
	c.SubscribeAll(xdstest.Cluster)
	if said := c.ExpectStatus(codes.InvalidArgument); !strings.Contains(said, "is deleted") {
		t.Errorf("it says %q", said)
	}

	again := xdstest.NewPublisher(t, w.objects, "shop", "b2") // of the same name
	again.Wake = w.relay.Wake
	again.Proxy(cart, cluster("new"))
	again.Publish()
	c = w.connect()
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster, "new")
}

func TestItServesOnWithoutTheStore(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	broken := errors.New("the store is gone")
	w.objects.Inject(func(artifacttest.Call) artifacttest.Fault { return artifacttest.Fault{Err: broken} })
	time.Sleep(5 * polling)
	settle(w.connect()) // a new proxy of a served mesh
	c.Subscribe(xdstest.Endpoint, "c1")
	c.Accept(xdstest.Endpoint, "c1")
	stranger := xdstest.Connect(t, w.address, xdstest.Node{ID: "mesh/other/virtualNode/cart"})
	stranger.SubscribeAll(xdstest.Cluster)
	if said := stranger.ExpectStatus(codes.Unavailable); !strings.Contains(said, "artifact store can't be read") {
		t.Errorf("it says %q", said)
	}
	w.objects.Inject(nil)
	w.Put(cluster("c1", 1))
	w.Publish()
	c.Accept(xdstest.Cluster, "c1")
}

func TestUnreadEndpointsAreNotNoEndpoints(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Register(instance("1", "10.0.0.1"))
	w.Publish()
	mend := make(chan struct{})
	w.objects.Inject(func(c artifacttest.Call) artifacttest.Fault {
		select {
		case <-mend:
		default:
			if strings.Contains(c.Key, "/endpoints/") {
				return artifacttest.Fault{Err: errors.New("refused")}
			}
		}
		return artifacttest.Fault{}
	})
	c := w.connect()
	c.Subscribe(xdstest.Endpoint, "c1")
	c.ExpectNothing(quiet)
	close(mend)
	if all := addresses(t, c.Accept(xdstest.Endpoint, "c1"), "c1"); len(all) != 1 {
		t.Errorf("endpoints are %q", all)
	}
}

func TestStoppingDrains(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	eventually(t, "a status object", func() bool { return len(w.objects.Keys(events.StatusPrefix(meshUID))) == 1 })
	w.stop()
	c.ExpectStatus(codes.OK) // gRPC shows the end of a stream without an error as this
	if left := w.objects.Bytes(events.StatusPath(meshUID, "relay-1")); !takenBack(left) {
		t.Errorf("left behind: %q", left)
	}
	c = w.connect()
	c.SubscribeAll(xdstest.Cluster)
	c.ExpectStatus(codes.Unavailable)
}

func TestStreamsGrowOld(t *testing.T) {
	w := newWorld(t, func(o *relay.Options) { o.MaxStreamAge = 100 * time.Millisecond })
	w.simple()
	w.Publish()
	c := w.connect()
	c.SubscribeAll(xdstest.Cluster)
	c.ExpectStatus(codes.OK)
}

func TestAMeshWithoutStreamsIsForgotten(t *testing.T) {
	w := newWorld(t, func(o *relay.Options) { o.Linger = 50 * time.Millisecond })
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	eventually(t, "a status object", func() bool { return len(w.objects.Keys(events.StatusPrefix(meshUID))) == 1 })
	c.Close()
	eventually(t, "the mesh is forgotten", func() bool { _, ok := w.relay.Status(meshUID); return !ok })
	eventually(t, "the status object is taken back", func() bool { return takenBack(w.objects.Bytes(events.StatusPath(meshUID, "relay-1"))) })
	eventually(t, "nobody asks for its logs", func() bool { // what was under way may still end
		w.objects.Counts()
		time.Sleep(quiet)
		return w.objects.Counts().Total() == 0
	})
	w.Put(cluster("c1", 1))
	w.Publish()
	c = w.connect()
	c.SubscribeAll(xdstest.Cluster)
	if r := c.Accept(xdstest.Cluster, "c1"); r.Resources[0].Version != cluster("c1", 1).Hash {
		t.Errorf("got version %s", r.Resources[0].Version)
	}
}

// takenBack says whether a status object is one that doesn't count any more.
func takenBack(data []byte) bool {
	var s events.RelayStatus
	return json.Unmarshal(data, &s) == nil && s.MeshUID == meshUID && s.At.IsZero() && len(s.Proxies) == 0
}
