package envoy

import (
	"fmt"
	"strings"
)

// This file: what is called by gRPC and by tcp. A clerk calls Prices and Ledger, each a router before two nodes, which
// TestSoak changes as it changes the rest. soakclerk_test.go has the calls.

// wire is a service that isn't called by HTTP.
type wire struct {
	name, protocol, certificate string
	secured                     int // as soak.secured, between the clerk and the service
}

const wirePort = 9090

func (w *wire) host() string    { return w.name + ".ordering.local" }
func (w *wire) address() string { return fmt.Sprintf("%s:%d", w.host(), wirePort) }

// run starts a service's instances, one of which comes and goes with another.
func (w *wire) run(s *soak, application func() string) {
	s.putNode(w, "v1")
	s.putNode(w, "v2")
	s.putRouter(w, w.protocol)
	s.wireRoute(w)
	s.putProvider(w, "virtualRouter: {virtualRouterName: "+w.name+"}")
	starts := func(version string, options ...func(*sidecar)) *sidecar {
		options = append(options, at(fmt.Sprintf("application/%d", wirePort), application()), drainingFor(loadDrain))
		return s.sidecar("virtualNode/"+w.name+"-"+version, options...)
	}
	s.spares = append(s.spares, &spare{sidecar: starts("v1"), registered: true}, &spare{sidecar: starts("v1", unregistered)})
	starts("v2")
}

// wireStep makes a change of one of the services, or of who calls them.
func (s *soak) wireStep() {
	w := s.wires[s.random.IntN(len(s.wires))]
	steps := []func(*wire){s.wireRoute, s.wireRoute, s.wireNode, s.wireProvider, s.wireRouter, s.wireSecure, s.wireSecure, func(*wire) { s.putClerk() }}
	steps[s.random.IntN(len(steps))](w)
}

// wireRoute moves weights, and changes matches and how patient the route is. No answer takes long here, and none fails.
func (s *soak) wireRoute(w *wire) {
	v1 := s.random.IntN(101)
	spec := fmt.Sprintf("action: {weightedTargets: [{virtualNode: %[1]s-v1, weight: %[2]d}, {virtualNode: %[1]s-v2, weight: %[3]d}]}", w.name, v1, 100-v1)
	if w.protocol == "tcp" {
		spec = "tcpRoute: {" + spec + s.one("", ", timeout: {idle: {unit: s, value: 30}}")
	} else {
		spec = "grpcRoute: {match: {" + s.one("", "serviceName: shop.Prices", "metadata: [{name: x-clerk, match: {prefix: y}}]") + "}, " + spec +
			s.one("", ", timeout: {perRequest: {unit: s, value: 20}}", ", timeout: {perRequest: {unit: s, value: 0}, idle: {unit: s, value: 60}}") +
			s.one("", ", retryPolicy: {maxRetries: 3, perRetryTimeout: {unit: s, value: 10}, grpcRetryEvents: [unavailable], httpRetryEvents: [gateway-error], tcpRetryEvents: [connection-error]}")
	}
	s.put(w.name+"'s route "+spec+"}", fmt.Sprintf("kind: Route\nvirtualRouterName: %s\nrouteName: all\nspec: {%s}}", w.name, spec))
}

// wireNode changes what callers and their own Envoys do towards one version.
func (s *soak) wireNode(w *wire) { s.putNode(w, s.one("v1", "v2")) }

func (s *soak) putNode(w *wire, version string) {
	listener := s.one("", map[bool]string{true: ", timeout: {tcp: {idle: {unit: s, value: 30}}}", false: ", timeout: {grpc: {perRequest: {unit: s, value: 20}}}"}[w.protocol == "tcp"]) +
		s.one("", map[bool]string{true: ", connectionPool: {tcp: {maxConnections: 500}}", false: ", connectionPool: {grpc: {maxRequests: 500}}"}[w.protocol == "tcp"]) +
		s.one("", ", outlierDetection: {maxServerErrors: 5, interval: {unit: s, value: 10}, baseEjectionDuration: {unit: s, value: 10}, maxEjectionPercent: 50}") +
		s.one("", "", ", healthCheck: {protocol: "+w.protocol+", healthyThreshold: 2, unhealthyThreshold: 2, intervalMillis: 5000, timeoutMillis: 2000}")
	if w.secured >= 2 {
		listener += ", tls: {mode: " + map[bool]string{true: "STRICT", false: "PERMISSIVE"}[w.secured >= 4] + ", certificate: " + w.certificate + "}"
	}
	node := w.name + "-" + version
	s.put(node+listener, fmt.Sprintf(`kind: VirtualNode
virtualNodeName: %[1]s
spec:
  listeners: [{portMapping: {port: %[2]d, protocol: %[3]s}%[4]s}]
  serviceDiscovery: {awsCloudMap: {namespaceName: ordering.local, serviceName: %[1]s}}%[5]s`, node, wirePort, w.protocol, listener, s.logging()))
}

// wireProvider has one node provide the service, or its router.
func (s *soak) wireProvider(w *wire) {
	s.putProvider(w, s.one("virtualRouter: {virtualRouterName: "+w.name+"}", "virtualNode: {virtualNodeName: "+w.name+"-v1}", "virtualNode: {virtualNodeName: "+w.name+"-v2}"))
}

func (s *soak) putProvider(w *wire, provider string) {
	s.put(w.name+" is provided by "+provider, "kind: VirtualService\nvirtualServiceName: "+w.host()+"\nspec: {provider: {"+provider+"}}")
}

// wireRouter changes what the router speaks; a gRPC call is served over any HTTP/2.
func (s *soak) wireRouter(w *wire) {
	s.putRouter(w, map[bool]string{true: "tcp", false: s.one("grpc", "http2")}[w.protocol == "tcp"])
}

func (s *soak) putRouter(w *wire, protocol string) {
	s.put(w.name+"'s router speaks "+protocol, fmt.Sprintf("kind: VirtualRouter\nvirtualRouterName: %s\nspec: {listeners: [{portMapping: {port: %d, protocol: %s}}]}", w.name, wirePort, protocol))
}

// wireSecure goes a step towards TLS between the clerk and a service, or back.
func (s *soak) wireSecure(w *wire) {
	s.rest()
	w.secured = s.nextSecurity(w.secured)
	s.did("TLS of %s: %s", w.name, security[w.secured])
	s.putClerk()
	s.putNode(w, "v1")
	s.putNode(w, "v2")
	s.rest()
}

// putClerk changes who calls: TLS as it stands, and its own listeners by what they log.
func (s *soak) putClerk() {
	var backends []string
	for _, w := range s.wires {
		policy := ""
		if w.secured >= 1 {
			policy = fmt.Sprintf(", clientPolicy: {tls: {enforce: %v, validation: {trust: %s}}}", w.secured >= 3, s.trust)
		}
		backends = append(backends, "{virtualService: {virtualServiceName: "+w.host()+policy+"}}")
	}
	s.put("clerk", "kind: VirtualNode\nvirtualNodeName: clerk\nspec:\n  backends: ["+strings.Join(backends, ", ")+"]"+s.logging())
}
