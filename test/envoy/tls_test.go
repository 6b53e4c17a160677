package envoy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/internal/certtest"
)

// pki is an authority, and the folder where proxies find what it signs.
type pki struct {
	t   *testing.T
	dir string
	ca  *certtest.Authority
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	p := &pki{t: t, dir: t.TempDir(), ca: certtest.New(t, "shop root")}
	certtest.Write(t, p.trustFile(), p.ca.PEM)
	return p
}

func (p *pki) trustFile() string { return filepath.Join(p.dir, "ca.pem") }

// trust is the authority as a spec names it.
func (p *pki) trust() string { return "{file: {certificateChain: " + p.trustFile() + "}}" }

// issue signs a certificate for names, puts it into files, and returns it as a spec names it.
func (p *pki) issue(file string, names ...string) string {
	p.t.Helper()
	chain, key := p.ca.Issue(p.t, names...).Write(p.t, p.dir, file)
	return fmt.Sprintf("{file: {certificateChain: %s, privateKey: %s}}", chain, key)
}

// client is a TLS client that trusts the authority, and shows what is signed for names; none: nothing.
func (p *pki) client(names ...string) *tls.Config {
	p.t.Helper()
	c := &tls.Config{RootCAs: p.ca.Pool()}
	if len(names) > 0 {
		c.Certificates = []tls.Certificate{p.ca.Issue(p.t, names...).TLS(p.t)}
	}
	return c
}

// by makes direct callers of a sidecar's port: those that know it, and no mesh. Without a TLS configuration they speak
// plain text.
func (s *sidecar) by(port int, secure *tls.Config) *caller {
	transport := &http.Transport{
		DialContext: s.dialPort(port), TLSClientConfig: secure, ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}
	s.m.t.Cleanup(transport.CloseIdleConnections)
	return &caller{s.m.t, &http.Client{Transport: transport, Timeout: 15 * time.Second, CheckRedirect: noRedirect}}
}

// answers says who answers at a URL, or "nobody".
func (c *caller) answers(url string) string {
	a, err := c.try(http.MethodGet, url)
	if err != nil {
		return "nobody"
	}
	return a.where(nil)
}

// STRICT takes TLS only, DISABLED plain text only, and PERMISSIVE both. Callers in the mesh need no setting: they speak
// TLS wherever the listener does.
func TestTLSModes(t *testing.T) {
	p := newPKI(t)
	certificate := p.issue("a", "a.shop.local")
	m := start(t, `
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
  listeners:
  - {portMapping: {port: 8080, protocol: http}, tls: {mode: STRICT, certificate: `+certificate+`}}
  - {portMapping: {port: 8081, protocol: http}, tls: {mode: PERMISSIVE, certificate: `+certificate+`}}
  - {portMapping: {port: 8082, protocol: http}, tls: {mode: DISABLED, certificate: `+certificate+`}}
  - {portMapping: {port: 8083, protocol: http2}, tls: {mode: STRICT, certificate: `+certificate+`}}
  - {portMapping: {port: 8084, protocol: tcp}, tls: {mode: STRICT, certificate: `+certificate+`}}
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: a}}}
`)
	app := echo(t, "a")
	greeter := tcpServer(t, func(c net.Conn) { _, _ = io.WriteString(c, "hello\n") })
	a := m.sidecar("virtualNode/a", at("application/8080", app), at("application/8081", app), at("application/8082", app),
		at("application/8083", app), at("application/8084", greeter))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	for _, test := range []struct {
		port          int
		plain, secure string
	}{
		{8080, "nobody", "a"}, {8081, "a", "a"}, {8082, "a", "nobody"}, {8083, "nobody", "a"},
	} {
		if got := a.by(test.port, nil).answers("http://a.shop.local/"); got != test.plain {
			t.Errorf("port %d, plain text: %s answers, want %s", test.port, got, test.plain)
		}
		if got := a.by(test.port, p.client()).answers("https://a.shop.local/"); got != test.secure {
			t.Errorf("port %d, TLS: %s answers, want %s", test.port, got, test.secure)
		}
		ui.calls().reaches("a", http.MethodGet, fmt.Sprintf("http://cart.shop.local:%d/", test.port))
		protocol, shakes := "http", 1
		if test.port == 8083 {
			protocol = "http2"
		}
		if test.port == 8082 {
			shakes = 0
		}
		if n := ui.stat(fmt.Sprintf("cluster.cds_egress_shop_a_%s_%d.ssl.handshake", protocol, test.port)); n != shakes {
			t.Errorf("port %d: ui's Envoy did %d handshakes, want %d", test.port, n, shakes)
		}
	}
	if line := ui.connect("cart.shop.local:8084").line(); line != "hello\n" {
		t.Errorf("tcp: got %q", line)
	}
	raw, err := tls.Dial("tcp", a.addresses["bind/8084"], &tls.Config{RootCAs: p.ca.Pool(), ServerName: "a.shop.local"})
	if err != nil {
		t.Fatalf("tcp, TLS: %v", err)
	}
	defer raw.Close()
	if got, err := io.ReadAll(raw); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || string(got) != "hello\n" {
		t.Errorf("tcp, TLS: got %q, %v", got, err)
	}
}

// With a validation a listener lets in only who shows a certificate of the right authority and, if names are given, for
// one of these.
func TestMutualTLS(t *testing.T) {
	p, other := newPKI(t), newPKI(t)
	certificate := p.issue("a", "a.shop.local")
	listener := func(port int, sans string) string {
		return fmt.Sprintf(`
  - portMapping: {port: %d, protocol: http}
    tls: {mode: STRICT, certificate: %s, validation: {trust: %s%s}}`, port, certificate, p.trust(), sans)
	}
	m := start(t, `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: a
spec:
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
  listeners:`+listener(8080, "")+listener(8081, ", subjectAlternativeNames: {match: {exact: [spiffe://shop/web, web.shop.local]}}")+`
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: a}}}
---
kind: VirtualNode
virtualNodeName: web
spec:
  backendDefaults: {clientPolicy: {tls: {validation: {trust: `+p.trust()+`}, certificate: `+p.issue("web", "web.shop.local")+`}}}
  backends: [{virtualService: {virtualServiceName: cart.shop.local}}]
---
kind: VirtualNode
virtualNodeName: anonymous
spec:
  backendDefaults: {clientPolicy: {tls: {validation: {trust: `+p.trust()+`}}}}
  backends: [{virtualService: {virtualServiceName: cart.shop.local}}]
`)
	app := echo(t, "a")
	a := m.sidecar("virtualNode/a", at("application/8080", app), at("application/8081", app))
	web, anonymous := m.sidecar("virtualNode/web"), m.sidecar("virtualNode/anonymous")
	m.ready()
	foreign := p.client()
	foreign.Certificates = []tls.Certificate{other.ca.Issue(t, "web.shop.local").TLS(t)}
	for name, test := range map[string]struct {
		client     *tls.Config
		any, named string
	}{
		"no certificate":                   {p.client(), "nobody", "nobody"},
		"the wrong authority":              {foreign, "nobody", "nobody"},
		"the right authority, other names": {p.client("spiffe://shop/other", "other.shop.local"), "a", "nobody"},
		"a URI":                            {p.client("spiffe://shop/web"), "a", "a"},
		"a host's name":                    {p.client("web.shop.local"), "a", "a"},
	} {
		if got := a.by(8080, test.client).answers("https://a.shop.local/"); got != test.any {
			t.Errorf("%s, any name: %s answers, want %s", name, got, test.any)
		}
		if got := a.by(8081, test.client).answers("https://a.shop.local/"); got != test.named {
			t.Errorf("%s, given names: %s answers, want %s", name, got, test.named)
		}
	}
	for _, port := range []int{8080, 8081} {
		url := fmt.Sprintf("http://cart.shop.local:%d/", port)
		web.calls().reaches("a", http.MethodGet, url)
		anonymous.calls().reaches("503", http.MethodGet, url)
	}
}
