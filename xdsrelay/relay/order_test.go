package relay_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

// moved publishes that the route goes to a new cluster instead of the old one.
func moved(w *world) int64 {
	w.Proxy(cart, cluster("c2"), listener("l1", "r1"), route("r1", "c2"))
	w.Edit(func(c *artifact.Config) { delete(c.Resources, cluster("c1").ID) })
	return w.Publish()
}

func TestMakeBeforeBreak(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	moved(w)

	added := c.Expect(xdstest.Cluster, "c2")
	c.ExpectNothing(quiet) // neither the route nor the removal
	p := w.proxy()
	if p.State != events.Behind || p.Generation != 1 || len(p.Waiting) != 2 {
		t.Errorf("%+v", p)
	}
	if all := strings.Join(p.Waiting, "; "); !strings.Contains(all, "route r1 waits for cluster c2") || !strings.Contains(all, "cluster c1 stays until route r1 is accepted") {
		t.Errorf("waiting: %s", all)
	}
	c.Subscribe(xdstest.Endpoint, "c2")
	c.Accept(xdstest.Endpoint, "c2") // though the cluster isn't acknowledged
	c.Ack(added)
	changed := c.Expect(xdstest.Route, "r1")
	c.ExpectNothing(quiet) // the old route may still be in use
	c.Ack(changed)
	c.Ack(c.ExpectRemoved(xdstest.Cluster, "c1"))
	eventually(t, "the proxy is current", func() bool { return w.proxy().State == events.Current && w.proxy().Generation == 2 })
}

func TestAHoldEndsByTime(t *testing.T) {
	const hold = 300 * time.Millisecond
	w := newWorld(t, func(o *relay.Options) { o.Hold = hold })
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	from := time.Now()
	moved(w)
	c.Expect(xdstest.Cluster, "c2") // never acknowledged
	c.Expect(xdstest.Route, "r1")   // nor this
	if took := time.Since(from); took < hold {
		t.Errorf("the route was held for %v only", took)
	}
	c.ExpectRemoved(xdstest.Cluster, "c1")
	if p := w.proxy(); p.State != events.Behind || p.Generation != 1 {
		t.Errorf("%+v", p)
	}
}

func TestWhatChangesWhileHeldIsSentOnceAndNewest(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	moved(w)
	added := c.Expect(xdstest.Cluster, "c2")
	newest := route("r1", "c2", 3)
	w.Put(newest)
	w.Publish()
	c.ExpectNothing(quiet)
	c.Ack(added)
	if r := c.Accept(xdstest.Route, "r1"); r.Resources[0].Version != newest.Hash {
		t.Errorf("got version %s", r.Resources[0].Version)
	}
}

func TestAChangedClusterComesBeforeWhatNamesIt(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	w.Put(cluster("c1", 1), route("r1", "c1", 1))
	w.Publish()
	changed := c.Expect(xdstest.Cluster, "c1")
	c.Accept(xdstest.Endpoint, "c1") // again, for the new cluster
	c.ExpectNothing(quiet)
	c.Ack(changed)
	c.Accept(xdstest.Route, "r1")
}

func TestRoutesAreSentAgainAfterTheirListener(t *testing.T) {
	w := newWorld(t)
	w.Proxy(cart, listener("l1", "r1"), listener("l2", "r2"), cluster("c1"), route("r1", "c1"), route("r2", "c1"))
	w.Publish()
	c := w.connect()
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster, "c1")
	c.SubscribeAll(xdstest.Listener)
	c.Accept(xdstest.Listener, "l1", "l2")
	c.Subscribe(xdstest.Route, "r1", "r2")
	c.Accept(xdstest.Route, "r1", "r2")
	w.Put(listener("l1", "r1", 1))
	w.Publish()
	c.Accept(xdstest.Listener, "l1")
	c.Accept(xdstest.Route, "r1") // but not r2
	c.ExpectNothing(quiet)
}

func TestARouteThatIsHeldIsSentAgainAsItIs(t *testing.T) {
	w := newWorld(t)
	old := w.simple()[2]
	w.Publish()
	c := w.connect()
	settle(c)
	changed := route("r1", "c2")
	w.Proxy(cart, cluster("c1"), cluster("c2"), listener("l1", "r1", 1), changed)
	w.Publish()
	added := c.Expect(xdstest.Cluster, "c2")
	c.Accept(xdstest.Listener, "l1")
	if r := c.Accept(xdstest.Route, "r1"); r.Resources[0].Version != old.Hash {
		t.Errorf("the new route came before its cluster's acknowledgement")
	}
	c.ExpectNothing(quiet)
	c.Ack(added)
	if r := c.Accept(xdstest.Route, "r1"); r.Resources[0].Version != changed.Hash {
		t.Errorf("got version %s", r.Resources[0].Version)
	}
}

func TestRemovalsGoInReverse(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	w.Proxy(cart)
	w.Publish()
	c.Ack(c.ExpectRemoved(xdstest.Route, "r1"))
	c.Ack(c.ExpectRemoved(xdstest.Listener, "l1"))
	c.Ack(c.ExpectRemoved(xdstest.Cluster, "c1"))
	c.ExpectNothing(quiet) // no empty endpoints either
	eventually(t, "the proxy is current", func() bool { return w.proxy().State == events.Current && w.proxy().Generation == 2 })
}

func TestWhatComesBackWhileItsRemovalWaitsStays(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	moved(w)
	c.Expect(xdstest.Cluster, "c2")
	w.simple()
	w.Publish()
	c.ExpectRemoved(xdstest.Cluster, "c2") // nothing names it
	c.ExpectNothing(quiet)
}

func TestAListenersNewRouteIsAwaited(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	w.Proxy(cart, cluster("c1"), listener("l1", "r1"), listener("l2", "r2"), route("r1", "c1"), route("r2", "c1"))
	w.Publish()
	c.Accept(xdstest.Listener, "l2")
	c.ExpectNothing(quiet)
	if p := w.proxy(); p.State != events.Behind || p.Generation != 1 {
		t.Errorf("the listener's routes are not there yet: %+v", p)
	}
	c.Subscribe(xdstest.Route, "r2")
	c.Accept(xdstest.Route, "r2")
	eventually(t, "the proxy is current", func() bool { return w.proxy().Generation == 2 })
}

func TestBigConfigurationsComeInParts(t *testing.T) {
	w := newWorld(t)
	var resources []artifact.Resource
	for n := range 6 {
		r := cluster("c" + string(rune('1'+n)))
		r.Body = append(r.Body, xdstest.Marshal(xdstest.Padding(400<<10))...)
		resources = append(resources, artifact.NewResource(r.ID, r.Body, r.Endpoints, "", nil))
	}
	w.Proxy(cart, resources...)
	w.Publish()
	c := w.connect()
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster, "c1", "c2")
	c.Accept(xdstest.Cluster, "c3", "c4")
	c.Accept(xdstest.Cluster, "c5", "c6")
}
