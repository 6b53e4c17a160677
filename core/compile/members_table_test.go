package compile_test

import (
	"regexp"

	"github.com/ownmesh/ownmesh/core/resource"
)

// This file: what TestNoMemberIsLeftOut knows about members. Paths start at the kind, or are ends of such paths.

// withoutEffect lists members that change no proxy's configuration, and why. What lies below them is included.
var withoutEffect = map[string]string{
	"VirtualNode.listeners[0].healthCheck.port": "the listener's own port is probed, as App Mesh asked for (finding health-check-port)",
	"VirtualGateway.listeners[0].healthCheck":   "nobody in the mesh calls a gateway by endpoint, so nobody probes it (finding health-check-without-effect)",
}

// defaults says which value leaving a member out stands for.
var defaults = map[string]string{
	"Mesh.egressFilter.type": "DROP_ALL",
	"dns.responseType":       "LOADBALANCER",
	"tls.mode":               "DISABLED",
	"tls.enforce":            "true",
	"unit":                   "ms",
	"invert":                 "false",
	"healthCheck.path":       "/",
	"httpRoute.action.weightedTargets[0].port":  "8080",
	"http2Route.action.weightedTargets[0].port": "8080",
	"grpcRoute.action.weightedTargets[0].port":  "8080",
	"tcpRoute.action.weightedTargets[0].port":   "8090",
	"target.port":                    "80",
	"hostname.defaultTargetHostname": "ENABLED",
	"prefix.defaultPrefix":           "ENABLED",
}

// subjects are the resources whose specs are changed.
var subjects = map[string]resource.Key{
	"Mesh":           {Kind: resource.KindMesh, Name: "m"},
	"VirtualNode":    {Kind: resource.KindVirtualNode, Name: "subject"},
	"VirtualRouter":  {Kind: resource.KindVirtualRouter, Name: "subject"},
	"Route":          {Kind: resource.KindRoute, Parent: "shop", Name: "subject"},
	"VirtualService": {Kind: resource.KindVirtualService, Name: "subject.local"},
	"VirtualGateway": {Kind: resource.KindVirtualGateway, Name: "edge"},
	"GatewayRoute":   {Kind: resource.KindGatewayRoute, Parent: "edge", Name: "subject"},
}

var nameMembers = map[string]string{
	"Mesh": "meshName", "VirtualNode": "virtualNodeName", "VirtualRouter": "virtualRouterName", "Route": "routeName",
	"VirtualService": "virtualServiceName", "VirtualGateway": "virtualGatewayName", "GatewayRoute": "gatewayRouteName",
}

// memberNames are values of members that something needs which is looked at.
var memberNames = map[string]string{
	"virtualServiceName": "shop.local", "virtualNodeName": "cart", "virtualNode": "cart", "virtualRouterName": "shop",
	"certificateArn": "arn:1", "certificateAuthorityArns": "arn:1", "path": "/log", "prefix": "/shop", "hostname": "h.internal",
	"protocol": "http", "mode": "STRICT",
}

// memberValues are the values that members are tried with, where any two won't do.
var memberValues = map[string][]any{
	"virtualServiceName":          {"shop.local", "other.local"},
	"virtualNodeName":             {"cart", "stock"},
	"virtualNode":                 {"cart", "stock"},
	"virtualRouterName":           {"shop", "other"},
	"certificateArn":              {"arn:1", "arn:2"},
	"certificateAuthorityArns[0]": {"arn:1", "arn:2"},
	"match.prefix":                {"/shop", "/cart"},
	"path.exact":                  {"/a", "/b"},
	"healthCheck.path":            {"/", "/a"},
	"file.path":                   {"/a", "/b"},
	"prefix.value":                {"/a/", "/b/"},
	"range.start":                 {1, 2},
	"range.end":                   {8, 9},
	"priority":                    {1, 999},
	"weight":                      {0, 1, 7},
	"httpRetryEvents[0]":          {"server-error", "gateway-error", "client-error", "stream-error"},
	"tls.ports[0]":                {80, 1},
	"Route.httpRoute.action.weightedTargets[0].port":  {8080, 8081},
	"Route.http2Route.action.weightedTargets[0].port": {8080, 8081},
	"Route.grpcRoute.action.weightedTargets[0].port":  {8080, 8081},
	"Route.tcpRoute.action.weightedTargets[0].port":   {8090, 8091},
	"Route.tcpRoute.match.port":                       {90, 91},
	"match.port":                                      {80, 81},
	"target.port":                                     {80, 81},
	"GatewayRoute.httpRoute.match.port":               {9080, 9081},
	"GatewayRoute.http2Route.match.port":              {9080, 9081},
	"GatewayRoute.grpcRoute.match.port":               {9080, 9081},
	"portMapping.port":                                {7001, 7002},
}

// contexts are applied in this order.
var contexts = []context{
	// Pools and timeouts count if they are of the listener's protocol.
	{regexp.MustCompile(`listeners\[0\]\.(?:connectionPool|timeout)\.([a-z0-9]+)\.`), func(m []string) map[string]any {
		return map[string]any{"listeners[0].portMapping.protocol": m[1]}
	}},
	// A grpc health check needs a listener that speaks HTTP/2.
	{regexp.MustCompile(`^VirtualNode\.listeners\[0\]\.healthCheck\.protocol`), func([]string) map[string]any {
		return map[string]any{"listeners[0].portMapping.protocol": "grpc"}
	}},
	// A unit needs a value.
	{regexp.MustCompile(`^[A-Za-z]+\.(.*)\.unit$`), func(m []string) map[string]any {
		return map[string]any{m[1] + ".value": 7}
	}},
	// Two targets, for else there is no share.
	{regexp.MustCompile(`^Route\.([a-z0-9]+Route)\.action\.`), func(m []string) map[string]any {
		return map[string]any{m[1] + ".action.weightedTargets": []any{
			map[string]any{"virtualNode": "cart", "weight": 7}, map[string]any{"virtualNode": "stock", "weight": 5}}}
	}},
	// A method is matched within a service.
	{regexp.MustCompile(`^Route\.grpcRoute\.match\.methodName`), func([]string) map[string]any {
		return map[string]any{"grpcRoute.match.serviceName": "s"}
	}},
	// Retries need an event.
	{regexp.MustCompile(`^Route\.([a-z0-9]+Route)\.retryPolicy\.(?:maxRetries|perRetryTimeout|tcpRetryEvents|grpcRetryEvents)`), func(m []string) map[string]any {
		return map[string]any{m[1] + ".retryPolicy.httpRetryEvents[0]": "client-error"}
	}},
	// A prefix is what is rewritten.
	{regexp.MustCompile(`^GatewayRoute\.([a-z0-9]+Route)\.action\.rewrite\.(?:prefix|path)`), func(m []string) map[string]any {
		return map[string]any{m[1] + ".match.prefix": "/shop"}
	}},
}
