package proxy_test

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/proxy"
	"github.com/ownmesh/ownmesh/internal/sigv4"
)

// nameless is a network in which nothing has the name that is asked for.
type nameless struct{}

func (nameless) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}}
}

// An --api that is nobody's, or somebody else's, is told at once: clients would try 503 again, Terraform for an hour.
func TestAnAPIThatIsMisnamed(t *testing.T) {
	t.Parallel()
	stranger := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(stranger.Close)
	stranger.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	signed := &sigv4.Transport{Source: good, Region: region}
	for name, c := range map[string]struct {
		api       string
		transport http.RoundTripper
		cause     string
	}{
		"a name that nothing has":        {"https://typo.example/mesh", nameless{}, "no such host"},
		"somebody else's certificate":    {stranger.URL + "/mesh", signed, "certificate"},
		"https where there is only http": {strings.Replace(plain.URL, "http", "https", 1) + "/mesh", signed, "does not look like a TLS handshake"},
	} {
		target, err := url.Parse(c.api)
		if err != nil {
			t.Fatal(err)
		}
		p := httptest.NewServer(proxy.New(proxy.Options{API: target, Signed: c.transport, Logger: slog.New(slog.DiscardHandler)}))
		t.Cleanup(p.Close)
		code, body := ask(t, request(t, p.URL+"/v20190125/meshes"))
		for _, want := range []string{"ownmesh proxy: ", c.api, "is --api right?", c.cause} {
			if code != http.StatusBadRequest || !strings.Contains(body, want) {
				t.Errorf("%s: %d, %s; want 400 and %q", name, code, body, want)
			}
		}
	}
}
