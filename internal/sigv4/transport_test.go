package sigv4_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ownmesh/ownmesh/internal/sigv4"
	"github.com/ownmesh/ownmesh/internal/sigv4/verify"
)

const region = "eu-west-1"

// echo answers with what it was asked.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Amzn-Remapped-X-Amzn-Errortype", "TestException")
	_, _ = io.WriteString(w, r.Method+" "+r.URL.EscapedPath()+"?"+r.URL.RawQuery+" "+r.Header.Get("X-Amz-Meta")+" "+string(body))
})

// source gives its first credentials until they are refused.
type source struct {
	all    []aws.Credentials
	err    error
	renews int
}

func (s *source) Retrieve(context.Context) (aws.Credentials, error) {
	if s.err != nil {
		return aws.Credentials{}, s.err
	}
	return s.all[0], nil
}

func (s *source) Renew(_ context.Context, refused aws.Credentials) bool {
	s.renews++
	if len(s.all) < 2 || s.all[0] != refused {
		return false
	}
	s.all = s.all[1:]
	return true
}

// gateway is an API Gateway that lets through keys called good, with a session for "session".
func gateway(t *testing.T) (*verify.Gateway, string) {
	t.Helper()
	g := &verify.Gateway{Stage: "/prod", Region: region, Next: echo}
	g.Allow("good", verify.Key{Secret: "secret"})
	g.Allow("session", verify.Key{Secret: "another", Session: "token/with+signs="})
	g.Allow("expired", verify.Key{Secret: "secret", Expired: true})
	g.Allow("denied", verify.Key{Secret: "secret", Denied: true})
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	return g, s.URL
}

func credentials(id, secret, session string) aws.Credentials {
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: session}
}

// ask sends a request whose path goes out as it is written.
func ask(t *testing.T, s *source, method, url, body string, headers ...string) (*http.Response, string, error) {
	t.Helper()
	c := http.Client{Transport: &sigv4.Transport{Source: s, Region: region}}
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(answer), nil
}

func TestSignaturesAreTaken(t *testing.T) {
	_, url := gateway(t)
	for _, s := range []*source{{all: []aws.Credentials{credentials("good", "secret", "")}}, {all: []aws.Credentials{credentials("session", "another", "token/with+signs=")}}} {
		for _, c := range []struct{ method, path, query, body string }{
			{"GET", "/v20190125/meshes", "", ""},
			{"PUT", "/v20190125/meshes", "", `{"meshName":"shop"}`},
			{"GET", "/v20190125/meshes/a%2Fb%20c/virtualNodes", "limit=3&nextToken=a%2Bb%2F%3D", ""},
			{"GET", "/v20190125/meshes/%C3%A4%E8%AA%9E%2E%2E~-_.!*'()", "b=2&a=1&a=0&c", ""},
			{"DELETE", "/v1/namespaces/shop.local/services/cart/instances/arn:aws:ecs:x%2Fy", "", ""},
			{"PUT", "/v20190125/tag", "resourceArn=arn%3Aaws%3Aappmesh%3Ax%3A1%3Amesh%2Fshop", `{}`},
		} {
			res, answer, err := ask(t, s, c.method, url+"/prod"+c.path+"?"+c.query, c.body,
				"Content-Type", "application/json", "Authorization", "AWS4-HMAC-SHA256 Credential=other", "X-Amz-Date", "20200101T000000Z",
				"X-Amz-Security-Token", "other", "X-Amz-Content-Sha256", "other", "X-Amz-Meta", "kept")
			if err != nil {
				t.Fatal(err)
			}
			want := c.method + " " + c.path + "?"
			if res.StatusCode != http.StatusOK || !strings.HasPrefix(answer, want) || !strings.HasSuffix(answer, " kept "+c.body) {
				t.Errorf("%s %s: %s, %s", c.method, c.path, res.Status, answer)
			}
			if res.Header.Get("X-Amzn-Errortype") != "TestException" {
				t.Errorf("the error's type is lost: %v", res.Header)
			}
		}
	}
}

func TestPresignedRequestsAreSignedAnew(t *testing.T) {
	_, url := gateway(t)
	s := &source{all: []aws.Credentials{credentials("good", "secret", "")}}
	_, answer, err := ask(t, s, "GET", url+"/prod/v1/version?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=o%2F1&X-Amz-Signature=00&a=1&X-Amz-Expires=9", "")
	if err != nil || !strings.HasPrefix(answer, "GET /v1/version?a=1 ") {
		t.Errorf("got %q, %v", answer, err)
	}
}

func TestRefusals(t *testing.T) {
	_, url := gateway(t)
	for name, c := range map[string]struct {
		s    *source
		path string
		want string
	}{
		"a wrong secret":  {&source{all: []aws.Credentials{credentials("good", "guessed", "")}}, "/prod/x", "InvalidSignatureException"},
		"an unknown key":  {&source{all: []aws.Credentials{credentials("nobody", "secret", "")}}, "/prod/x", "UnrecognizedClientException"},
		"a wrong session": {&source{all: []aws.Credentials{credentials("good", "secret", "old")}}, "/prod/x", "UnrecognizedClientException"},
		"no permission":   {&source{all: []aws.Credentials{credentials("denied", "secret", "")}}, "/prod/x", "AccessDeniedException"},
		"no stage":        {&source{all: []aws.Credentials{credentials("good", "secret", "")}}, "/x", "MissingAuthenticationTokenException"},
	} {
		res, _, err := ask(t, c.s, "GET", url+c.path, "")
		if err != nil || res.StatusCode != http.StatusForbidden || res.Header.Get("X-Amzn-Errortype") != c.want {
			t.Errorf("%s: %v, %v, want %s", name, res, err, c.want)
		}
	}
	_, _, err := ask(t, &source{err: errors.New("signed out")}, "GET", url+"/prod/x", "")
	var none *sigv4.CredentialsError
	if !errors.As(err, &none) || !strings.Contains(err.Error(), "signed out") {
		t.Errorf("without credentials: %v", err)
	}
	_, _, err = ask(t, &source{all: []aws.Credentials{credentials("good", "secret", "")}}, "PUT", url+"/prod/x", strings.Repeat("x", sigv4.MaxBody+1))
	if !errors.Is(err, sigv4.ErrTooLarge) {
		t.Errorf("a large body: %v", err)
	}
}

func TestExpiredCredentialsAreRenewedOnce(t *testing.T) {
	_, url := gateway(t)
	s := &source{all: []aws.Credentials{credentials("expired", "secret", ""), credentials("good", "secret", "")}}
	res, answer, err := ask(t, s, "PUT", url+"/prod/x", "body")
	if err != nil || res.StatusCode != http.StatusOK || !strings.HasSuffix(answer, "body") || s.renews != 1 {
		t.Errorf("got %v, %q, %v, after %d renewals", res, answer, err, s.renews)
	}
	s = &source{all: []aws.Credentials{credentials("expired", "secret", ""), credentials("expired", "secret", "")}}
	if res, _, err = ask(t, s, "PUT", url+"/prod/x", "body"); err != nil || !sigv4.Expired(res) || s.renews != 1 {
		t.Errorf("got %v, %v, after %d renewals", res, err, s.renews)
	}
}

// aSetting makes tests see no AWS settings but their own.
func aSetting(t *testing.T) (credentialsFile string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	file := filepath.Join(dir, "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	return file
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Who signs in while the proxy runs is served without a restart.
func TestFilesAreReadAgain(t *testing.T) {
	file := aSetting(t)
	_, address := gateway(t)
	u, err := sigv4.ParseURL(address + "/prod")
	if err != nil {
		t.Fatal(err)
	}
	transport, err := sigv4.Open(t.Context(), u, sigv4.Options{Profile: "", Region: region})
	if err != nil {
		t.Fatal(err)
	}
	c := http.Client{Transport: transport}
	status := func() (int, error) {
		res, err := c.Get(address + "/prod/x")
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	if _, err := status(); err == nil || !strings.Contains(err.Error(), "no valid AWS credentials") {
		t.Errorf("without credentials: %v", err)
	}
	write(t, file, "[default]\naws_access_key_id = expired\naws_secret_access_key = secret\n")
	if got, err := status(); got != http.StatusForbidden || err != nil {
		t.Errorf("with expired ones: %d, %v", got, err)
	}
	write(t, file, "[default]\naws_access_key_id = good\naws_secret_access_key = secret\n")
	if got, err := status(); got != http.StatusOK || err != nil {
		t.Errorf("with new ones: %d, %v", got, err)
	}
}

func TestWhereTheRegionComesFrom(t *testing.T) {
	aSetting(t)
	open := func(text string, o sigv4.Options) (string, error) {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		transport, err := sigv4.Open(t.Context(), u, o)
		if err != nil {
			return "", err
		}
		return transport.Region, nil
	}
	const api, custom = "https://a1b2c3d4e5.execute-api.ap-southeast-2.amazonaws.com/prod", "https://mesh.example.com"
	if _, err := open(custom, sigv4.Options{}); err == nil || !strings.Contains(err.Error(), "--region") {
		t.Errorf("without any: %v", err)
	}
	t.Setenv("AWS_REGION", "us-west-2")
	for _, c := range []struct{ url, option, want string }{
		{api, "", "ap-southeast-2"}, {api, "eu-north-1", "eu-north-1"}, {custom, "", "us-west-2"}, {custom, "eu-north-1", "eu-north-1"},
	} {
		if got, err := open(c.url, sigv4.Options{Region: c.option}); got != c.want || err != nil {
			t.Errorf("%s with %q is signed for %q, %v; want %s", c.url, c.option, got, err, c.want)
		}
	}
	if _, err := open(api, sigv4.Options{Profile: "missing"}); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("with a profile that is not there: %v", err)
	}
}

// TestAnMFACodeIsNotAskedFor: but it is said how to bring one.
func TestAnMFACodeIsNotAskedFor(t *testing.T) {
	aSetting(t)
	file := filepath.Join(t.TempDir(), "config")
	write(t, file, "[profile deployer]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = base\nmfa_serial = arn:aws:iam::111122223333:mfa/me\n"+
		"[profile base]\naws_access_key_id = good\naws_secret_access_key = secret\n")
	t.Setenv("AWS_CONFIG_FILE", file)
	u, err := sigv4.ParseURL("https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/mesh")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sigv4.Open(t.Context(), u, sigv4.Options{Profile: "deployer"}); err == nil || !strings.Contains(err.Error(), "aws configure export-credentials") {
		t.Errorf("got %v", err)
	}
}

func TestParseURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://a1.execute-api.eu-west-1.amazonaws.com/prod":  "",
		"http://127.0.0.1:4566/restapis/x/prod/_user_request_": "",
		"http://a1.execute-api.localhost:4566/prod":            "",
		"http://[::1]:4566":       "",
		"http://mesh.example.com": "must be https",
		"127.0.0.1:9080":          "must be the URL",
		"ftp://x":                 "must be the URL",
		"https://me:secret@x":     "without a user",
		"https://x/prod?a=1":      "must be the URL",
		"":                        "must be the URL",
	} {
		if _, err := sigv4.ParseURL(text); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
