package envoy

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/certtest"
	"github.com/ownmesh/ownmesh/internal/onemachine"
	"github.com/ownmesh/ownmesh/test/machine"
)

// serial is the number of the certificate that a sidecar's port shows; "" if there is no handshake.
func (s *sidecar) serial(port int) string {
	c, err := tls.Dial("tcp", s.addresses[fmt.Sprintf("bind/%d", port)], &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return ""
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// requests calls a URL again and again until stop, and reports what was not answered by app.
func (s *sidecar) requests(app, url string) (stop func()) {
	var ended atomic.Bool
	done := make(chan struct{})
	calls := s.calls()
	calls.client.Transport.(*http.Transport).DisableKeepAlives = true
	go func() {
		defer close(done)
		for n := 0; !ended.Load(); n++ {
			if a, err := calls.try(http.MethodGet, url); err != nil || a.App != app {
				s.m.t.Errorf("request %d: %s %s", n, a.where(err), a.Body)
				return
			}
		}
	}()
	return func() { ended.Store(true); <-done }
}

// New files take the place of old ones while requests go on: a certificate, its authority, and the trust in it. None
// fails, and nothing restarts.
func TestCertificateRotation(t *testing.T) {
	p := newPKI(t)
	certificate := p.issue("a", "a.shop.local")
	m := start(t, `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: a
spec:
  # Each connection carries one request, so that there are handshakes all the time.
  listeners: [{portMapping: {port: 8080, protocol: http}, tls: {mode: STRICT, certificate: `+certificate+`}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: a}}}
---
kind: VirtualNode
virtualNodeName: ui
spec:
  backendDefaults: {clientPolicy: {tls: {validation: {trust: `+p.trust()+`}}}}
  backends: [{virtualService: {virtualServiceName: cart.shop.local}}]
`)
	a := m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	stop := ui.requests("a", cart+"/")
	defer stop()
	replace := func(what string, write func()) {
		t.Helper()
		before := a.serial(8080)
		write()
		machine.Eventually(t, what, func() string {
			if now := a.serial(8080); now == before || now == "" {
				return "the certificate is still " + before
			}
			return ""
		})
	}
	replace("another certificate", func() { p.issue("a", "a.shop.local") })
	// The way to another authority: trust both, change the certificate, trust the new one alone.
	next := certtest.New(t, "next root")
	updated := func(want int) {
		t.Helper()
		machine.Eventually(t, "ui to read its trust again", func() string {
			if n := ui.stat("cluster.cds_egress_shop_a_http_8080.client_ssl_socket_factory.ssl_context_update_by_sds"); n < want {
				return fmt.Sprintf("%d updates, want %d", n, want)
			}
			return ""
		})
	}
	updated(1)
	certtest.Write(t, p.trustFile(), append(append([]byte{}, p.ca.PEM...), next.PEM...))
	updated(2)
	replace("a certificate of another authority", func() { next.Issue(t, "a.shop.local").Write(t, p.dir, "a") })
	certtest.Write(t, p.trustFile(), next.PEM)
	updated(3)
	ui.calls().reaches("a", http.MethodGet, cart+"/")
}

// rejectedSecrets is how often the Envoy refused one.
func (s *sidecar) rejectedSecrets() (n int) {
	s.m.t.Helper()
	var stats struct {
		Stats []struct{ Value int }
	}
	s.ask("/stats?format=json&filter="+url.QueryEscape(`^sds\..*\.update_rejected$`), &stats)
	for _, one := range stats.Stats {
		n += one.Value
	}
	return n
}

// A file that is not there holds back its own listener, and says so; the node's other listeners serve. When it comes, it
// counts.
func TestMissingCertificate(t *testing.T) {
	p := newPKI(t)
	missing := filepath.Join(p.dir, "late.pem")
	m := start(t, `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: a
spec:
  listeners:
  - {portMapping: {port: 8080, protocol: http}}
  - {portMapping: {port: 8081, protocol: http}, tls: {mode: STRICT, certificate: {file: {certificateChain: `+missing+`, privateKey: `+filepath.Join(p.dir, "late.key")+`}}}}
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
`)
	app := echo(t, "a")
	a := m.sidecar("virtualNode/a", at("application/8080", app), at("application/8081", app))
	machine.Eventually(t, "the Envoy to refuse the certificate", func() string {
		proxy, _ := m.Proxy(a.resource, a.name)
		if proxy.State != events.Rejected {
			return fmt.Sprintf("%+v", proxy)
		}
		for _, r := range proxy.Rejected {
			if r.Type != "secret" || !strings.Contains(r.Message, missing) {
				t.Errorf("rejected: %+v, want a secret and the file's name", r)
			}
		}
		return ""
	})
	machine.Eventually(t, "the other listener to serve", func() string {
		if got := a.by(8080, nil).answers("http://a.shop.local/"); got != "a" {
			return got
		}
		return ""
	})
	if got := a.by(8081, p.client()).answers("https://a.shop.local/"); got != "nobody" {
		t.Errorf("without its certificate the listener is answered by %s", got)
	}
	// It looks for the file at each offer, and stays as it is until there is one: written there, or renamed.
	machine.Eventually(t, "the Envoy to refuse the certificate again and again", func() string {
		if n := a.rejectedSecrets(); n < 4 {
			return fmt.Sprintf("%d times", n)
		}
		return ""
	})
	if proxy, _ := m.Proxy(a.resource, a.name); proxy.State != events.Rejected {
		t.Errorf("after some refusals the proxy is %+v", proxy)
	}
	pair := p.ca.Issue(t, "a.shop.local")
	for name, data := range map[string][]byte{"late.key": pair.Key, "late.pem": pair.Chain} {
		if err := os.WriteFile(filepath.Join(p.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	machine.Eventually(t, "the listener to serve", func() string {
		if got := a.by(8081, p.client()).answers("https://a.shop.local/"); got != "a" {
			return got
		}
		return ""
	})
	m.settled(a)
}

// A certificate that a spec names by ARN comes from a folder. Until it is there, its listener alone is held back; when
// it comes, or changes, it is served, and callers check it without any policy.
func TestCertificateByARN(t *testing.T) {
	p := newPKI(t)
	folder := t.TempDir()
	m := start(t, `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: a
spec:
  listeners:
  - {portMapping: {port: 8080, protocol: http}}
  - {portMapping: {port: 8081, protocol: http}, tls: {mode: STRICT, certificate: {acm: {certificateArn: "arn:aws:acm:eu-west-1:123456789012:certificate/cart"}}}}
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: a}}}
---
kind: VirtualNode
virtualNodeName: ui
spec: {backends: [{virtualService: {virtualServiceName: cart.shop.local}}]}
---
kind: VirtualNode
virtualNodeName: strict
spec:
  backendDefaults:
    clientPolicy:
      tls: {ports: [8081], validation: {trust: {acm: {certificateAuthorityArns: ["arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/root"]}}}}
  backends: [{virtualService: {virtualServiceName: cart.shop.local}}]
`, func(o *onemachine.Options) { o.Certificates = folder })
	app := echo(t, "a")
	m.sidecar("virtualNode/a", at("application/8080", app), at("application/8081", app))
	ui, strict := m.sidecar("virtualNode/ui"), m.sidecar("virtualNode/strict")
	for _, s := range m.sidecars {
		m.settled(s)
	}
	answered := func(s *sidecar, port int, want string) {
		t.Helper()
		machine.Eventually(t, fmt.Sprintf("%s to be answered by %s on port %d", s.name, want, port), func() string {
			if got := s.calls().answers(fmt.Sprintf("http://cart.shop.local:%d/", port)); got != want {
				return got
			}
			return ""
		})
	}
	for _, s := range []*sidecar{ui, strict} {
		answered(s, 8080, "a")
		answered(s, 8081, "503")
	}
	findings, err := m.Findings(t.Context(), "shop", "")
	if err != nil {
		t.Fatal(err)
	}
	absent := 0
	for _, f := range findings.Findings {
		if f.Code == "certificate-absent" {
			absent++
		}
	}
	if absent != 2 {
		t.Errorf("findings: %+v, want one of the listener and one of the policy", findings)
	}
	put := func(id string, files map[string][]byte) {
		if err := os.MkdirAll(filepath.Join(folder, id), 0o700); err != nil {
			t.Fatal(err)
		}
		for name, data := range files {
			certtest.Write(t, filepath.Join(folder, id, name), data)
		}
	}
	pair := p.ca.Issue(t, "a.shop.local")
	put("cart", map[string][]byte{"private-key.pem": pair.Key, "chain.pem": p.ca.PEM, "certificate.pem": pair.Chain})
	answered(ui, 8081, "a")
	answered(strict, 8081, "503") // its authority is not there yet
	put("root", map[string][]byte{"certificate.pem": p.ca.PEM})
	answered(strict, 8081, "a")
	other := newPKI(t)
	put("root", map[string][]byte{"certificate.pem": other.ca.PEM})
	answered(strict, 8081, "503")
	answered(ui, 8081, "a")
}
