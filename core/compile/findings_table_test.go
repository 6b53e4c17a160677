package compile_test

import "github.com/ownmesh/ownmesh/core/resource"

// This file: the mistakes that App Mesh accepted, by the section of reference/semantics.md that calls them findings.

const (
	ofWeb     = "virtualNode/web spec."
	ofCart    = "virtualNode/cart spec."
	ofRoute   = "virtualRouter/shop/route/all spec."
	ofEdge    = "virtualGateway/edge spec."
	ofGateway = "virtualGateway/edge/gatewayRoute/all spec."
)

var findingCases = []findingCase{
	// Section 3: checks on create and update.
	{name: "3: an absent backend", given: web(backend("gone.local")),
		want: []string{ofWeb + "backends[0].virtualService.virtualServiceName backend-missing"}},
	{name: "3: duplicate backends", given: web(backend("shop.local") + ", " + backend("shop.local")),
		want: []string{ofWeb + "backends[1] backend-duplicate"}},
	{name: "3: prefix and path", given: httpRoute("prefix: /a, path: {exact: /b}", ""),
		want: []string{ofRoute + "httpRoute.match.prefix match-both"}},
	{name: "3: prefix and path at a gateway", given: gatewayRoute("prefix: /a, path: {regex: /b}", ""),
		want: []string{ofGateway + "httpRoute.match.prefix match-both"}},
	{name: "3: a prefix without a slash", given: httpRoute("prefix: testPrefix", ""),
		want: []string{ofRoute + "httpRoute.match.prefix path-never-matches", noRoute}},
	{name: "3: a gateway's prefix without a slash", given: gatewayRoute("prefix: testPrefix", ""),
		want: []string{ofGateway + "httpRoute.match.prefix path-never-matches"}},
	{name: "3: a path with its query", given: httpRoute("path: {exact: '/a?b=c'}", ""),
		want: []string{ofRoute + "httpRoute.match.path.exact path-never-matches", noRoute}},
	{name: "3: a path with a double slash", given: httpRoute("prefix: /a//b", ""),
		want: []string{ofRoute + "httpRoute.match.prefix path-never-matches", noRoute}},
	{name: "3: a path that clients encode", given: httpRoute("prefix: /grün", ""),
		want: []string{ofRoute + "httpRoute.match.prefix path-never-matches", noRoute}},
	{name: "3: exact and regex", given: httpRoute("path: {exact: /a, regex: /b}", ""),
		want: []string{ofRoute + "httpRoute.match.path.regex match-both"}},
	{name: "3: hostname exact and suffix", given: gatewayRoute("prefix: /, hostname: {exact: a.example, suffix: .example}", ""),
		want: []string{ofGateway + "httpRoute.match.hostname.suffix match-both"}},
	{name: "3: a range that ends where it starts", given: httpRoute("prefix: /, headers: [{name: x, match: {range: {start: 5, end: 5}}}]", ""),
		want: []string{ofRoute + "httpRoute.match.headers[0].match.range range-empty", noRoute}},
	{name: "3: an empty range, inverted", given: httpRoute("prefix: /, headers: [{name: x, invert: true, match: {range: {start: 5, end: 1}}}]", ""),
		want: []string{ofRoute + "httpRoute.match.headers[0].match.range range-empty"}},
	{name: "3: a retry policy without events", given: httpRoute("prefix: /", "retryPolicy: {maxRetries: 1, perRetryTimeout: {unit: s, value: 1}}"),
		want: []string{ofRoute + "httpRoute.retryPolicy retry-without-event"}},
	{name: "3: an unknown retry event", given: httpRoute("prefix: /", "retryPolicy: {maxRetries: 1, perRetryTimeout: {unit: s, value: 1}, httpRetryEvents: [server-error, teapot]}"),
		want: []string{ofRoute + "httpRoute.retryPolicy.httpRetryEvents[1] retry-event-unknown"}},
	{name: "3: two listeners of a node with one port", given: node("cart", "listeners: ["+listener(8080, "http")+", "+listener(8080, "grpc")+"], serviceDiscovery: {dns: {hostname: cart.internal}}"),
		want: []string{ofCart + "listeners[1].portMapping.port listener-duplicate"}},
	{name: "3: two listeners of a router with one port", given: router("shop", listener(80, "http")+", "+listener(80, "tcp")),
		want: []string{"virtualRouter/shop spec.listeners[1].portMapping.port listener-duplicate"}},
	{name: "3: two listeners of a gateway with one port", given: gateway(listener(9080, "http") + ", " + listener(9080, "grpc")),
		want: []string{ofEdge + "listeners[1].portMapping.port listener-duplicate"}},

	// Section 5: ports and protocols.
	{name: "5: a route's port that no listener has", given: httpRoute("prefix: /, port: 81", ""),
		want: []string{ofRoute + "httpRoute.match.port route-port", noRoute}},
	{name: "5: a target's port that no listener has", given: route("all", "httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: cart, weight: 1, port: 9}]}}"),
		want: []string{ofRoute + "httpRoute.action.weightedTargets[0].port target-port", noRoute}},
	{name: "5: a gateway route's port that no listener has", given: gatewayRoute("prefix: /, port: 81", ""),
		want: []string{ofGateway + "httpRoute.match.port route-port"}},
	{name: "5: several listeners of a router, and a route without port", given: router("shop", listener(80, "http")+", "+listener(81, "http")),
		want: []string{ofGateway + "httpRoute.action.target.port target-port-missing", ofRoute + "httpRoute.match.port route-port-missing"}},
	{name: "5: several listeners of a node, and a target without port", given: node("cart", "listeners: ["+listener(8080, "http")+", "+listener(8081, "http")+"], serviceDiscovery: {dns: {hostname: cart.internal}}"),
		want: []string{ofRoute + "httpRoute.action.weightedTargets[0].port target-port-missing"}},
	{name: "5: several listeners of a gateway, and a route without port", given: gateway(listener(9080, "http") + ", " + listener(9081, "http")),
		want: []string{ofGateway + "httpRoute.match.port route-port-missing"}},
	{name: "5: a route of another type than the router's and the node's protocol", given: route("all", "http2Route: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: cart, weight: 1}]}}"),
		want: []string{ofRoute + "http2Route route-protocol", ofRoute + "http2Route.action.weightedTargets[0] target-protocol"}},
	{name: "5: a tcp route for HTTP", given: route("tcp", "tcpRoute: {action: {weightedTargets: [{virtualNode: cart, weight: 1}]}}"),
		want: []string{"virtualRouter/shop/route/tcp spec.tcpRoute route-protocol", "virtualRouter/shop/route/tcp spec.tcpRoute.action.weightedTargets[0] target-protocol"}},
	{name: "5: HTTP for a tcp node", given: node("cart", "listeners: ["+listener(8080, "tcp")+"], serviceDiscovery: {dns: {hostname: cart.internal}}"),
		want: []string{ofRoute + "httpRoute.action.weightedTargets[0] target-protocol"}},
	{name: "5: a tcp backend on a port of HTTP backends", given: node("db", "listeners: ["+listener(80, "tcp")+"], serviceDiscovery: {dns: {hostname: db.internal}}") +
		service("db.local", "provider: {virtualNode: {virtualNodeName: db}}") + web(backend("shop.local")+", "+backend("db.local")),
		want: []string{ofWeb + "backends[1].virtualService.virtualServiceName backend-port"}},
	{name: "5: two tcp backends on a port", given: node("db", "listeners: ["+listener(5432, "tcp")+"], serviceDiscovery: {dns: {hostname: db.internal}}") +
		service("a.local", "provider: {virtualNode: {virtualNodeName: db}}") + service("b.local", "provider: {virtualNode: {virtualNodeName: db}}") + web(backend("b.local")+", "+backend("a.local")),
		want: []string{ofWeb + "backends[0].virtualService.virtualServiceName backend-port"}},
	{name: "5: two tcp routes for a port", given: node("db", "listeners: ["+listener(5432, "tcp")+"], serviceDiscovery: {dns: {hostname: db.internal}}") +
		router("db", listener(5432, "tcp")) + tcpRoute("a") + tcpRoute("b"),
		want: []string{"virtualRouter/db/route/b spec.tcpRoute route-shadowed"}},

	// Section 6: listeners.
	{name: "6: a pool of another protocol", given: cart("connectionPool: {grpc: {maxRequests: 1}}", ""),
		want: []string{ofCart + "listeners[0].connectionPool.grpc pool-protocol"}},
	{name: "6: a timeout of another protocol", given: cart("timeout: {tcp: {idle: {unit: s, value: 1}}}", ""),
		want: []string{ofCart + "listeners[0].timeout.tcp timeout-protocol"}},
	{name: "6: a route's timeout that its target doesn't have", given: httpRoute("prefix: /", "timeout: {perRequest: {unit: s, value: 16}}"),
		want: []string{ofRoute + "httpRoute.timeout.perRequest timeout-shorter-at-target"}},
	{name: "6: no timeout on the route, some at its target", given: cart("timeout: {http: {perRequest: {unit: s, value: 20}}}", "") + httpRoute("prefix: /", "timeout: {perRequest: {unit: s, value: 0}}"),
		want: []string{ofRoute + "httpRoute.timeout.perRequest timeout-shorter-at-target"}},
	{name: "6: tries that are longer than their target takes", given: httpRoute("prefix: /", "timeout: {perRequest: {unit: s, value: 60}}, retryPolicy: {maxRetries: 2, perRetryTimeout: {unit: s, value: 16}, httpRetryEvents: [server-error]}"),
		want: []string{ofRoute + "httpRoute.timeout.perRequest timeout-shorter-at-target"}},
	{name: "6: no mistake: a timeout in both places", given: cart("timeout: {http: {perRequest: {unit: s, value: 20}}}", "") + httpRoute("prefix: /", "timeout: {perRequest: {unit: s, value: 20}}")},
	{name: "6: no mistake: a timeout, and none at the target", given: cart("timeout: {http: {perRequest: {unit: s, value: 0}}}", "") + httpRoute("prefix: /", "timeout: {perRequest: {unit: s, value: 20}}")},
	{name: "6: no mistake: a short timeout, and a shorter one at the target", given: cart("timeout: {http: {perRequest: {unit: s, value: 1}}}", "") + httpRoute("prefix: /", "timeout: {perRequest: {unit: s, value: 15}}")},
	{name: "6: no mistake: a long timeout for short tries", given: httpRoute("prefix: /", "timeout: {perRequest: {unit: s, value: 60}}, retryPolicy: {maxRetries: 4, perRetryTimeout: {unit: s, value: 15}, httpRetryEvents: [server-error]}")},
	{name: "6: no mistake: a long timeout, and a target that gets nothing", given: route("all", "httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: cart, weight: 0}, {virtualNode: slow, weight: 1}]}, timeout: {perRequest: {unit: s, value: 20}}}") +
		node("slow", "listeners: [{portMapping: {port: 8080, protocol: http}, timeout: {http: {perRequest: {unit: s, value: 30}}}}], serviceDiscovery: {dns: {hostname: slow.internal}}")},
	{name: "6: a long timeout, and a target that bounds no requests", given: node("cart", "listeners: ["+listener(8080, "tcp")+"], serviceDiscovery: {dns: {hostname: cart.internal}}") + httpRoute("prefix: /", "timeout: {perRequest: {unit: s, value: 20}}"),
		want: []string{ofRoute + "httpRoute.action.weightedTargets[0] target-protocol"}},
	{name: "6: a health check of another port", given: cart("healthCheck: {protocol: http, port: 9, healthyThreshold: 2, unhealthyThreshold: 2, intervalMillis: 5000, timeoutMillis: 2000}", ""),
		want: []string{ofCart + "listeners[0].healthCheck.port health-check-port"}},
	{name: "6: a path of a tcp health check", given: cart("healthCheck: {protocol: tcp, path: /up, healthyThreshold: 2, unhealthyThreshold: 2, intervalMillis: 5000, timeoutMillis: 2000}", ""),
		want: []string{ofCart + "listeners[0].healthCheck.path health-check-path-unused"}},
	{name: "6: a gateway's health check", given: gateway("{portMapping: {port: 9080, protocol: http}, healthCheck: {protocol: http, healthyThreshold: 2, unhealthyThreshold: 2, intervalMillis: 5000, timeoutMillis: 2000}}"),
		want: []string{ofEdge + "listeners[0].healthCheck health-check-without-effect"}},
	{name: "6: outlier detection behind LOADBALANCER", given: node("cart", "listeners: [{portMapping: {port: 8080, protocol: http}, outlierDetection: {maxServerErrors: 1, maxEjectionPercent: 50, interval: {unit: s, value: 1}, baseEjectionDuration: {unit: s, value: 1}}}], serviceDiscovery: {dns: {hostname: cart.internal}}"),
		want: []string{ofCart + "listeners[0].outlierDetection outlier-without-effect"}},

	// Section 7: TLS.
	{name: "7: a certificate that can't be fetched", given: cart("tls: {mode: STRICT, certificate: {acm: {certificateArn: arn:cart}}}", ""),
		want: []string{ofCart + "listeners[0].tls.certificate.acm.certificateArn certificate-absent"}},
	{name: "7: an authority that can't be fetched", given: node("web", "backends: ["+backend("shop.local")+"], backendDefaults: {clientPolicy: {tls: {validation: {trust: {acm: {certificateAuthorityArns: [arn:ca]}}}}}}"),
		want: []string{ofWeb + "backendDefaults.clientPolicy.tls.validation.trust.acm certificate-absent"}},

	// Section 9: routes.
	{name: "9: all weights 0", given: route("all", "httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: cart, weight: 0}]}}"),
		want: []string{ofRoute + "httpRoute.action.weightedTargets weights-zero"}},
	{name: "1: weights over 100", given: route("all", "httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: cart, weight: 100}, {virtualNode: cart, weight: 1}]}}"),
		want: []string{ofRoute + "httpRoute.action.weightedTargets weights-over-100"}},
	{name: "9: retries that don't fit into the request's timeout", given: httpRoute("prefix: /", "retryPolicy: {maxRetries: 3, perRetryTimeout: {unit: s, value: 6}, httpRetryEvents: [server-error]}"),
		want: []string{ofRoute + "httpRoute.retryPolicy retry-timeout"}},

	{name: "9: the method CONNECT", given: httpRoute("prefix: /, method: CONNECT", ""),
		want: []string{ofRoute + "httpRoute.match.method method-connect"}},

	// Section 10: gateway routes.
	{name: "10: a new prefix without slashes", given: gatewayRoute("prefix: /shop", "rewrite: {prefix: {value: basket}}"),
		want: []string{ofGateway + "httpRoute.action.rewrite.prefix.value rewrite-slashes"}},
	{name: "10: a new path without a slash", given: gatewayRoute("prefix: /shop", "rewrite: {path: {exact: basket}}"),
		want: []string{ofGateway + "httpRoute.action.rewrite.path.exact rewrite-slashes"}},
	{name: "10: defaultPrefix and value", given: gatewayRoute("prefix: /shop", "rewrite: {prefix: {defaultPrefix: DISABLED, value: /a/}}"),
		want: []string{ofGateway + "httpRoute.action.rewrite.prefix.defaultPrefix rewrite-both"}},
	{name: "10: a new prefix and a new path", given: gatewayRoute("prefix: /shop", "rewrite: {prefix: {value: /a/}, path: {exact: /b}}"),
		want: []string{ofGateway + "httpRoute.action.rewrite.prefix rewrite-both"}},
	{name: "10: a new prefix for an exact path", given: gatewayRoute("path: {exact: /shop}", "rewrite: {prefix: {value: /a/}}"),
		want: []string{ofGateway + "httpRoute.action.rewrite.prefix rewrite-without-prefix"}},

	// Section 11: virtual services.
	{name: "11: a service without provider", given: service("soon.local", ""),
		want: []string{"virtualService/soon.local spec.provider provider-missing"}},
	{name: "11: a service whose name is no host's", given: service("'my shop'", "provider: {virtualNode: {virtualNodeName: cart}}"),
		want: []string{"virtualService/my shop virtualServiceName service-host"}},
	{name: "11: a router without routes", without: []resource.Key{{Kind: resource.KindRoute, Parent: "shop", Name: "all"}},
		want: []string{noRoute}},

	// API section 6: durations with a member missing.
	{name: "api 6: a duration without unit", given: httpRoute("prefix: /", "timeout: {idle: {value: 5}}"),
		want: []string{ofRoute + "httpRoute.timeout.idle.unit duration-incomplete"}},
	{name: "api 6: a duration without value", given: httpRoute("prefix: /", "timeout: {idle: {unit: s}}"),
		want: []string{ofRoute + "httpRoute.timeout.idle.value duration-incomplete"}},
}

const noRoute = "virtualRouter/shop spec.listeners router-without-route"

func tcpRoute(name string) string {
	return "{kind: Route, virtualRouterName: db, routeName: " + name + ", spec: {tcpRoute: {action: {weightedTargets: [{virtualNode: db, weight: 1}]}}}}\n---\n"
}
