package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/internal/certtest"
	"github.com/ownmesh/ownmesh/test/machine"
)

// gate stands before a machine's API and relay as AWS would: it hands out tokens, and lets only streams in that bear the
// newest. Behind it both are real.
type gate struct {
	api, relay *httptest.Server
	mu         sync.Mutex
	issued     int
	away       bool     // the API is: it answers 503
	seen       []string // what streams bore that were let in
}

func (g *gate) token() string { return fmt.Sprintf("token-%d", g.issued) }

// newGate makes tokens that are good for ten seconds.
func newGate(t *testing.T, m *machine.Machine) *gate {
	t.Helper()
	g := &gate{}
	authority := certtest.New(t, "relays")
	to := func(scheme, host string) *httputil.ReverseProxy {
		return &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: scheme, Host: host})
		}}
	}
	behind := to("http", m.XDS)
	behind.Transport = &http.Transport{Protocols: new(http.Protocols)}
	behind.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(true)
	g.relay = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		bore := r.Header.Get("Authorization")
		wrong := bore != "Bearer "+g.token()
		if !wrong {
			g.seen = append(g.seen, bore)
		} else if !strings.HasPrefix(bore, "Bearer token-") { // an older one is no fault where Envoy is slow to start
			t.Errorf("a stream bore %q", bore)
		}
		g.mu.Unlock()
		if wrong {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	g.relay.EnableHTTP2 = true
	g.relay.TLS = &tls.Config{Certificates: []tls.Certificate{authority.Issue(t, "localhost").TLS(t)}, MinVersion: tls.VersionTLS13}
	g.relay.StartTLS()
	t.Cleanup(g.relay.Close)
	_, port, _ := net.SplitHostPort(g.relay.Listener.Addr().String()) // as the kernel gave it
	api := to("http", m.API())
	g.api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/token") {
			api.ServeHTTP(w, r)
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.away {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		g.issued++
		_ = json.NewEncoder(w).Encode(map[string]any{
			"token": g.token(), "expiresAt": time.Now().Add(10 * time.Second).UTC().Format(time.RFC3339),
			"relay": net.JoinHostPort("localhost", port), "ca": string(authority.PEM),
		})
	}))
	t.Cleanup(g.api.Close)
	return g
}

func (g *gate) streams() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string{}, g.seen...)
}

// The program gets a token, Envoy reaches its relay by TLS with it, and when the stream must begin anew, with the one
// that has come meanwhile. While the API is away nothing ends, and the container stays healthy.
func TestTokens(t *testing.T) {
	m := startMesh(t)
	g := newGate(t, m)
	back := launchNode(t, m, "back", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "back") }, "OWNMESH_API="+g.api.URL)
	back.healthy()
	streams := g.streams()
	if len(streams) != 1 {
		t.Fatalf("streams bore %q", streams)
	}
	dir := back.value("OWNMESH_DIR")
	machine.Eventually(t, "the token to be renewed", func() string {
		b, err := os.ReadFile(filepath.Join(dir, "token"))
		if err != nil || "Bearer "+string(b) == streams[0] {
			return fmt.Sprintf("still %s, %v", b, err)
		}
		return ""
	})
	if got := g.streams(); len(got) != 1 {
		t.Errorf("a renewal ended a stream: they bore %q", got)
	}
	g.mu.Lock()
	g.away = true
	now := "Bearer " + g.token()
	g.mu.Unlock()
	g.relay.CloseClientConnections()
	machine.Eventually(t, "a new stream with the new token", func() string {
		got := g.streams()
		if got[len(got)-1] != now {
			return fmt.Sprintf("%q", got)
		}
		return ""
	})
	m.Apply(`
kind: VirtualNode
virtualNodeName: back
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}, timeout: {http: {idle: {unit: s, value: 7}}}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: back}}
`)
	machine.Eventually(t, "a change to come through", func() string {
		p, ok := m.Proxy("virtualNode/back", "back-1")
		if !ok || p.State != "current" {
			return fmt.Sprintf("%+v", p)
		}
		return ""
	})
	if code, said := back.health(); code != 0 {
		t.Errorf("while the API is away: %s", said)
	}
	back.signal(syscall.SIGTERM)
	if file, err := os.ReadFile(filepath.Join(dir, "bootstrap.yaml")); err != nil || strings.Contains(string(file)+back.log(), "token-") {
		t.Errorf("the bootstrap or the log has a token: %v\n%s", err, file)
	}
}
