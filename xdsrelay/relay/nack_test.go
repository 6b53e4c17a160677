package relay_test

import (
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

func TestOneRefusedResourceStopsNoOther(t *testing.T) {
	w := newWorld(t)
	w.Proxy(cart, cluster("c1"), cluster("c2"), cluster("c3"))
	w.Publish()
	c := w.connect()
	c.SubscribeAll(xdstest.Listener)
	c.Accept(xdstest.Listener)
	c.SubscribeAll(xdstest.Cluster)
	c.Nack(c.Expect(xdstest.Cluster, "c1", "c2", "c3"), "c2 is bad")
	c.Accept(xdstest.Cluster, "c1")
	c.Nack(c.Expect(xdstest.Cluster, "c2"), "c2 is bad")
	c.Accept(xdstest.Cluster, "c3")
	c.ExpectNothing(quiet)
	c.Sync()

	p := w.proxy()
	if p.State != events.Rejected || p.Generation != 0 || len(p.Rejected) != 1 {
		t.Fatalf("%+v", p)
	}
	if r := p.Rejected[0]; r.Type != "cluster" || r.Name != "c2" || r.Message != "c2 is bad" || r.Generation != 1 || r.At.IsZero() {
		t.Errorf("%+v", r)
	}

	w.Put(cluster("c1", 1)) // c2's refused bytes don't go with it
	w.Publish()
	c.Accept(xdstest.Cluster, "c1")
	c.ExpectNothing(quiet)
	w.Put(cluster("c2", 1))
	w.Publish()
	c.Accept(xdstest.Cluster, "c2")
	eventually(t, "the mended one is accepted", func() bool { return w.proxy().State == events.Current && w.proxy().Generation == 3 })
	if p := w.proxy(); len(p.Rejected) != 0 {
		t.Errorf("%+v", p)
	}
	w.Put(cluster("c2")) // the refused bytes once more
	w.Publish()
	c.ExpectNothing(quiet)
	if p := w.proxy(); p.State != events.Rejected || p.Generation != 3 {
		t.Errorf("%+v", p)
	}
}

func TestWhatNamesARefusedClusterStays(t *testing.T) {
	const hold = 10 * quiet // longer than the refusal takes
	w := newWorld(t, func(o *relay.Options) { o.Hold = hold })
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	w.Proxy(cart, cluster("c2"), listener("l1", "r1"), route("r1", "c2"))
	w.Edit(func(c *artifact.Config) { delete(c.Resources, cluster("c1").ID) })
	w.Publish()
	c.Nack(c.Expect(xdstest.Cluster, "c2"), "no")
	c.ExpectNothing(hold + quiet) // c1 isn't removed either, whatever time passes
	p := w.proxy()
	if p.State != events.Rejected || p.Generation != 1 || !strings.Contains(strings.Join(p.Waiting, ";"), "route r1 stays as it is: cluster c2 was refused") {
		t.Errorf("%+v", p)
	}
	w.Put(cluster("c2", 1))
	w.Publish()
	c.Accept(xdstest.Cluster, "c2")
	c.Accept(xdstest.Route, "r1")
	c.ExpectRemoved(xdstest.Cluster, "c1")
}

func TestWithoutAnAcceptedVersionARouteGoesDespiteARefusedCluster(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	c.SubscribeAll(xdstest.Cluster)
	c.Nack(c.Expect(xdstest.Cluster, "c1"), "no")
	c.SubscribeAll(xdstest.Listener)
	c.Accept(xdstest.Listener, "l1")
	c.Subscribe(xdstest.Route, "r1")
	c.Accept(xdstest.Route, "r1") // its other clusters may be good, and a proxy without routes serves nobody
}

func TestARefusedRouteKeepsTheClusterThatItStaysWith(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	moved(w)
	c.Accept(xdstest.Cluster, "c2")
	c.Nack(c.Expect(xdstest.Route, "r1"), "bad regex")
	c.ExpectNothing(quiet) // c1 is not removed
	w.Put(route("r1", "c2", 1))
	w.Publish()
	c.Accept(xdstest.Route, "r1")
	c.ExpectRemoved(xdstest.Cluster, "c1")
}

func TestANackOfASupersededVersionIsHistory(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	w.Put(route("r1", "c1", 1))
	w.Publish()
	first := c.Expect(xdstest.Route, "r1")
	w.Put(route("r1", "c1", 2))
	w.Publish()
	second := c.Expect(xdstest.Route, "r1")
	c.Nack(first, "bad")
	c.Ack(second)
	eventually(t, "the second is accepted", func() bool { return w.proxy().Generation == 3 && w.proxy().State == events.Current })
	c.ExpectNothing(quiet)
}

func TestRefusedEndpoints(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	w.Register(instance("1", "10.0.0.1"))
	c.Nack(c.Expect(xdstest.Endpoint, "c1"), "no")
	c.ExpectNothing(quiet)
	c.Sync()
	p := w.proxy()
	if p.State != events.Rejected || p.Generation != 1 || len(p.Rejected) != 1 || p.Rejected[0].Type != "endpoint" {
		t.Errorf("%+v", p)
	}
	w.Register(instance("2", "10.0.0.2"))
	c.Accept(xdstest.Endpoint, "c1")
	eventually(t, "the proxy is current", func() bool { return w.proxy().State == events.Current })
}

func TestAnswersThatAnswerNothing(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	for _, nonce := range []string{"4711", "1", "none", "-1", "18446744073709551616"} {
		c.Ack(xdstest.Nonce(xdstest.Cluster, nonce))
		c.Nack(xdstest.Nonce(xdstest.Route, nonce), "no")
	}
	c.ExpectNothing(quiet)
	c.Sync()
	if p := w.proxy(); p.State != events.Current {
		t.Errorf("%+v", p)
	}
}

func TestALongMessageIsCut(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	c.SubscribeAll(xdstest.Cluster)
	c.Nack(c.Expect(xdstest.Cluster, "c1"), strings.Repeat("é", 100_000))
	eventually(t, "the refusal is known", func() bool { return len(w.proxy().Rejected) == 1 })
	if m := w.proxy().Rejected[0].Message; len(m) > 4_200 || !strings.HasSuffix(m, "é…") {
		t.Errorf("%d bytes: …%q", len(m), m[len(m)-10:])
	}
}

// A refused secret is offered again, since the files that it names may have come; nothing else is.
func TestRefusedSecretsAreOfferedAgain(t *testing.T) {
	w := newWorld(t, func(o *relay.Options) { o.RetrySecrets = quiet / 3 })
	w.Proxy(cart, artifacttest.Resource(artifact.ID{Type: artifact.Secret, Name: "s1"}, 1), cluster("c1"), listener("l1", "r1"))
	w.Publish()
	c := w.connect()
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster, "c1")
	c.SubscribeAll(xdstest.Listener)
	c.Accept(xdstest.Listener, "l1")
	c.Subscribe(xdstest.Secret, "s1")
	c.Nack(c.Expect(xdstest.Secret, "s1"), "no such file")
	var first events.RejectedPart
	eventually(t, "the refusal is known", func() bool {
		p := w.proxy()
		if len(p.Rejected) == 1 {
			first = p.Rejected[0]
		}
		return p.State == events.Rejected && first.Type == "secret" && first.Message == "no such file"
	})
	for range 3 {
		c.Nack(c.Expect(xdstest.Secret, "s1"), "no such file")
	}
	if p := w.proxy(); p.State != events.Rejected || len(p.Rejected) != 1 || p.Rejected[0] != first {
		t.Errorf("refused again: %+v, want as before: %+v", p, first)
	}
	c.Accept(xdstest.Secret, "s1")
	eventually(t, "the file came", func() bool { p := w.proxy(); return p.State == events.Current && len(p.Rejected) == 0 })
	c.ExpectNothing(quiet)
}
