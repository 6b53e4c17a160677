package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
)

// answering is an API that answers all with the same, and keeps the last request.
func answering(t *testing.T, status int, header http.Header, body string) (url string, last func() *http.Request) {
	t.Helper()
	var kept *http.Request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept = r
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client may have gone
	}))
	t.Cleanup(s.Close)
	return s.URL, func() *http.Request { return kept }
}

var cart = bootstrap.NodeID{Mesh: "shop", Kind: "virtualNode", Name: "team/..cart é"}

func TestToken(t *testing.T) {
	url, last := answering(t, 200, nil, `{"token":"t","expiresAt":"2027-01-15T08:00:00Z","relay":"relay:15010","ca":"PEM"}`)
	got, err := New(url+"/prod/", cart, nil).Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (Token{Token: "t", Expires: time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC), Relay: "relay:15010", CA: "PEM"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if r := last(); r.Method != http.MethodPost || r.URL.EscapedPath() != "/prod/v1/meshes/shop/proxies/virtualNode/team%2F..cart%20%C3%A9/token" {
		t.Errorf("asked %s %s", r.Method, r.URL.EscapedPath())
	}
}

func TestAddresses(t *testing.T) {
	url, last := answering(t, 200, nil, `{"addresses":["bind/8080","proxy"]}`)
	got, err := New(url, bootstrap.NodeID{Mesh: "..", Kind: "virtualGateway", Name: ".edge"}, nil).Addresses(t.Context())
	if err != nil || strings.Join(got, " ") != "bind/8080 proxy" {
		t.Error(got, err)
	}
	if r := last(); r.Method != http.MethodGet || r.URL.EscapedPath() != "/v1/meshes/%2E./proxies/virtualGateway/%2Eedge/addresses" {
		t.Errorf("asked %s %s", r.Method, r.URL.EscapedPath())
	}
}

// What is refused says why, and what to do about it; no error has a token.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header http.Header
		body   string
		want   string
	}{
		"no permission":    {403, nil, `{"message":"User: arn is not authorized"}`, "(403 User: arn is not authorized): the task role needs execute-api:Invoke"},
		"no node":          {404, http.Header{"X-Amzn-Errortype": {"NotFoundException:"}}, `{"message":"VirtualNode …"}`, "(404 NotFoundException: VirtualNode …)"},
		"no relay yet":     {503, http.Header{"X-Amzn-Errortype": {"ServiceUnavailableException"}}, `{"message":"no relay has started here yet"}`, "503 ServiceUnavailableException: no relay has started"},
		"another server":   {200, nil, `<html>`, "not what an Ownmesh API says"},
		"another API":      {200, nil, `{}`, "does not say where the relay is"},
		"no end":           {200, nil, `{"token":"secret","relay":"r:1","ca":"PEM"}`, "not until when it is good"},
		"no authority":     {200, nil, `{"token":"secret","relay":"r:1","expiresAt":"2027-01-15T08:00:00Z"}`, "not who signs"},
		"a wrong time":     {200, nil, `{"token":"secret","relay":"r:1","ca":"PEM","expiresAt":"soon"}`, "not what an Ownmesh API says"},
		"elsewhere":        {302, http.Header{"Location": {"http://127.0.0.1:1/"}}, ``, "the API answered 302"},
		"a page of errors": {502, nil, strings.Repeat("<p>", 200), "the API answered 502 <p>"},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := answering(t, c.status, c.header, c.body)
			_, err := New(url, cart, nil).Token(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || len(err.Error()) > 500 {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	_, err := New("http://127.0.0.1:1", cart, nil).Token(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the API can't be reached") {
		t.Error(err)
	}
}

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

// The signature is for execute-api, in the region that the host names, or the SDK's; the names in the path are encoded
// twice in it, as API Gateway wants.
func TestSign(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_REGION", "eu-west-1")
	named := environment(map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"})
	for endpoint, scope := range map[string]string{
		"https://abc.execute-api.us-east-2.amazonaws.com/prod":       "/us-east-2/execute-api/aws4_request",
		"https://abc.execute-api.cn-north-1.amazonaws.com.cn":        "/cn-north-1/execute-api/aws4_request",
		"https://mesh.example.com":                                   "/eu-west-1/execute-api/aws4_request",
		"http://127.0.0.1:4566/restapis/abc/prod":                    "/eu-west-1/execute-api/aws4_request",
		"https://vpce-1.execute-api.eu-central-1.vpce.amazonaws.com": "/eu-west-1/execute-api/aws4_request",
	} {
		sign, err := NewSigner(t.Context(), endpoint, named)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(http.MethodPost, endpoint+"/v1/meshes/a%2Fb", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := sign(t.Context(), req, []byte("{}")); err != nil || !strings.Contains(req.Header.Get("Authorization"), scope) {
			t.Errorf("%s: %q %v, want %s", endpoint, req.Header.Get("Authorization"), err, scope)
		}
	}
	if sign, err := NewSigner(t.Context(), "http://localhost:9080", environment(nil)); sign != nil || err != nil {
		t.Error("calls to this machine are signed where nothing names credentials", err)
	}
}

// As AWS documents it, computed apart from the SDK over the canonical request: POST, the path encoded twice, no query, host and
// time, the hash of {}.
func TestSignature(t *testing.T) {
	at := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	sign := signWith(credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""), "us-east-1", func() time.Time { return at })
	req, err := http.NewRequest(http.MethodPost, "https://abc.execute-api.us-east-1.amazonaws.com/prod/v1/meshes/shop/proxies/virtualNode/a%2Fb/token", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sign(t.Context(), req, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	const want = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261001/us-east-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=122d650a5a15490e893af595b6b4e2fbc611a9e6a3d68b475a636fd16b985836"
	if got := req.Header.Get("Authorization"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

type nobody struct{}

func (nobody) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{}, errors.New("no role")
}

func TestNoCredentials(t *testing.T) {
	url, _ := answering(t, 200, nil, `{}`)
	_, err := New(url, cart, signWith(nobody{}, "us-east-1", time.Now)).Token(t.Context())
	if err == nil || !strings.Contains(err.Error(), "get credentials (in ECS, the task role's): no role") {
		t.Error(err)
	}
}
