package envoy

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"testing"
)

// Customers speak TLS with a gateway, by HTTP/1.1 or HTTP/2 as they like, and the gateway with the nodes behind it.
func TestGatewayTLS(t *testing.T) {
	p := newPKI(t)
	m := start(t, `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: cart
spec:
  listeners:
  - portMapping: {port: 8080, protocol: http}
    tls: {mode: STRICT, certificate: `+p.issue("cart", "cart.shop.local")+`, validation: {trust: `+p.trust()+`, subjectAlternativeNames: {match: {exact: [front.shop.local]}}}}
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: cart}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: cart}}}
---
kind: VirtualGateway
virtualGatewayName: front
spec:
  backendDefaults: {clientPolicy: {tls: {validation: {trust: `+p.trust()+`}, certificate: `+p.issue("front", "front.shop.local")+`}}}
  listeners:
  - {portMapping: {port: 443, protocol: http}, tls: {mode: STRICT, certificate: `+p.issue("edge", "shop.example")+`}}
  - {portMapping: {port: 8443, protocol: http}, tls: {mode: PERMISSIVE, certificate: `+p.issue("edge2", "shop.example")+`}}
  - portMapping: {port: 9443, protocol: http}
    tls: {mode: STRICT, certificate: `+p.issue("edge3", "shop.example")+`, validation: {trust: `+p.trust()+`, subjectAlternativeNames: {match: {exact: [partner.example]}}}}
---
kind: GatewayRoute
virtualGatewayName: front
gatewayRouteName: all
spec: {httpRoute: {match: {prefix: /}, action: {target: {virtualService: {virtualServiceName: cart.shop.local}}}}}
`)
	m.sidecar("virtualNode/cart", at("application/8080", echo(t, "cart")))
	front := m.sidecar("virtualGateway/front")
	m.ready()
	got := front.by(443, p.client()).reaches("cart", http.MethodGet, "https://shop.example/x")
	if got.Path != "/x" || got.Host != "cart.shop.local" {
		t.Errorf("cart saw %+v", got.seen)
	}
	if c := tlsVersion(t, front, 443, p.client()); c.NegotiatedProtocol != "h2" {
		t.Errorf("a customer who speaks HTTP/2 too was offered %q", c.NegotiatedProtocol)
	}
	for _, test := range []struct {
		what string
		port int
		with *tls.Config
		url  string
		want string
	}{
		{"plain text, STRICT", 443, nil, "http://shop.example/", "nobody"},
		{"plain text, PERMISSIVE", 8443, nil, "http://shop.example/", "cart"},
		{"TLS, PERMISSIVE", 8443, p.client(), "https://shop.example/", "cart"},
		{"mutual TLS, a partner", 9443, p.client("partner.example"), "https://shop.example/", "cart"},
		{"mutual TLS, somebody else", 9443, p.client("other.example"), "https://shop.example/", "nobody"},
		{"mutual TLS, nobody", 9443, p.client(), "https://shop.example/", "nobody"},
	} {
		if got := front.by(test.port, test.with).answers(test.url); got != test.want {
			t.Errorf("%s: %s answers, want %s", test.what, got, test.want)
		}
	}
}

func tlsVersion(t *testing.T, s *sidecar, port int, config *tls.Config) tls.ConnectionState {
	t.Helper()
	config = config.Clone()
	config.ServerName, config.NextProtos = "shop.example", []string{"h2", "http/1.1"}
	raw, err := s.dialPort(port)(t.Context(), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	c := tls.Client(raw, config)
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState()
}

// An external host that speaks HTTPS is a virtual service of its name: with an enforced policy, applications call it in
// plain text, and their Envoy speaks TLS, asks for the host by its name, and checks its certificate.
func TestExternalHTTPS(t *testing.T) {
	p := newPKI(t)
	asked := make(chan string, 1)
	host := secureServer(t, "bank", &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		select {
		case asked <- hello.ServerName:
		default:
		}
		c := p.ca.Issue(t, "localhost").TLS(t)
		return &c, nil
	}})
	m := start(t, `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: bank
spec:
  listeners: [{portMapping: {port: `+port(t, host)+`, protocol: http}}]
  serviceDiscovery: {dns: {hostname: localhost, ipPreference: IPv4_ONLY}}
---
kind: VirtualService
virtualServiceName: api.bank.example
spec: {provider: {virtualNode: {virtualNodeName: bank}}}
---
kind: VirtualNode
virtualNodeName: ui
spec:
  backends:
  - virtualService:
      virtualServiceName: api.bank.example
      clientPolicy: {tls: {validation: {trust: `+p.trust()+`}}}
`)
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	ui.calls().reaches("bank", http.MethodGet, "http://api.bank.example:"+port(t, host)+"/")
	if name := <-asked; name != "localhost" {
		t.Errorf("the host was asked for as %q", name)
	}
}

func port(t *testing.T, address string) string { return fmt.Sprint(portOf(t, address)) }
