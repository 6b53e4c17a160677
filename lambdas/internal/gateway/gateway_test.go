package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ask sends an event through and gives the answer.
func ask(t *testing.T, h http.HandlerFunc, event string) response {
	t.Helper()
	out, err := Handler{h}.Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var r response
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func event(path string) string {
	p, _ := json.Marshal(path)
	return fmt.Sprintf(`{"httpMethod":"GET","path":%s,"requestContext":{"domainName":"x.execute-api.eu-west-1.amazonaws.com"}}`, p)
}

// TestPathsArriveAsTheyWereSent: what is encoded stays so, byte for byte; what an emulator decoded is made a path again.
func TestPathsArriveAsTheyWereSent(t *testing.T) {
	for sent, want := range map[string]string{
		"/v20190125/meshes/a%2Fb":     "/v20190125/meshes/a%2Fb",
		"/v20190125/meshes/a%2fb":     "/v20190125/meshes/a%2fb",
		"/v20190125/meshes/50%25":     "/v20190125/meshes/50%25",
		"/v20190125/meshes/a%252Fb":   "/v20190125/meshes/a%252Fb",
		"/v20190125/meshes/%C3%A4+b":  "/v20190125/meshes/%C3%A4+b",
		"/v20190125/meshes/%2E%2E":    "/v20190125/meshes/%2E%2E",
		"/v20190125/meshes/..":        "/v20190125/meshes/..",
		"//v20190125//meshes":         "//v20190125//meshes",
		"/a:b@c!$&'()*,;=~":           "/a:b@c!$&'()*,;=~",
		"/v20190125/meshes/ä ö":       "/v20190125/meshes/%C3%A4%20%C3%B6",
		"/v20190125/meshes/x?y#z":     "/v20190125/meshes/x%3Fy%23z",
		"/v20190125/meshes/50%":       "/v20190125/meshes/50%25",
		"/v20190125/meshes/50%zz\x00": "/v20190125/meshes/50%25zz%00",
	} {
		var got, uri string
		ask(t, func(_ http.ResponseWriter, r *http.Request) { got, uri = r.URL.EscapedPath(), r.RequestURI }, event(sent))
		if got != want || uri != want {
			t.Errorf("%q arrived as %q (URI %q), want %q", sent, got, uri, want)
		}
	}
}

func TestTheWholeRequestArrives(t *testing.T) {
	ask(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "PUT" || string(body) != `{"a":1}` || r.ContentLength != 7 {
			t.Errorf("%s with body %q of %d", r.Method, body, r.ContentLength)
		}
		if q := r.URL.Query(); q.Get("limit") != "5" || strings.Join(q["tag"], ",") != "a&b,c=d" {
			t.Errorf("query %v", q)
		}
		if h := r.Header; h.Get("Content-Type") != "application/json" || strings.Join(h["X-Twice"], ",") != "1,2" {
			t.Errorf("headers %v", h)
		}
		if got := Caller(r); got != "arn:aws:iam::123456789012:user/ann" {
			t.Errorf("caller %q", got)
		}
		if r.Host != "api.example" || r.RemoteAddr != "192.0.2.1" {
			t.Errorf("host %q, from %q", r.Host, r.RemoteAddr)
		}
	}, `{"httpMethod":"PUT","path":"/p","body":"eyJhIjoxfQ==","isBase64Encoded":true,
"headers":{"Content-Type":"text/plain"},"multiValueHeaders":{"content-type":["application/json"],"x-twice":["1","2"]},
"queryStringParameters":{"limit":"6"},"multiValueQueryStringParameters":{"limit":["5"],"tag":["a&b","c=d"]},
"requestContext":{"domainName":"api.example","identity":{"userArn":"arn:aws:iam::123456789012:user/ann","caller":"AIDA","sourceIp":"192.0.2.1"}}}`)
}

func TestAnswers(t *testing.T) {
	r := ask(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("x-amzn-RequestId", "1")
		w.Header().Set("Content-Length", "5")
		w.WriteHeader(http.StatusNotFound)
		w.Header().Set("Late", "1")
		_, _ = w.Write([]byte("hé\n"))
		if Caller(r) != "unknown" {
			t.Errorf("caller %q", Caller(r))
		}
	}, event("/"))
	if r.Status != 404 || r.Body != "hé\n" || r.Base64 || fmt.Sprint(r.Headers) != "map[X-Amzn-Requestid:[1]]" {
		t.Errorf("got %+v", r)
	}
	if r := ask(t, func(http.ResponseWriter, *http.Request) {}, event("/")); r.Status != 200 || r.Body != "" {
		t.Errorf("an empty answer: %+v", r)
	}
	if r := ask(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff}) }, event("/")); !r.Base64 || r.Body != "/w==" {
		t.Errorf("bytes: %+v", r)
	}
}

// TestAnswersThatLambdaCantSend are errors that say what to do, where API Gateway would say "Internal server error".
func TestAnswersThatLambdaCantSend(t *testing.T) {
	r := ask(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat(`"`, 3<<20))) }, event("/"))
	if r.Status != 400 || !strings.Contains(r.Body, "ask for less") || r.Headers["X-Amzn-Errortype"][0] != "BadRequestException" {
		t.Errorf("got %d %.200s", r.Status, r.Body)
	}
	r = ask(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat(`x`, 5<<20))) }, event("/"))
	if r.Status != 200 || len(r.Body) != 5<<20 {
		t.Errorf("got %d with %d bytes", r.Status, len(r.Body))
	}
}

// TestRequestsEndBeforeTheLambdaDoes, so that there is time for an answer.
func TestRequestsEndBeforeTheLambdaDoes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 29*time.Second)
	defer cancel()
	_, err := Handler{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if d, ok := r.Context().Deadline(); !ok || time.Until(d) > 27*time.Second || time.Until(d) < 20*time.Second {
			t.Errorf("the request's deadline is %v, %v", d, ok)
		}
	})}.Invoke(ctx, []byte(event("/")))
	if err != nil {
		t.Error(err)
	}
}

func TestBrokenEvents(t *testing.T) {
	for _, e := range []string{``, `{}`, `[]`, `{"version":"2.0","rawPath":"/a","requestContext":{"http":{"method":"GET"}}}`} {
		if out, err := (Handler{http.NotFoundHandler()}).Invoke(t.Context(), []byte(e)); err == nil {
			t.Errorf("%s: got %s", e, out)
		}
	}
	for _, e := range []string{
		`{"httpMethod":"PUT","path":"/p","body":"!","isBase64Encoded":true}`,
		`{"httpMethod":"PUT","path":"no-slash"}`,
		`{"httpMethod":"A B","path":"/"}`,
	} {
		if r := ask(t, func(http.ResponseWriter, *http.Request) { t.Error("arrived") }, e); r.Status != 400 {
			t.Errorf("%s: got %d", e, r.Status)
		}
	}
}
