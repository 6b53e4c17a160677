package envoy

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// secureServer runs an application that speaks TLS itself.
func secureServer(t *testing.T, name string, config *tls.Config) string {
	t.Helper()
	s := httptest.NewUnstartedServer(answering(name))
	s.TLS = config
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are what some callers want
	s.StartTLS()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.Listener.Addr().String()
}

// A client policy decides whom a caller takes for its backend. Each row is a backend of its own: what its server shows,
// what the policy demands, and who answers.
func TestClientPolicies(t *testing.T) {
	p, other := newPKI(t), newPKI(t)
	shows := func(names ...string) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{p.ca.Issue(t, names...).TLS(t)}}
	}
	wrongCA := &tls.Config{Certificates: []tls.Certificate{other.ca.Issue(t, "n.shop.local").TLS(t)}}
	asking := shows("n.shop.local")
	asking.ClientAuth, asking.ClientCAs = tls.RequireAndVerifyClientCert, p.ca.Pool()
	const (
		strict     = ", tls: {mode: STRICT, certificate: {file: {certificateChain: /not/here.pem, privateKey: /not/here.key}}}"
		permissive = ", tls: {mode: PERMISSIVE, certificate: {file: {certificateChain: /not/here.pem, privateKey: /not/here.key}}}"
		refused    = "CERTIFICATE_VERIFY_FAILED"
	)
	validation := "validation: {trust: " + p.trust() + "}"
	named := func(names string) string {
		return "validation: {trust: " + p.trust() + ", subjectAlternativeNames: {match: {exact: [" + names + "]}}}"
	}
	rows := []struct {
		name     string
		server   *tls.Config // nil: plain text
		listener string      // what the node says of its TLS
		policy   string      // "": none
		want     string      // who answers, or what Envoy's answer says
	}{
		{name: "the target's name", server: shows("n.shop.local"), policy: validation, want: "app"},
		{name: "a wildcard that covers it", server: shows("*.shop.local"), policy: validation, want: "app"},
		{name: "another name", server: shows("other.shop.local"), policy: validation, want: refused},
		{name: "another authority", server: wrongCA, policy: validation, want: refused},
		{name: "a listed name", server: shows("spiffe://shop/n", "x.example"), policy: named("y.example, x.example"), want: "app"},
		{name: "a listed URI", server: shows("spiffe://shop/n"), policy: named("spiffe://shop/n"), want: "app"},
		{name: "the target's name, but others are listed", server: shows("n.shop.local"), policy: named("x.example"), want: refused},
		{name: "enforced, and the server speaks plain text", policy: validation, want: "503"},
		{name: "not enforced, plain text", policy: "enforce: false, " + validation, want: "app"},
		{name: "not enforced, TLS, right", server: shows("n.shop.local"), listener: strict, policy: "enforce: false, " + validation, want: "app"},
		{name: "not enforced, TLS, wrong", server: wrongCA, listener: strict, policy: "enforce: false, " + validation, want: refused},
		{name: "for this port", server: shows("n.shop.local"), policy: "ports: [8080], " + validation, want: "app"},
		{name: "for another port, plain text", policy: "ports: [9999], " + validation, want: "app"},
		{name: "for another port, TLS", server: wrongCA, listener: strict, policy: "ports: [9999], " + validation, want: "app"},
		{name: "no policy: the listener decides", server: shows("whatever.example"), listener: permissive, want: "app"},
		{name: "no policy, plain text", want: "app"},
		{name: "the server asks for a certificate", server: asking, policy: validation + ", certificate: " + p.issue("web", "web.shop.local"), want: "app"},
		{name: "the server asks, and there is none", server: asking, policy: validation, want: "503"},
		{name: "the server does not ask", server: shows("n.shop.local"), policy: validation + ", certificate: " + p.issue("web", "web.shop.local"), want: "app"},
	}
	var documents, backends strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&documents, `
---
kind: VirtualNode
virtualNodeName: n%[1]d
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}%[2]s}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: n, attributes: [{key: row, value: "%[1]d"}]}}
---
kind: VirtualService
virtualServiceName: s%[1]d.example
spec: {provider: {virtualNode: {virtualNodeName: n%[1]d}}}
`, i, row.listener)
		policy := ""
		if row.policy != "" {
			policy = ", clientPolicy: {tls: {" + row.policy + "}}"
		}
		fmt.Fprintf(&backends, "\n  - virtualService: {virtualServiceName: s%d.example%s}", i, policy)
	}
	m := start(t, "kind: Mesh\nmeshName: shop"+documents.String()+"---\nkind: VirtualNode\nvirtualNodeName: ui\nspec:\n  backends:"+backends.String()+"\n")
	for i, row := range rows {
		address := ""
		if row.server == nil {
			address = echo(t, "app")
		} else {
			address = secureServer(t, "app", row.server)
		}
		m.put(endpoint.Instance{
			Namespace: "shop.local", Service: "n", ID: fmt.Sprint(i), IPv4: "127.0.0.1",
			Ports: map[int]int{8080: portOf(t, address)}, Attributes: map[string]string{"row": fmt.Sprint(i)},
		})
	}
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	sans := 0
	for i, row := range rows {
		got := ui.calls().get(fmt.Sprintf("http://s%d.example:8080/", i))
		if row.want != got.App && row.want != fmt.Sprint(got.Status) && (got.Status != http.StatusServiceUnavailable || !strings.Contains(got.Body, row.want)) {
			t.Errorf("%s: got %d from %q, want %s: %s", row.name, got.Status, got.App, row.want, got.Body)
		}
		sans += ui.stat(fmt.Sprintf("cluster.cds_egress_shop_n%d_http_8080.ssl.fail_verify_san", i))
	}
	if sans == 0 {
		t.Error("no Envoy counted a name that did not match")
	}
}
