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

// exposed is a document for a node with these listeners, which is found by Cloud Map under its own name, and for a
// service <name>.shop.local that the node itself provides.
func exposed(name, listeners string) string {
	return fmt.Sprintf(`---
kind: VirtualNode
virtualNodeName: %[1]s
spec:
  listeners: [%[2]s]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: %[1]s}}
---
kind: VirtualService
virtualServiceName: %[1]s.shop.local
spec: {provider: {virtualNode: {virtualNodeName: %[1]s}}}
`, name, listeners)
}

// listener is a listener with more than its port and protocol, for exposed.
func listener(port int, protocol, rest string) string {
	return fmt.Sprintf("{portMapping: {port: %d, protocol: %s}, %s}", port, protocol, rest)
}

// callerOf is a document for a node ui that calls the services <name>.shop.local.
func callerOf(names ...string) string {
	var backends []string
	for _, name := range names {
		backends = append(backends, "{virtualService: {virtualServiceName: "+name+".shop.local}}")
	}
	return "---\nkind: VirtualNode\nvirtualNodeName: ui\nspec: {backends: [" + strings.Join(backends, ", ") + "]}\n"
}

const (
	justMesh = "kind: Mesh\nmeshName: shop\n"
	cart     = "http://cart.shop.local:8080" // where ui calls the shop's service
	// clusterA is the cluster, at ui's Envoy, that leads to a.
	clusterA = "cds_egress_shop_a_http_8080"
)
