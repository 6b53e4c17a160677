package envoy

import (
	"fmt"
	"slices"
	"strings"
)

// This file: the changes that TestSoak makes. Each is one that a team may make at noon: valid, and harmless to requests.

// step makes one random change, and sometimes waits for it.
func (s *soak) step() {
	steps := []func(){s.weights, s.weights, s.canary, s.policies, s.node, s.node, s.instances, s.instances, s.provider, s.router, s.secure,
		s.secure, s.meshSpec, s.gatewayNode, s.gatewayRoute, s.extra, s.extra, s.extra, s.remove, s.anotherMesh,
		s.wireStep, s.wireStep, s.wireStep, s.wireStep, s.wireStep, s.wireStep, s.wireStep, s.wireStep}
	steps[s.random.IntN(len(steps))]()
	switch s.random.IntN(4) {
	case 0:
		s.rest()
	case 1:
		s.Published()
	}
}

// one picks one of some texts.
func (s *soak) one(texts ...string) string { return texts[s.random.IntN(len(texts))] }

func (s *soak) put(what, document string) {
	s.t.Helper()
	s.did("%s", strings.Join(strings.Fields(what), " "))
	s.Apply("meshName: ordering\n" + document)
}

// weights moves Inventory's weights, and changes how patient the route is.
func (s *soak) weights() {
	v1 := s.random.IntN(101)
	v2 := 100 - v1
	policy := s.policy()
	s.put(fmt.Sprintf("weights %d:%d %s", v1, v2, policy), fmt.Sprintf(`kind: Route
virtualRouterName: inventory
routeName: default
spec: {httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: inventory-v1, weight: %d}, {virtualNode: inventory-v2, weight: %d}]}%s}}`, v1, v2, policy))
}

// policy is what a route says beside match and action. No answer takes long here, and none fails.
func (s *soak) policy() string {
	return s.one("", ", timeout: {perRequest: {unit: s, value: 20}}", ", timeout: {perRequest: {unit: s, value: 0}, idle: {unit: s, value: 60}}",
		", retryPolicy: {maxRetries: 3, perRetryTimeout: {unit: s, value: 10}, httpRetryEvents: [server-error], tcpRetryEvents: [connection-error]}")
}

// canary changes how the canary is told.
func (s *soak) canary() {
	match := s.one(`exact: "yes"`, `prefix: ye`, `suffix: es`, `regex: "y.*"`)
	priority := 2 + s.random.IntN(9)
	s.put(fmt.Sprint("canary by ", match, ", priority ", priority), fmt.Sprintf(`kind: Route
virtualRouterName: inventory
routeName: canary
spec: {priority: %d, httpRoute: {match: {prefix: /, headers: [{name: x-canary, match: {%s}}]}, action: {weightedTargets: [{virtualNode: inventory-v2, weight: 1}]}}}`, priority, match))
}

// policies changes Inventory's nodes: what their callers and their own Envoys do.
func (s *soak) policies() {
	node := s.one("inventory-v1", "inventory-v2")
	listener := s.one("", ", timeout: {http: {perRequest: {unit: s, value: 20}}}") +
		s.one("", ", connectionPool: {http: {maxConnections: 500, maxPendingRequests: 500}}") +
		s.one("", ", outlierDetection: {maxServerErrors: 5, interval: {unit: s, value: 10}, baseEjectionDuration: {unit: s, value: 10}, maxEjectionPercent: 50}") +
		s.one("", "", ", healthCheck: {protocol: http, path: /health, healthyThreshold: 2, unhealthyThreshold: 2, intervalMillis: 5000, timeoutMillis: 2000}")
	s.put(node+listener, fmt.Sprintf(`kind: VirtualNode
virtualNodeName: %[1]s
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}%[2]s}]
  serviceDiscovery: {awsCloudMap: {namespaceName: ordering.local, serviceName: %[1]s}}%[3]s`, node, listener, s.logging()))
}

func (s *soak) logging() string {
	return s.one("", "\n  logging: {accessLog: {file: {path: /dev/null}}}", "\n  logging: {accessLog: {file: {path: /dev/null, format: {text: \"%RESPONSE_CODE%\\n\"}}}}")
}

// node changes UI or Order, TLS as it stands.
func (s *soak) node() {
	if s.random.IntN(2) == 0 {
		s.did("ui")
		s.applyUI()
		return
	}
	s.did("order")
	s.applyOrder()
}

// The steps from plain text to TLS alone; backwards they lead to plain text again.
var security = []string{"plain text", "a policy that enforces nothing", "PERMISSIVE", "an enforced policy", "STRICT"}

// secure goes a step towards TLS between UI and Order, or back. Each step is harmless once all have the one before.
func (s *soak) secure() {
	s.rest()
	s.secured = s.nextSecurity(s.secured)
	s.did("TLS: %s", security[s.secured])
	s.applyUI()
	s.applyOrder()
	s.rest()
}

func (s *soak) nextSecurity(now int) int {
	if now == len(security)-1 || now > 0 && s.random.IntN(2) == 0 {
		return now - 1
	}
	return now + 1
}

func (s *soak) applyUI() {
	policy := ""
	if s.secured >= 1 {
		policy = fmt.Sprintf(", clientPolicy: {tls: {enforce: %v, validation: {trust: %s}}}", s.secured >= 3, s.trust)
	}
	more := ""
	for _, e := range s.extraKeys() {
		if e.kind == "service" && s.random.IntN(2) == 0 {
			more += ", {virtualService: {virtualServiceName: " + e.n + ".ordering.local}}"
		}
	}
	s.Apply(`meshName: ordering
kind: VirtualNode
virtualNodeName: ui
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: ordering.local, serviceName: ui}}
  backends: [{virtualService: {virtualServiceName: order.ordering.local` + policy + `}}` + more + `]` + s.logging())
}

func (s *soak) applyOrder() {
	tls := ""
	if s.secured >= 2 {
		tls = ", tls: {mode: " + map[bool]string{true: "STRICT", false: "PERMISSIVE"}[s.secured >= 4] + ", certificate: " + s.certificate + "}"
	}
	s.Apply(`meshName: ordering
kind: VirtualNode
virtualNodeName: order
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}` + tls + s.one("", ", timeout: {http: {perRequest: {unit: s, value: 25}}}") + `}]
  serviceDiscovery: {awsCloudMap: {namespaceName: ordering.local, serviceName: order}}
  backends: [{virtualService: {virtualServiceName: inventory.ordering.local}}]` + s.logging())
}

// instances has an instance come, or go; one of each version stays.
func (s *soak) instances() {
	one := s.spares[s.random.IntN(len(s.spares))]
	others := slices.ContainsFunc(s.spares, func(o *spare) bool { return o != one && o.resource == one.resource && o.registered })
	switch {
	case one.registered && !others:
		return
	case one.registered:
		s.did("%s goes", one.name)
		s.deregister(one.sidecar)
	default:
		s.did("%s comes", one.name)
		s.register(one.sidecar)
	}
	one.registered = !one.registered
}

// provider puts a router before Order, or takes it away.
func (s *soak) provider() {
	if s.random.IntN(2) == 0 {
		s.put("order is provided by its node", "kind: VirtualService\nvirtualServiceName: order.ordering.local\nspec: {provider: {virtualNode: {virtualNodeName: order}}}")
		return
	}
	s.orderBy(s.policy())
}

func (s *soak) orderBy(policy string) {
	s.put("order's router", "kind: VirtualRouter\nvirtualRouterName: order\nspec: {listeners: [{portMapping: {port: 8080, protocol: http}}]}")
	s.put("order's route"+policy, "kind: Route\nvirtualRouterName: order\nrouteName: all\nspec: {httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: order, weight: 1}]}"+policy+"}}")
	s.put("order is provided by its router", "kind: VirtualService\nvirtualServiceName: order.ordering.local\nspec: {provider: {virtualRouter: {virtualRouterName: order}}}")
}

// router changes what Inventory's router speaks; HTTP/1.1 and HTTP/2 are served all the same.
func (s *soak) router() {
	protocol := s.one("http", "http2")
	s.put("inventory's router speaks "+protocol, "kind: VirtualRouter\nvirtualRouterName: inventory\nspec: {listeners: [{portMapping: {port: 8080, protocol: "+protocol+"}}]}")
}

// gatewayNode changes the gateway's own listener, and what it does towards all services.
func (s *soak) gatewayNode() {
	spec := "{listeners: [{portMapping: {port: 8080, protocol: http}" + s.one("", ", connectionPool: {http: {maxConnections: 500, maxPendingRequests: 500}}") + "}]" +
		s.one("", ", backendDefaults: {clientPolicy: {tls: {enforce: false, validation: {trust: "+s.trust+"}}}}") + strings.ReplaceAll(s.logging(), "\n  logging", ", logging") + "}"
	s.put("gateway "+spec, "kind: VirtualGateway\nvirtualGatewayName: gateway\nspec: "+spec)
}

// meshSpec changes what counts for all.
func (s *soak) meshSpec() {
	spec := s.one("{}", "{egressFilter: {type: ALLOW_ALL}}", "{egressFilter: {type: DROP_ALL}, serviceDiscovery: {ipPreference: IPv4_ONLY}}", "{serviceDiscovery: {ipPreference: IPv4_PREFERRED}}")
	s.put("mesh "+spec, "kind: Mesh\nspec: "+spec)
}

// gatewayRoute changes how customers come in, and where they would.
func (s *soak) gatewayRoute() {
	spec := s.one(`{httpRoute: {match: {prefix: /}, action: {target: {virtualService: {virtualServiceName: ui.ordering.local}}}}}`,
		`{priority: 9, httpRoute: {match: {prefix: /, hostname: {exact: shop.example}}, action: {target: {virtualService: {virtualServiceName: ui.ordering.local}}}}}`,
		`{httpRoute: {match: {prefix: /}, action: {target: {virtualService: {virtualServiceName: ui.ordering.local}, port: 8080}, rewrite: {hostname: {defaultTargetHostname: DISABLED}}}}}`,
		`{priority: 3, httpRoute: {match: {prefix: /, method: GET}, action: {target: {virtualService: {virtualServiceName: ui.ordering.local}}, rewrite: {prefix: {defaultPrefix: DISABLED}}}}}`)
	s.put("gateway route "+spec, "kind: GatewayRoute\nvirtualGatewayName: gateway\ngatewayRouteName: ui\nspec: "+spec)
}
