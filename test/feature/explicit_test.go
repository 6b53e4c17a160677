package feature

import (
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

// uiAddresses is what the bootstrap of a sidecar of ui says.
var uiAddresses = map[string]string{
	"bind/8080": "127.0.0.1:21000", "application/8080": "127.0.0.1:21001",
	"service/order.shop.local:8080": "127.0.0.1:21002", "proxy": "127.0.0.1:21003",
}

// A sidecar that intercepts explicitly has a listener for each of its node's ports, for each backend, and for clients
// that take an HTTP proxy, at the addresses that its bootstrap names.
func TestExplicit(t *testing.T) {
	m := startShop(t)
	ui := open(t, m, "virtualNode/ui", uiAddresses)
	ui.settled()
	ui.hasAll(
		"cluster "+orderV1+" cds_ingress_shop_ui_http_8080 ownmesh_egress_anywhere",
		"endpoint "+orderV1,
		"listener ownmesh_egress_order.shop.local_8080 ownmesh_egress_proxy ownmesh_ingress_8080",
		"route ownmesh_egress_order.shop.local_8080 ownmesh_egress_proxy rds_ingress_http_8080",
	)
	for name, port := range map[string]uint32{"ownmesh_ingress_8080": 21000, "ownmesh_egress_order.shop.local_8080": 21002, "ownmesh_egress_proxy": 21003} {
		a := decode[listenerv3.Listener](ui, xdstest.Listener, name).GetAddress().GetSocketAddress()
		if a.GetAddress() != "127.0.0.1" || a.GetPortValue() != port {
			t.Errorf("%s listens on %v, want port %d", name, a, port)
		}
	}
	s := status(t, m, "virtualNode/ui", events.Current)
	if s.Interception != "explicit" || len(s.Unmapped) > 0 {
		t.Errorf("its status: %+v", s)
	}
}

// A backend that the bootstrap has no address for shows in the status, and stops nothing else. The proxy listener
// knows it at once.
func TestExplicitUnmapped(t *testing.T) {
	m := startShop(t)
	ui := open(t, m, "virtualNode/ui", uiAddresses)
	ui.settled()
	m.Apply(`
kind: VirtualService
virtualServiceName: old.shop.local
spec: {provider: {virtualNode: {virtualNodeName: order-v2}}}
`)
	ui.getsNothing()
	m.Apply(uiCalls("order.shop.local", "old.shop.local"))
	ui.gets("cluster "+orderV2, "endpoint "+orderV2, "route ownmesh_egress_proxy")
	s := status(t, m, "virtualNode/ui", events.Current)
	if d := cmp.Diff([]string{"service/old.shop.local:8080"}, s.Unmapped); d != "" {
		t.Errorf("unmapped (-want +got):\n%s", d)
	}
}

// Explicit interception can be turned off, for a node or the mesh: who asks for it is told how to turn it on, and who
// doesn't is served as ever.
func TestExplicitTurnedOff(t *testing.T) {
	m := startShop(t)
	explicit, transparent := open(t, m, "virtualNode/ui", uiAddresses), connect(t, m, "virtualNode/order-v1")
	explicit.settled()
	m.Apply(`
kind: Interception
interceptionName: redirect
spec: {mode: transparent}
`)
	explicit.client.ExpectStatus(codes.InvalidArgument)
	transparent.getsNothing()
	m.Apply(`
kind: Interception
interceptionName: ui
spec: {mode: explicit, virtualNode: ui}
`)
	explicit.dial()
	explicit.settled()
}
