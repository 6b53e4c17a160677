package envoy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// This file: resources that come, change and go beside those that serve customers. Proxies are told of them all the same:
// they are backends of UI, routes of Inventory and of the gateway. Their specs take all forms that there are.

// extra is a resource that TestSoak may create, change and delete at any time.
type extra struct {
	kind, n string // a key of extraKinds, and which family it is of
}

// extraKinds are the kinds of extras: the name in ARNs with * for the family, and a spec with what it needs.
var extraKinds = map[string]struct {
	key  string
	spec func(s *soak, n string) (spec string, needs []string)
}{
	"node":                   {"virtualNode/*", (*soak).extraNode},
	"router":                 {"virtualRouter/*", (*soak).extraRouter},
	"route":                  {"virtualRouter/*/route/all", (*soak).extraRoute},
	"service":                {"virtualService/*.ordering.local", (*soak).extraService},
	"gateway":                {"virtualGateway/*", (*soak).extraGateway},
	"gateway's route":        {"virtualGateway/*/gatewayRoute/all", (*soak).extraOfItsGateway},
	"route of Inventory":     {"virtualRouter/inventory/route/*", (*soak).extraOfInventory},
	"route of the gateway's": {"virtualGateway/gateway/gatewayRoute/*", (*soak).extraOfTheGateway},
}

func (e extra) key() string { return strings.ReplaceAll(extraKinds[e.kind].key, "*", e.n) }

// extra creates something of any kind, or changes it if it is there; what it needs comes first.
func (s *soak) extra() {
	kinds := slices.Sorted(maps.Keys(extraKinds))
	s.make(extra{kinds[s.random.IntN(len(kinds))], fmt.Sprintf("extra%d", s.random.IntN(5))}) // names come again
}

func (s *soak) make(e extra) {
	spec, kinds := extraKinds[e.kind].spec(s, e.n)
	var needs []extra
	for _, kind := range kinds {
		need := extra{kind, e.n}
		if _, there := s.extras[need]; !there {
			s.make(need)
		}
		needs = append(needs, need)
	}
	ref := s.Ref(e.key())
	document := fmt.Sprintf("kind: %[1]s\n%[1]sName: %[2]s\nspec: %[3]s", ref.Kind, ref.Name, spec)
	if parent, _, _ := strings.Cut(e.key(), "/"); ref.Parent != "" {
		document += fmt.Sprintf("\n%sName: %s", parent, ref.Parent)
	}
	s.put(e.key()+" "+spec, document)
	s.extras[e] = needs
}

// remove deletes some of what nothing else needs, in any order. Backends hold nothing.
func (s *soak) remove() {
	for range 1 + s.random.IntN(4) {
		needed := map[extra]bool{}
		for _, needs := range s.extras {
			for _, need := range needs {
				needed[need] = true
			}
		}
		free := slices.DeleteFunc(s.extraKeys(), func(e extra) bool { return needed[e] })
		if len(free) == 0 {
			return
		}
		e := free[s.random.IntN(len(free))]
		s.did("delete %s", e.key())
		s.Delete(e.key())
		delete(s.extras, e)
	}
}

func (s *soak) extraKeys() []extra {
	return slices.SortedFunc(maps.Keys(s.extras), func(a, b extra) int { return strings.Compare(a.key(), b.key()) })
}

// anotherMesh creates, changes or deletes a mesh of its own, with a node in it.
func (s *soak) anotherMesh() {
	if s.another && s.random.IntN(2) == 0 {
		s.did("delete mesh another")
		s.DeleteMesh("another")
		s.another = false
		return
	}
	filter := s.one("ALLOW_ALL", "DROP_ALL")
	s.did("mesh another, %s", filter)
	s.Apply("kind: Mesh\nmeshName: another\nspec: {egressFilter: {type: " + filter + "}}\n---\n" +
		"kind: VirtualNode\nmeshName: another\nvirtualNodeName: order\nspec: {}")
	s.another = true
}

func (s *soak) extraNode(n string) (spec string, needs []string) {
	protocol := s.one("http", "http2", "grpc", "tcp")
	return "{listeners: [" + s.extraListener(protocol, s.one("8080", "8081"), true) + s.one("", ", "+s.extraListener("http", "8082", true)) + "]" +
		", serviceDiscovery: {" + s.one("dns: {hostname: localhost}", "dns: {hostname: localhost, responseType: ENDPOINTS, ipPreference: IPv4_ONLY}",
		"awsCloudMap: {namespaceName: ordering.local, serviceName: inventory-v1}",
		"awsCloudMap: {namespaceName: ordering.local, serviceName: inventory-v2, ipPreference: IPv4_PREFERRED, attributes: [{key: stage, value: none}]}") + "}" +
		s.one("", ", backends: [{virtualService: {virtualServiceName: inventory.ordering.local, clientPolicy: {tls: {enforce: false, ports: [8080], validation: {trust: "+s.trust+"}}}}}]",
			", backends: [{virtualService: {virtualServiceName: "+n+".ordering.local}}]") +
		s.one("", ", backendDefaults: {clientPolicy: {tls: {validation: {trust: "+s.trust+", subjectAlternativeNames: {match: {exact: [order.ordering.local]}}}}}}") +
		s.extraLogging() + "}", nil
}

// extraListener is a node's or a gateway's.
func (s *soak) extraListener(protocol, port string, ofNode bool) string {
	l := "{portMapping: {port: " + port + ", protocol: " + protocol + "}"
	if ofNode {
		l += s.one("", ", outlierDetection: {maxServerErrors: 3, interval: {unit: s, value: 5}, baseEjectionDuration: {unit: ms, value: 500}, maxEjectionPercent: 100}")
		l += s.one("", ", timeout: {"+protocol+": {idle: {unit: s, value: 60}"+map[bool]string{true: ", perRequest: {unit: s, value: 20}"}[protocol != "tcp"]+"}}")
	}
	l += s.one("", ", connectionPool: {"+protocol+": {"+map[string]string{
		"http": "maxConnections: 10, maxPendingRequests: 10", "http2": "maxRequests: 10", "grpc": "maxRequests: 10", "tcp": "maxConnections: 10",
	}[protocol]+"}}")
	l += s.one("", "", ", healthCheck: {protocol: "+protocol+s.one("", ", path: /health")+", healthyThreshold: 2, unhealthyThreshold: 2, intervalMillis: 5000, timeoutMillis: 2000}")
	l += s.one("", "", ", tls: {mode: "+s.one("STRICT", "PERMISSIVE", "DISABLED")+", certificate: "+
		s.one(s.certificate, "{sds: {secretName: mine}}")+
		s.one("", ", validation: {trust: "+s.trust+"}")+"}")
	return l + "}"
}

func (s *soak) extraLogging() string {
	return s.one("", ", logging: {accessLog: {file: {path: /dev/null}}}", `, logging: {accessLog: {file: {path: /dev/null, format: {json: [{key: code, value: "%RESPONSE_CODE%"}]}}}}`)
}

func (s *soak) extraRouter(string) (spec string, needs []string) {
	return "{listeners: [{portMapping: {port: " + s.one("8080", "8081") + ", protocol: " + s.one("http", "http2", "grpc", "tcp") + "}}" +
		s.one("", ", {portMapping: {port: 8082, protocol: http}}") + "]}", nil
}

// extraMatch is what HTTP requests may have, besides a path.
func (s *soak) extraMatch() string {
	return s.one("", ", method: GET") + s.one("", ", scheme: http") + s.one("", ", queryParameters: [{name: q, match: {exact: a}}, {name: r}]") +
		s.one("", ", headers: [{name: x-a}, {name: x-b, invert: true, match: {exact: b}}]", ", headers: [{name: x-a, match: {range: {start: 1, end: 9}}}, {name: x-a, match: {regex: \"[0-9]+\"}}]",
			", headers: [{name: x-a, match: {prefix: p}}, {name: x-a, match: {suffix: s}}]")
}

func (s *soak) extraTimeout(protocol string) string {
	return s.one("", ", timeout: {idle: {unit: s, value: 9}"+map[bool]string{true: ", perRequest: {unit: s, value: 0}"}[protocol != "tcp"]+"}")
}

// extraRoute names a port always: the router may have several.
func (s *soak) extraRoute(n string) (spec string, needs []string) {
	to := ", action: {weightedTargets: [{virtualNode: " + n + ", weight: " + s.one("0", "1", "100") + s.one("", ", port: 8080") + "}]}"
	port := "port: " + s.one("8080", "8082")
	retries := s.one("", ", retryPolicy: {maxRetries: 2, perRetryTimeout: {unit: ms, value: 500}, httpRetryEvents: [gateway-error, client-error, stream-error], tcpRetryEvents: [connection-error]}")
	priority := s.one("", "priority: 0, ", "priority: 1000, ")
	switch protocol := s.one("http", "http2", "grpc", "tcp"); protocol {
	case "tcp":
		spec = "tcpRoute: {match: {" + port + "}" + to + s.extraTimeout(protocol) + "}"
	case "grpc":
		spec = "grpcRoute: {match: {" + port + s.one("", ", serviceName: shop.Cart", ", serviceName: shop.Cart, methodName: Add") +
			s.one("", ", metadata: [{name: x-a, match: {range: {start: 1, end: 9}}}, {name: x-b, invert: true}]") + "}" + to + s.extraTimeout(protocol) +
			s.one("", ", retryPolicy: {maxRetries: 2, perRetryTimeout: {unit: s, value: 1}, grpcRetryEvents: [cancelled, unavailable]}") + "}"
	default:
		path := s.one("prefix: /", "prefix: /a/b", "path: {exact: /a}", "path: {regex: \"/a/[a-z]+\"}")
		spec = protocol + "Route: {match: {" + port + ", " + path + s.extraMatch() + "}" + to + s.extraTimeout(protocol) + retries + "}"
	}
	return "{" + priority + spec + "}", []string{"router", "node"}
}

func (s *soak) extraService(n string) (spec string, needs []string) {
	switch provider := s.one("", "node", "router"); provider {
	case "node":
		return "{provider: {virtualNode: {virtualNodeName: " + n + "}}}", []string{provider}
	case "router":
		return "{provider: {virtualRouter: {virtualRouterName: " + n + "}}}", []string{provider}
	}
	return "{}", nil
}

func (s *soak) extraGateway(string) (spec string, needs []string) {
	return "{listeners: [" + s.extraListener(s.one("http", "http2", "grpc"), "8088", false) + s.one("", ", "+s.extraListener("http", "8089", false)) + "]" +
		s.one("", ", backendDefaults: {clientPolicy: {tls: {enforce: true, certificate: "+s.certificate+", validation: {trust: {sds: {secretName: ours}}}}}}") +
		s.extraLogging() + "}", nil
}

// extraOfInventory is a route of those that serve customers, who ask for no such path.
func (s *soak) extraOfInventory(n string) (spec string, needs []string) {
	path := s.one("prefix: /N", "path: {exact: /N}", `path: {regex: "/N/[a-z]+"}`)
	return "{" + s.one("", "priority: 0, ", "priority: 900, ") + s.one("http", "http2") + "Route: {match: {" + strings.ReplaceAll(path, "N", n) + s.extraMatch() +
		"}, action: {weightedTargets: [{virtualNode: " + n + ", weight: 1}, {virtualNode: inventory-v1, weight: " + s.one("0", "5") + "}]}" + s.policy() + "}}", []string{"node"}
}

func (s *soak) extraOfTheGateway(n string) (spec string, needs []string) {
	return s.extraGatewayRoute(n), []string{"service"}
}

func (s *soak) extraOfItsGateway(n string) (spec string, needs []string) {
	return s.extraGatewayRoute(n), []string{"gateway", "service"}
}

// extraGatewayRoute takes what customers never ask for.
func (s *soak) extraGatewayRoute(n string) string {
	target := "target: {virtualService: {virtualServiceName: " + n + ".ordering.local}" + s.one("", ", port: 8080") + "}"
	hostname := s.one("", ", hostname: {exact: shop.example}", ", hostname: {suffix: .example}")
	rewrite := s.one("", "hostname: {defaultTargetHostname: DISABLED}")
	route := ""
	if s.random.IntN(4) == 0 {
		route = "grpcRoute: {match: {serviceName: " + n + ".Cart" + hostname + s.one("", ", metadata: [{name: x-a, match: {exact: a}}]") + "}"
	} else {
		path, more := "prefix: /N", s.one("", "prefix: {defaultPrefix: DISABLED}", "prefix: {value: /new/}")
		if s.random.IntN(2) == 0 {
			path, more = s.one("path: {exact: /N}", `path: {regex: "/N/[a-z]+"}`), s.one("", "path: {exact: /new}")
		}
		if rewrite != "" && more != "" {
			rewrite += ", "
		}
		rewrite += more
		match := strings.Replace(strings.ReplaceAll(path, "N", n)+s.extraMatch()+hostname, ", scheme: http", "", 1) // gateway routes have none
		route = s.one("http", "http2") + "Route: {match: {" + match + "}"
	}
	if rewrite != "" {
		rewrite = ", rewrite: {" + rewrite + "}"
	}
	return "{" + s.one("", "priority: 0, ", "priority: 900, ") + route + ", action: {" + target + rewrite + "}}}"
}
