package envoy

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	secretv3 "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	xdsresource "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"

	"github.com/ownmesh/ownmesh/internal/certtest"
	"github.com/ownmesh/ownmesh/test/machine"
)

// provider serves secrets at a socket, as a SPIRE agent does.
type provider struct {
	t       *testing.T
	socket  string
	secrets *cache.LinearCache
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{t: t, socket: filepath.Join(t.TempDir(), "s"), secrets: cache.NewLinearCache(xdsresource.SecretType)}
	l, err := net.Listen("unix", p.socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := grpc.NewServer()
	secretv3.RegisterSecretDiscoveryServiceServer(g, server.NewServer(ctx, p.secrets, nil))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.Serve(l) // until it is stopped
	}()
	t.Cleanup(func() {
		cancel()
		g.Stop()
		<-done
	})
	return p
}

func (p *provider) set(secret *tlsv3.Secret) {
	p.t.Helper()
	if err := p.secrets.UpdateResource(secret.GetName(), secret); err != nil {
		p.t.Fatal(err)
	}
}

func (p *provider) certificate(name string, pair certtest.Pair) {
	p.t.Helper()
	p.set(&tlsv3.Secret{Name: name, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
		CertificateChain: inline(pair.Chain), PrivateKey: inline(pair.Key),
	}}})
}

func (p *provider) trust(name string, ca *certtest.Authority) {
	p.t.Helper()
	p.set(&tlsv3.Secret{Name: name, Type: &tlsv3.Secret_ValidationContext{
		ValidationContext: &tlsv3.CertificateValidationContext{TrustedCa: inline(ca.PEM)},
	}})
}

func inline(b []byte) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: b}}
}

// Certificates and authorities on both sides come from a provider at APPMESH_SDS_SOCKET_PATH. One that it replaces is
// shown to new connections, and no request fails.
func TestSDS(t *testing.T) {
	ca := certtest.New(t, "shop root")
	sds := newProvider(t)
	sds.trust("spiffe://shop", ca)
	sds.certificate("spiffe://shop/a", ca.Issue(t, "spiffe://shop/a", "a.shop.local"))
	sds.certificate("spiffe://shop/ui", ca.Issue(t, "spiffe://shop/ui"))
	m := start(t, `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: a
spec:
  listeners:
  - portMapping: {port: 8080, protocol: http}
    tls:
      mode: STRICT
      certificate: {sds: {secretName: spiffe://shop/a}}
      validation: {trust: {sds: {secretName: spiffe://shop}}, subjectAlternativeNames: {match: {exact: [spiffe://shop/ui]}}}
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: a}}}
---
kind: VirtualNode
virtualNodeName: ui
spec:
  backendDefaults:
    clientPolicy:
      tls:
        certificate: {sds: {secretName: spiffe://shop/ui}}
        validation: {trust: {sds: {secretName: spiffe://shop}}, subjectAlternativeNames: {match: {exact: [spiffe://shop/a]}}}
  backends: [{virtualService: {virtualServiceName: cart.shop.local}}]
`)
	socket := withVariables("APPMESH_SDS_SOCKET_PATH=" + sds.socket)
	a := m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")), socket)
	ui := m.sidecar("virtualNode/ui", socket)
	m.ready()
	const url = "http://cart.shop.local:8080/"
	ui.calls().reaches("a", http.MethodGet, url)
	anonymous := newPKI(t).client()
	anonymous.InsecureSkipVerify = true
	if got := a.by(8080, anonymous).answers("https://a.shop.local/"); got != "nobody" {
		t.Errorf("%s answers a client without a certificate", got)
	}

	stop := ui.requests("a", url)
	old := a.serial(8080)
	sds.certificate("spiffe://shop/a", ca.Issue(t, "spiffe://shop/a", "a.shop.local"))
	machine.Eventually(t, "the new certificate", func() string {
		if now := a.serial(8080); now == "" || now == old {
			return "the port still shows " + old
		}
		return ""
	})
	stop()
}
