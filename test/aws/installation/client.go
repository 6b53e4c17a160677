package installation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"

	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/internal/whole"
	"github.com/ownmesh/ownmesh/test/machine"
)

// gateway is the service that API Gateway wants signatures for.
const gateway = "execute-api"

// AppMesh is Go's SDK for App Mesh, told to sign for API Gateway.
func (i *Installation) AppMesh(id Identity) *appmesh.Client {
	return appmesh.New(appmesh.Options{
		BaseEndpoint: aws.String(i.API), Region: emulator.Region, Credentials: id.Provider(), HTTPSignerV4: signer{v4.NewSigner()},
		RetryMaxAttempts: 1, HTTPClient: whole.Client{},
	})
}

// signer signs for API Gateway, whatever service it is asked to sign for.
type signer struct{ *v4.Signer }

// SignHTTP implements appmesh.HTTPSignerV4.
func (s signer) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, _, region string, at time.Time, options ...func(*v4.SignerOptions)) error {
	return s.Signer.SignHTTP(ctx, c, r, hash, gateway, region, at, options...)
}

// As speaks to the API as somebody, for one test.
func (i *Installation) As(tb testing.TB, id Identity) *machine.User {
	tb.Helper()
	base, err := url.Parse(i.API)
	if err != nil {
		tb.Fatal(err)
	}
	t := &signed{base: base, id: id, next: &http.Transport{}}
	tb.Cleanup(t.next.CloseIdleConnections)
	return machine.NewUser(tb, client.Over(t))
}

// Call sends one request as somebody, its path as it is, and gives the answer's status and body.
func (i *Installation) Call(tb testing.TB, id Identity, method, path, body string) (status int, answer string) {
	tb.Helper()
	base, err := url.Parse(i.API)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := http.NewRequestWithContext(tb.Context(), method, "http://api"+path, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	response, err := (&signed{base: base, id: id, next: &http.Transport{DisableKeepAlives: true}}).RoundTrip(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return response.StatusCode, string(data)
}

// signed sends requests to the API, with a signature if there is somebody to sign as.
type signed struct {
	base *url.URL
	id   Identity
	next *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (s *signed) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	target := s.base.Scheme + "://" + s.base.Host + s.base.EscapedPath() + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Header = r.Header.Clone()
	if s.id.AccessKeyID != "" {
		hash := sha256.Sum256(body)
		if err := v4.NewSigner().SignHTTP(r.Context(), s.id.Credentials, out, hex.EncodeToString(hash[:]), gateway, emulator.Region, time.Now()); err != nil {
			return nil, err
		}
	}
	return s.next.RoundTrip(out)
}

// Token asks for a stream token of a proxy, and returns the status of the answer and the token in it.
func (i *Installation) Token(tb testing.TB, id Identity, mesh, proxy string) (code int, token string) {
	tb.Helper()
	base, err := url.Parse(i.API)
	if err != nil {
		tb.Fatal(err)
	}
	t := &signed{base: base, id: id, next: &http.Transport{}}
	defer t.next.CloseIdleConnections()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, "http://api/v1/meshes/"+mesh+"/proxies/"+proxy+"/token", strings.NewReader("{}"))
	if err != nil {
		tb.Fatal(err)
	}
	res, err := t.RoundTrip(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct{ Token string }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		tb.Fatalf("the answer %s is no JSON: %v", res.Status, err)
	}
	return res.StatusCode, answer.Token
}

func lastPart(arn string) string { return arn[strings.LastIndexAny(arn, "/:")+1:] }
