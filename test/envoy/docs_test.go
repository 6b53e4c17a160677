package envoy

import (
	"fmt"
	"strings"
)

// shop is a mesh in which ui calls cart.shop.local, whose router has no routes yet, and there are the nodes a and b for
// them. All listen on port 8080 and speak protocol; a and b are found by Cloud Map, their services being called like
// them.
func shop(protocol string) string {
	return strings.ReplaceAll(`
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: ui
spec: {backends: [{virtualService: {virtualServiceName: cart.shop.local}}]}
---
kind: VirtualNode
virtualNodeName: a
spec:
  listeners: [{portMapping: {port: 8080, protocol: PROTOCOL}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
---
kind: VirtualNode
virtualNodeName: b
spec:
  listeners: [{portMapping: {port: 8080, protocol: PROTOCOL}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: b}}
---
kind: VirtualRouter
virtualRouterName: cart
spec: {listeners: [{portMapping: {port: 8080, protocol: PROTOCOL}}]}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualRouter: {virtualRouterName: cart}}}
`, "PROTOCOL", protocol)
}

// route is a document for the shop's router.
func route(name, spec string) string {
	return fmt.Sprintf("---\nkind: Route\nvirtualRouterName: cart\nrouteName: %s\nspec: {%s}\n", name, spec)
}

// to is the action that sends everything to a node.
func to(node string) string {
	return "action: {weightedTargets: [{virtualNode: " + node + ", weight: 1}]}"
}

const (
	cart = "http://cart.shop.local:8080" // where ui calls the shop's service
	// clusterA is the cluster, at ui's Envoy, that leads to a.
	clusterA = "cds_egress_shop_a_http_8080"
)
