package relay_test

import (
	"testing"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

func addresses(t *testing.T, r *xdstest.Response, name string) (all []string) {
	t.Helper()
	for _, group := range xdstest.Decode[*endpointv3.ClusterLoadAssignment](t, r, name).Endpoints {
		for _, e := range group.LbEndpoints {
			all = append(all, e.GetEndpoint().Address.GetSocketAddress().Address)
		}
	}
	return all
}

func TestAProxyGetsItsConfiguration(t *testing.T) {
	w := newWorld(t)
	resources := w.simple()
	w.Put(cluster("other")) // in the mesh, but not this proxy's
	w.Register(instance("1", "10.0.0.1"))
	w.Publish()

	c := w.connect()
	c.SubscribeAll(xdstest.Cluster)
	r := c.Expect(xdstest.Cluster, "c1")
	got := r.Resources[0]
	want := resources[0]
	if got.Version != want.Hash || string(got.Resource.Value) != string(want.Body) || got.Resource.TypeUrl != string(xdstest.Cluster) {
		t.Errorf("got %v, want %v", got, want)
	}
	if r.SystemVersionInfo != "1" || r.ControlPlane.GetIdentifier() != "relay-1" {
		t.Errorf("got version %q from %v", r.SystemVersionInfo, r.ControlPlane)
	}
	if p := w.proxy(); p.State != events.Behind || p.Generation != 0 {
		t.Errorf("before anything is accepted: %+v", p)
	}
	c.Ack(r)
	c.Subscribe(xdstest.Endpoint, "c1")
	r = c.Accept(xdstest.Endpoint, "c1")
	if all := addresses(t, r, "c1"); len(all) != 1 || all[0] != "10.0.0.1" {
		t.Errorf("endpoints are %q", all)
	}
	c.SubscribeAll(xdstest.Listener)
	c.Accept(xdstest.Listener, "l1")
	c.Subscribe(xdstest.Route, "r1")
	c.Accept(xdstest.Route, "r1")
	c.ExpectNothing(quiet)

	p := w.proxy()
	if p.Resource != "virtualNode/cart" || p.Interception != "transparent" || p.Instance == "" || p.State != events.Current || p.Generation != 1 || p.AckedAt.IsZero() {
		t.Errorf("at the end: %+v", p)
	}
}

func TestAnEndpointChangeIsAnEndpointUpdateAlone(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	w.Register(instance("1", "10.0.0.1"), instance("2", "10.0.0.2"))
	if all := addresses(t, c.Accept(xdstest.Endpoint, "c1"), "c1"); len(all) != 2 {
		t.Errorf("endpoints are %q", all)
	}
	w.Register(endpoint.Instance{Namespace: "shop.local", Service: "another", ID: "1", IPv4: "10.0.0.9"})
	w.Register(instance("2", "10.0.0.2")) // the same again
	w.Endpoints(endpoint.Change{Remove: []endpoint.InstanceKey{{ServiceKey: orders, ID: "1"}, {ServiceKey: orders, ID: "2"}}})
	if all := addresses(t, c.Accept(xdstest.Endpoint, "c1"), "c1"); len(all) != 0 {
		t.Errorf("endpoints are %q", all)
	}
	c.ExpectNothing(quiet)
	if p := w.proxy(); p.State != events.Current || p.Generation != 1 {
		t.Errorf("endpoints are no generation: %+v", p)
	}
}

func TestAChangedPortDoesNotWaitForTheOtherLog(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Register(instance("1", "10.0.0.1"))
	w.Publish()
	c := w.connect()
	settle(c)
	w.Put(xdstest.EDSCluster("c1", orders, 9090))
	w.Publish()
	c.Accept(xdstest.Cluster, "c1")
	r := c.Accept(xdstest.Endpoint, "c1")
	at := xdstest.Decode[*endpointv3.ClusterLoadAssignment](t, r, "c1").Endpoints[0].LbEndpoints[0].GetEndpoint().Address.GetSocketAddress()
	if at.GetPortValue() != 9090 {
		t.Errorf("the endpoint is %v", at)
	}
}

func TestAChangeReachesOnlyWhomItConcerns(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Proxy("virtualNode/order", cluster("c2"))
	w.Publish()
	c := w.connect()
	settle(c)
	w.Put(cluster("c2", 1))
	w.Publish()
	eventually(t, "the generation is accepted by who is not reached", func() bool { return w.proxy().Generation == 2 })
	if p := w.proxy(); p.State != events.Current {
		t.Errorf("%+v", p)
	}
	c.ExpectNothing(quiet)
}

func TestChangesAreCoalescedWhileTheProxyDoesNotRead(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	for version := range 5 {
		w.Put(cluster("c1", version+1))
		w.Publish()
	}
	last := w.Publish()
	var newest string
	for newest != cluster("c1", 5).Hash {
		if r := c.Next(); r.Type == xdstest.Cluster {
			newest = r.Resources[0].Version
			c.Ack(r)
		} else {
			c.Ack(r)
		}
	}
	eventually(t, "all is accepted", func() bool { return w.proxy().Generation == last })
}

func TestANewEpochChangesOnlyWhatIsDifferent(t *testing.T) {
	w := newWorld(t)
	w.simple()
	w.Publish()
	c := w.connect()
	settle(c)
	w.Put(route("r1", "c1", 1))
	w.Rebuild()
	c.Accept(xdstest.Route, "r1")
	c.ExpectNothing(quiet)
}
