package feature

import (
	"testing"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// Instances that come, move and go are updates of endpoints alone, for callers alone. They are no part of a
// generation.
func TestEndpoints(t *testing.T) {
	m := startShop(t)
	ui, order := connect(t, m, "virtualNode/ui"), connect(t, m, "virtualNode/order-v1")
	ui.reaches(orderV1)
	before := m.Published()

	register(t, m, instance("order-v1", "a", "10.0.0.1"))
	ui.getsEndpoints(orderV1, "10.0.0.1:8080")

	b := instance("order-v1", "b", "10.0.0.2")
	b.Ports = map[int]int{8080: 31000}
	register(t, m, b)
	ui.getsEndpoints(orderV1, "10.0.0.1:8080", "10.0.0.2:31000")

	b.Ports = nil
	register(t, m, b)
	ui.getsEndpoints(orderV1, "10.0.0.1:8080", "10.0.0.2:8080")

	register(t, m, instance("order-v1", "b", "10.0.0.2")) // nothing new
	register(t, m, instance("order-v2", "c", "10.0.0.3")) // not a backend's
	register(t, m, instance("other", "d", "10.0.0.4"))    // nobody's
	ui.getsNothing()

	for _, id := range []string{"a", "b"} {
		if err := m.Deregister(t.Context(), endpoint.InstanceKey{
			ServiceKey: endpoint.ServiceKey{Namespace: "shop.local", Service: "order-v1"}, ID: id,
		}); err != nil {
			t.Fatal(err)
		}
		if id == "a" {
			ui.getsEndpoints(orderV1, "10.0.0.2:8080")
		}
	}
	ui.getsEndpoints(orderV1)

	order.getsNothing()
	if after := m.Published(); after != before {
		t.Errorf("instances moved the generation from %d to %d", before, after)
	}
}

// A node's attributes select among the instances of its service. They are part of the cluster's version, which is why
// that is sent again; Envoy sees that it is the same.
func TestEndpointAttributes(t *testing.T) {
	m := startShop(t)
	for id, version := range map[string]string{"a": "1", "b": "2"} {
		i := instance("order-v1", id, map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"}[id])
		i.Attributes = map[string]string{"version": version}
		register(t, m, i)
	}
	ui := connect(t, m, "virtualNode/ui")
	withVersion := func(version string) {
		m.Apply(`
kind: VirtualNode
virtualNodeName: order-v1
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: order-v1, attributes: [{key: version, value: "` + version + `"}]}}
`)
	}
	withVersion("2")
	ui.gets("cluster "+orderV1, "endpoint "+orderV1)
	ui.reaches(orderV1, "10.0.0.2:8080")
	withVersion("1")
	ui.gets("cluster "+orderV1, "endpoint "+orderV1)
	ui.reaches(orderV1, "10.0.0.1:8080")
	withVersion("3")
	ui.gets("cluster "+orderV1, "endpoint "+orderV1)
	ui.reaches(orderV1)
}

// A node that goes over to another service gets that one's instances, though nobody has registered any since.
func TestEndpointsOfAnotherService(t *testing.T) {
	m := startShop(t)
	register(t, m, instance("orders-of-old", "a", "10.0.0.1"))
	ui := connect(t, m, "virtualNode/ui")
	m.Apply(`
kind: VirtualNode
virtualNodeName: order-v1
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: orders-of-old}}
`)
	ui.settles(orderV1, "10.0.0.1:8080")
}
