package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/proxy"
	"github.com/ownmesh/ownmesh/internal/sigv4"
)

// writes is a listener that keeps each write to its connections.
type writes struct {
	net.Listener
	mu  sync.Mutex
	all [][]byte
}

func (l *writes) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return writesConn{c, l}, err
}

type writesConn struct {
	net.Conn
	l *writes
}

func (c writesConn) Write(b []byte) (int, error) {
	c.l.mu.Lock()
	c.l.all = append(c.l.all, bytes.Clone(b))
	c.l.mu.Unlock()
	return c.Conn.Write(b)
}

// front puts a proxy before a handler, without API Gateway between them, and counts what the proxy writes.
func front(t *testing.T, next http.HandlerFunc) (string, *writes) {
	t.Helper()
	behind := httptest.NewServer(next)
	t.Cleanup(behind.Close)
	target, err := url.Parse(behind.URL + "/mesh")
	if err != nil {
		t.Fatal(err)
	}
	p := httptest.NewUnstartedServer(proxy.New(proxy.Options{
		API: target, Signed: &sigv4.Transport{Source: good, Region: region}, Logger: slog.New(slog.DiscardHandler),
	}))
	l := &writes{Listener: p.Listener}
	p.Listener = l
	p.Start()
	t.Cleanup(p.Close)
	return p.URL, l
}

// Some clients lose a body that comes after its headers (the SDK in the provider 5.73 of Terraform): an answer that fits is
// one write, however late its body comes from API Gateway.
func TestAnAnswerIsOneWrite(t *testing.T) {
	t.Parallel()
	body := `{"meshName":"` + strings.Repeat("m", 200) + `"}`
	proxied, l := front(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "215")
		_ = http.NewResponseController(w).Flush()
		time.Sleep(2 * time.Millisecond)
		_, _ = io.WriteString(w, body)
	})
	const asked = 50
	for range asked {
		if code, got := ask(t, request(t, proxied+"/v20190125/meshes")); code != http.StatusOK || !strings.HasSuffix(got, body) {
			t.Fatalf("%d, %s", code, got)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) != asked {
		t.Errorf("%d answers took %d writes, such as %q", asked, len(l.all), l.all[0])
	}
}

// A stream has no length: what there is of it comes at once.
func TestAStreamIsPassedOnAsItComes(t *testing.T) {
	t.Parallel()
	heard := make(chan struct{})
	proxied, _ := front(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-heard:
			_, _ = io.WriteString(w, "second\n")
		case <-r.Context().Done():
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	res, err := http.DefaultClient.Do(request(t, proxied+"/v1/events").WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	if line, err := lines.ReadString('\n'); line != "first\n" {
		t.Fatalf("%q, %v", line, err)
	}
	close(heard)
	if line, err := lines.ReadString('\n'); line != "second\n" {
		t.Errorf("%q, %v", line, err)
	}
}
