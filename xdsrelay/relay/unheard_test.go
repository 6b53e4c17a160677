package relay_test

import (
	"slices"
	"testing"
	"time"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

// heardOf is a world whose endpoints log exists and knows another service only.
func heardOf(t *testing.T, patience time.Duration) *world {
	w := newWorld(t, func(o *relay.Options) { o.Patience = patience })
	w.Endpoints(endpoint.Change{AddServices: []endpoint.ServiceKey{{Namespace: "shop.local", Service: "another"}}})
	w.simple()
	w.Publish()
	return w
}

func asks(w *world) *xdstest.Client {
	c := w.connect()
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster, "c1")
	c.Subscribe(xdstest.Endpoint, "c1")
	return c
}

func hosts(t *testing.T, r *xdstest.Response) int {
	n := 0
	for _, locality := range xdstest.Decode[*endpointv3.ClusterLoadAssignment](t, r, "c1").Endpoints {
		n += len(locality.LbEndpoints)
	}
	return n
}

func TestEndpointsWaitForWordOfTheirService(t *testing.T) {
	word := map[string]struct {
		change endpoint.Change
		hosts  int
	}{
		"its first instance": {endpoint.Change{Put: []endpoint.Instance{instance("a", "10.0.0.1")}}, 1},
		"that it has none":   {endpoint.Change{AddServices: []endpoint.ServiceKey{orders}}, 0},
	}
	for name, of := range word {
		t.Run(name, func(t *testing.T) {
			w := heardOf(t, time.Hour)
			c := asks(w)
			c.ExpectNothing(quiet)
			eventually(t, "status says why", func() bool {
				return slices.Contains(w.proxy().Waiting, "endpoint c1 waits for word of service order in shop.local")
			})
			w.Endpoints(of.change)
			if n := hosts(t, c.Expect(xdstest.Endpoint, "c1")); n != of.hosts {
				t.Errorf("%d endpoints came, want %d", n, of.hosts)
			}
		})
	}
}

func TestWordOfAServiceIsNotWaitedForLong(t *testing.T) {
	const patience = 200 * time.Millisecond
	w := heardOf(t, patience)
	from := time.Now()
	c := asks(w)
	if n := hosts(t, c.Expect(xdstest.Endpoint, "c1")); n != 0 {
		t.Errorf("%d endpoints came, want none", n)
	}
	if took := time.Since(from); took < patience {
		t.Errorf("the assignment came after %v", took)
	}
}
