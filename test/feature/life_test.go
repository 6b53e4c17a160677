package feature

import (
	"maps"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/test/machine"
)

// A mesh made again under an old name is another mesh: streams of the old one end, and who comes back with the old
// one's configuration gets the new one's, and nothing of the old stays.
func TestMeshMadeAgain(t *testing.T) {
	m := startShop(t)
	register(t, m, instance("order-v1", "a", "10.0.0.1"))
	ui := connect(t, m, "virtualNode/ui")
	ui.settles(orderV1, "10.0.0.1:8080")
	old := uidOf(t, m)
	m.DeleteMesh("shop")
	ui.client.ExpectStatus(codes.InvalidArgument)

	m.Apply(shop)
	m.Apply(`
kind: Route
virtualRouterName: order
routeName: all
spec: {httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: order-v2, weight: 1}]}}}
`)
	if again := uidOf(t, m); again == old {
		t.Errorf("the new mesh has the old one's uid %s", old)
	}
	ui.dial()
	ui.settled()
	want := []string{
		"cluster cds_egress_shop_amazonaws " + orderV2 + " cds_ingress_shop_ui_http_8080",
		"endpoint " + orderV2,
		"listener lds_egress_0.0.0.0_15001 lds_ingress_0.0.0.0_15000",
		"route rds_egress_http_8080 rds_ingress_http_8080",
	}
	ui.hasAll(want...)
	fresh := connect(t, m, "virtualNode/ui")
	fresh.hasAll(want...)
	for of := range typeNames {
		if !maps.Equal(ui.versions[of], fresh.versions[of]) {
			t.Errorf("%ss: who came back has %v, who is new has %v", typeNames[of], ui.versions[of], fresh.versions[of])
		}
	}
}

// A deleted node's streams end with a status that says so, and its configuration stays as it is at the Envoy.
func TestNodeDeleted(t *testing.T) {
	m := startShop(t)
	v2, ui := connect(t, m, "virtualNode/order-v2"), connect(t, m, "virtualNode/ui")
	m.Delete("virtualNode/order-v2")
	if said := v2.client.ExpectStatus(codes.InvalidArgument); said == "" {
		t.Error("the stream of a deleted node ends without a word")
	}
	ui.getsNothing()
}

// A node made again under its old name is another one: its streams start anew.
func TestNodeMadeAgain(t *testing.T) {
	m := startShop(t)
	v2 := connect(t, m, "virtualNode/order-v2")
	m.Delete("virtualNode/order-v2")
	v2.client.ExpectStatus(codes.InvalidArgument)
	m.Apply(`
kind: VirtualNode
virtualNodeName: order-v2
spec: {}
`)
	v2.dial()
	v2.settled()
	v2.hasAll("cluster cds_egress_shop_amazonaws", "listener lds_egress_0.0.0.0_15001")
}

// A machine that is stopped and started again goes on where it was: the same logs, the same epochs, and proxies that
// come back are told only what they don't have.
func TestRestart(t *testing.T) {
	m := startShop(t)
	register(t, m, instance("order-v1", "a", "10.0.0.1"))
	ui := connect(t, m, "virtualNode/ui")
	ui.settles(orderV1, "10.0.0.1:8080")
	before := positions(t, m)

	m.Restart()
	ui.client.Close()
	ui.dial()
	ui.gets("endpoint " + orderV1) // always answered in full: a cluster that was cut off from them would go on warming
	ui.reaches(orderV1, "10.0.0.1:8080")
	if after := positions(t, m); after != before {
		t.Errorf("a restart moved the logs from %+v to %+v", before, after)
	}

	m.Delete("virtualRouter/order/route/all")
	ui.gets("route rds_egress_http_8080", "no cluster "+orderV1)
	after := positions(t, m)
	if after.config.Epoch != before.config.Epoch || after.config.Seq != before.config.Seq+1 {
		t.Errorf("one change moved the config log from %+v to %+v", before.config, after.config)
	}
}

// What was acknowledged just before the end is published after the start.
func TestStopLosesNothing(t *testing.T) {
	m := startShop(t)
	for range 20 {
		ref := m.Ref("virtualRouter/order/route/all")
		for _, target := range []string{"order-v2", "order-v1", "order-v2"} {
			spec := `{"httpRoute":{"match":{"prefix":"/"},"action":{"weightedTargets":[{"virtualNode":"` + target + `","weight":1}]}}}`
			if _, err := m.Update(t.Context(), ref, []byte(spec)); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.Restart()
	m.Published()
	connect(t, m, "virtualNode/ui").hasAll(
		"cluster cds_egress_shop_amazonaws "+orderV2+" cds_ingress_shop_ui_http_8080",
		"endpoint "+orderV2,
		"listener lds_egress_0.0.0.0_15001 lds_ingress_0.0.0.0_15000",
		"route rds_egress_http_8080 rds_ingress_http_8080",
	)
}

// Stopping ends streams in order, not by cutting connections, and takes the relay's status away.
func TestStopDrains(t *testing.T) {
	m := startShop(t)
	ui := connect(t, m, "virtualNode/ui")
	began := time.Now()
	m.Stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("stopping took %v with one quiet proxy", took)
	}
	ui.client.ExpectEnd()
	m.Start()
	if s, ok := m.Proxy("virtualNode/ui", "it"); ok {
		t.Errorf("after a restart, before anybody connects: %+v", s)
	}
}

// Every message is delivered twice, and a second time nothing happens: no log moves, no proxy hears of it.
func TestRedelivery(t *testing.T) {
	m := startShop(t)
	register(t, m, instance("order-v1", "a", "10.0.0.1"))
	ui := connect(t, m, "virtualNode/ui")
	ui.settles(orderV1, "10.0.0.1:8080")
	before := positions(t, m)
	const redelivery = 2 * time.Second // local.FeedOptions.Redelivery's default
	if r := ui.client.Try(redelivery + 500*time.Millisecond); r != nil {
		t.Errorf("got %s %q", r.Type, r.Names())
	}
	if after := positions(t, m); after != before {
		t.Errorf("messages that were delivered again moved the logs from %+v to %+v", before, after)
	}
}

// A machine that was told the same thing again and again, as by `ownmesh apply` in a loop, moves its generation but
// sends nothing.
func TestAppliedAgain(t *testing.T) {
	m := startShop(t)
	ui := connect(t, m, "virtualNode/ui")
	before := slices.Clone(ui.list())
	m.Apply(shop)
	ui.getsNothing()
	ui.hasAll(before...)
	if s := status(t, m, "virtualNode/ui", events.Current); s.Generation != m.Published() {
		t.Errorf("accepted generation %d of %d", s.Generation, m.Published())
	}
}

func uidOf(t *testing.T, m *machine.Machine) string {
	t.Helper()
	s, err := m.Status(t.Context(), m.Mesh)
	if err != nil {
		t.Fatal(err)
	}
	return s.UID
}
