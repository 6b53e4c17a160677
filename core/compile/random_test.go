package compile_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// This file: random meshes. There are few names and ports, so that references hit, miss and clash.

var (
	nodeNames    = []string{"a", "b/:é", "c"}
	routerNames  = []string{"r", "q"}
	routeNames   = []string{"one", "two", "three"}
	serviceNames = []string{"cart", "CART", "pay.local", "*", "*.local", "cart:80", "a b%", "é*", "x\u0001"}
	gatewayNames = []string{"g", "h"}
	ports        = []int{80, 443, 8080, 15000, 15001, 9901}
)

// kindsAndNames is every key that a random mesh may hold, but for the mesh.
func randomKey(t *rapid.T) resource.Key {
	pick := func(names []string) string { return rapid.SampledFrom(names).Draw(t, "name") }
	switch kind := rapid.SampledFrom(resource.Kinds).Draw(t, "kind").Kind; kind {
	case resource.KindVirtualNode, resource.KindMesh:
		return resource.Key{Kind: resource.KindVirtualNode, Name: pick(nodeNames)}
	case resource.KindVirtualRouter:
		return resource.Key{Kind: kind, Name: pick(routerNames)}
	case resource.KindRoute:
		return resource.Key{Kind: kind, Parent: pick(routerNames), Name: pick(routeNames)}
	case resource.KindVirtualService:
		return resource.Key{Kind: kind, Name: pick(serviceNames)}
	case resource.KindVirtualGateway:
		return resource.Key{Kind: kind, Name: pick(gatewayNames)}
	case resource.KindGatewayRoute:
		return resource.Key{Kind: kind, Parent: pick(gatewayNames), Name: pick(routeNames)}
	default:
		return resource.Key{Kind: kind, Name: pick([]string{"i", "k"})}
	}
}

// randomSpec is a spec that the API may well accept.
func randomSpec(t *rapid.T, kind resource.Kind) string {
	r := rapidText{t}
	switch kind {
	case resource.KindMesh:
		return r.object(r.maybe(`"egressFilter":{"type":"ALLOW_ALL"}`),
			r.maybe(`"serviceDiscovery":{"ipPreference":`+r.of(`"IPv6_PREFERRED"`, `"IPv4_ONLY"`)+`}`))
	case resource.KindVirtualNode:
		return r.node()
	case resource.KindVirtualRouter:
		return r.object(`"listeners":` + r.list(2, func() string { return `{"portMapping":` + r.port(`"http"`, `"grpc"`, `"tcp"`) + `}` }))
	case resource.KindRoute:
		return r.route()
	case resource.KindVirtualService:
		return r.object(r.maybe(`"provider":` + r.of(`{"virtualNode":{"virtualNodeName":`+r.name(nodeNames)+`}}`, `{"virtualRouter":{"virtualRouterName":`+r.name(routerNames)+`}}`)))
	case resource.KindVirtualGateway:
		return r.object(`"listeners":`+r.list(3, func() string {
			return r.object(`"portMapping":`+r.port(`"http"`, `"http2"`, `"grpc"`), r.maybe(`"tls":`+r.tls()))
		}), r.log(), r.maybe(`"backendDefaults":{"clientPolicy":`+r.clientPolicy()+`}`))
	case resource.KindGatewayRoute:
		return r.gatewayRoute()
	default:
		return r.object(`"mode":`+r.of(`"explicit"`, `"transparent"`),
			r.of("", `"virtualNode":`+r.name(nodeNames), `"virtualGateway":`+r.name(gatewayNames)))
	}
}

type rapidText struct{ t *rapid.T }

func (r rapidText) of(choices ...string) string { return rapid.SampledFrom(choices).Draw(r.t, "of") }

func (r rapidText) maybe(s string) string { return r.of("", s) }

func (r rapidText) name(names []string) string { return fmt.Sprintf("%q", r.of(names...)) }

func (r rapidText) object(members ...string) string {
	return "{" + strings.Join(slices.DeleteFunc(members, func(m string) bool { return m == "" }), ",") + "}"
}

func (r rapidText) list(most int, item func() string) string {
	var items []string
	for range rapid.IntRange(0, most).Draw(r.t, "length") {
		items = append(items, item())
	}
	return "[" + strings.Join(items, ",") + "]"
}

func (r rapidText) number() string {
	return fmt.Sprint(rapid.SampledFrom(ports).Draw(r.t, "port"))
}

func (r rapidText) port(protocols ...string) string {
	return `{"port":` + r.number() + `,"protocol":` + r.of(protocols...) + `}`
}

func (r rapidText) log() string {
	return r.maybe(`"logging":{"accessLog":{"file":{"path":"/dev/stdout","format":` +
		r.of(`{"text":"%REQ(x)%\n"}`, `{"text":"%BAD%"}`, `{"json":[{"key":"a","value":"%PROTOCOL%"},{"key":"a","value":"b"}]}`) + `}}}`)
}

func (r rapidText) node() string {
	listener := func() string {
		return r.object(`"portMapping":`+r.port(`"http"`, `"http2"`, `"grpc"`, `"tcp"`),
			r.maybe(`"timeout":{"http":{"perRequest":{"unit":"s","value":`+r.of("0", "20", "9223372036854775807")+`}}}`),
			r.maybe(`"healthCheck":{"healthyThreshold":2,"unhealthyThreshold":2,"intervalMillis":5000,"timeoutMillis":2000,"protocol":`+r.of(`"http"`, `"grpc"`, `"tcp"`)+`}`),
			r.maybe(`"outlierDetection":{"maxServerErrors":5,"maxEjectionPercent":50,"interval":{"unit":"s","value":`+r.of("0", "1")+`},"baseEjectionDuration":{"unit":"ms","value":10}}`),
			r.maybe(`"connectionPool":{"http":{"maxConnections":7}}`),
			r.maybe(`"tls":`+r.tls()))
	}
	backend := func() string {
		return `{"virtualService":` + r.object(`"virtualServiceName":`+r.name(serviceNames), r.maybe(`"clientPolicy":`+r.clientPolicy())) + `}`
	}
	return r.object(`"listeners":`+r.list(3, listener), `"backends":`+r.list(4, backend), r.log(),
		r.maybe(`"backendDefaults":{"clientPolicy":`+r.clientPolicy()+`}`),
		r.of("", `"serviceDiscovery":{"dns":{"hostname":`+r.of(`"a.internal"`, `"10.0.0.1"`, `""`, `"a b"`)+`}}`,
			`"serviceDiscovery":{"awsCloudMap":{"namespaceName":"n","serviceName":`+r.of(`"s"`, `"`+strings.Repeat("long", 100)+`"`)+`,"ipPreference":`+r.of(`"IPv6_ONLY"`, `"IPv4_PREFERRED"`)+`}}`))
}

func (r rapidText) tls() string {
	return `{"mode":` + r.of(`"STRICT"`, `"PERMISSIVE"`, `"DISABLED"`) + `,"certificate":` +
		r.of(`{}`, `{"file":{"certificateChain":"certs/cart.pem","privateKey":"certs/cart.key"}}`, `{"sds":{"secretName":"s"}}`, `{"acm":{"certificateArn":"arn"}}`) +
		r.of("", `,"validation":{"trust":{"file":{"certificateChain":"certs/ca.pem"}}}`, `,"validation":{"trust":{"sds":{"secretName":"ca"}},"subjectAlternativeNames":{"match":{"exact":["web","spiffe://shop/web"]}}}`) + `}`
}

// randomCertificates is what may be known of the one certificate that random meshes name by ARN.
func randomCertificates(t *rapid.T) map[string]graph.Material {
	files := graph.CertificateFiles{Chain: "certs/cart.pem", Key: "certs/cart.key"}
	return map[string]graph.Material{"arn": rapid.SampledFrom([]graph.Material{
		{}, {Authorities: someAuthority}, {Files: files, Authorities: someAuthority}, {Files: files},
	}).Draw(t, "certificate")}
}

const someAuthority = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUEDyLHJw4byR5qBtDoulPEtf24ycwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJc2hvcCByb290MCAXDTI2MTEyMTA0MzQwOVoYDzIxMjYxMDI4
MDQzNDA5WjAUMRIwEAYDVQQDDAlzaG9wIHJvb3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQQzLPczxPWLeZQhJGu1oapMY3Puruth+0gocV9vZ/aUriXnbgs7VcZ
zTof0lt/GRskML4Zm5Y8tctnpb+WReBbo1MwUTAdBgNVHQ4EFgQUW4JsY5s4nZiG
RYHbeu/fRxz/RkkwHwYDVR0jBBgwFoAUW4JsY5s4nZiGRYHbeu/fRxz/RkkwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAt2JLdCvZ/5m42oXl2yOC
bDXpzTUSeaOVI4iGds20/9kCIFDNB+eIiyWfdXscNVAYbH/CCBhj4u7iEjlR8Ygj
b9Bx
-----END CERTIFICATE-----
`

func (r rapidText) clientPolicy() string {
	return `{"tls":` + r.object(r.of("", `"enforce":false`, `"ports":[80]`),
		r.of("", `"certificate":{"file":{"certificateChain":"certs/web.pem","privateKey":"certs/web.key"}}`, `"certificate":{"sds":{"secretName":"s"}}`),
		`"validation":{"trust":`+r.of(`{"file":{"certificateChain":"certs/ca.pem"}}`, `{"sds":{"secretName":"ca"}}`, `{"acm":{"certificateAuthorityArns":["arn"]}}`, `{}`)+
			r.maybe(`,"subjectAlternativeNames":{"match":{"exact":["10.0.0.1","a.internal"]}}`)+`}`) + `}`
}

func (r rapidText) match() string {
	return r.object(
		r.of("", `"prefix":"/"`, `"prefix":"/a"`, `"prefix":"a"`, `"path":{"exact":"/x"}`, `"path":{"regex":"/[a-z]+"}`, `"path":{"regex":"("}`),
		r.maybe(`"method":"GET"`),
		r.maybe(`"headers":[{"name":`+r.of(`"x-a"`, `"b d"`)+`,"match":`+r.of(`{"exact":"1"}`, `{"range":{"start":1,"end":9}}`, `{"range":{"start":9,"end":1}}`)+`,"invert":`+r.of("true", "false")+`}]`),
		r.maybe(`"port":`+r.number()))
}

func (r rapidText) route() string {
	targets := `"action":{"weightedTargets":` + r.list(3, func() string {
		return r.object(`"virtualNode":`+r.name(append([]string{"gone"}, nodeNames...)), `"weight":`+r.of("0", "1", "50"), r.maybe(`"port":`+r.number()))
	}) + `}`
	timeout := r.maybe(`"timeout":{"perRequest":{"unit":"s","value":` + r.of("0", "30") + `}}`)
	retry := r.maybe(`"retryPolicy":{"maxRetries":1,"perRetryTimeout":{"unit":"ms","value":100},"httpRetryEvents":[` + r.of(`"server-error"`, `"nonsense"`) + `]}`)
	return r.object(r.maybe(`"priority":`+r.of("0", "5")), r.of(
		`"httpRoute":`+r.object(`"match":`+r.match(), targets, timeout, retry),
		`"grpcRoute":`+r.object(`"match":`+r.of(`{}`, `{"serviceName":"s","methodName":"m"}`), targets, timeout),
		`"tcpRoute":`+r.object(targets)))
}

func (r rapidText) gatewayRoute() string {
	action := `"action":` + r.object(`"target":`+r.object(`"virtualService":{"virtualServiceName":`+r.name(serviceNames)+`}`, r.maybe(`"port":`+r.number())),
		r.maybe(`"rewrite":`+r.of(`{"hostname":{"defaultTargetHostname":"DISABLED"}}`, `{"prefix":{"value":"/b"}}`, `{"path":{"exact":"/y"}}`)))
	return r.object(r.of(`"httpRoute":`+r.object(`"match":`+r.match(), action), `"grpcRoute":`+r.object(`"match":{"serviceName":"s"}`, action)))
}
