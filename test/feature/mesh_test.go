package feature

import (
	"testing"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/test/machine"
)

// shop is the mesh that most tests begin with: ui calls order, whose router sends everything to order-v1.
const shop = `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: ui
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: ui}}
  backends: [{virtualService: {virtualServiceName: order.shop.local}}]
---
kind: VirtualNode
virtualNodeName: order-v1
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: order-v1}}
---
kind: VirtualNode
virtualNodeName: order-v2
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: order-v2}}
---
kind: VirtualRouter
virtualRouterName: order
spec: {listeners: [{portMapping: {port: 8080, protocol: http}}]}
---
kind: Route
virtualRouterName: order
routeName: all
spec: {httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: order-v1, weight: 1}]}}}
---
kind: VirtualService
virtualServiceName: order.shop.local
spec: {provider: {virtualRouter: {virtualRouterName: order}}}
`

// What Envoy's resources of the shop are called.
const (
	orderV1 = "cds_egress_shop_order-v1_http_8080"
	orderV2 = "cds_egress_shop_order-v2_http_8080"
)

func startShop(t *testing.T) *machine.Machine {
	t.Helper()
	t.Parallel()
	m := machine.Start(t)
	m.Apply(shop)
	return m
}

func register(t *testing.T, m *machine.Machine, i endpoint.Instance) {
	t.Helper()
	if _, err := m.Register(t.Context(), i); err != nil {
		t.Fatal(err)
	}
}

// instance is one of a service of shop.local.
func instance(service, id, address string) endpoint.Instance {
	return endpoint.Instance{Namespace: "shop.local", Service: service, ID: id, IPv4: address}
}

// A sidecar has a cluster for its application and one for each node that its backends' routes lead to; it doesn't
// have what only others need.
func TestSidecarHas(t *testing.T) {
	m := startShop(t)
	connect(t, m, "virtualNode/ui").hasAll(
		"cluster cds_egress_shop_amazonaws "+orderV1+" cds_ingress_shop_ui_http_8080",
		"endpoint "+orderV1,
		"listener lds_egress_0.0.0.0_15001 lds_ingress_0.0.0.0_15000",
		"route rds_egress_http_8080 rds_ingress_http_8080",
	)
	connect(t, m, "virtualNode/order-v2").hasAll(
		"cluster cds_egress_shop_amazonaws cds_ingress_shop_order-v2_http_8080",
		"listener lds_egress_0.0.0.0_15001 lds_ingress_0.0.0.0_15000",
		"route rds_ingress_http_8080",
	)
}
