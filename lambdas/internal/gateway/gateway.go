// Package gateway answers requests of an API Gateway REST API with an http.Handler.
//
// It is our own because what the API stands on is what adapters tend to lose: a path exactly as it was sent (a name may
// hold an encoded slash), and who asks. It decides nothing: API Gateway has checked signature and permission. Start
// with Handler.Invoke.
package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// maxAnswer is what a Lambda may answer with, 6 MB, less what escaping a body as JSON in JSON may add.
const maxAnswer = 6<<20 - 64<<10

// request is what API Gateway sends (Lambda proxy integration, payload 1.0), as far as it matters here.
type request struct {
	Path    string              `json:"path"` // as it was sent, still percent-encoded
	Method  string              `json:"httpMethod"`
	Headers map[string][]string `json:"multiValueHeaders"`
	Query   map[string][]string `json:"multiValueQueryStringParameters"` // decoded
	Body    string              `json:"body"`
	Base64  bool                `json:"isBase64Encoded"`
	Context struct {
		Domain   string `json:"domainName"`
		Identity struct {
			UserARN  string `json:"userArn"`
			Caller   string `json:"caller"`
			SourceIP string `json:"sourceIp"`
		} `json:"identity"`
	} `json:"requestContext"`
}

type response struct {
	Status  int                 `json:"statusCode"`
	Headers map[string][]string `json:"multiValueHeaders"`
	Body    string              `json:"body"`
	Base64  bool                `json:"isBase64Encoded"`
}

// margin is what is kept of the Lambda's time: a request that takes too long is ended while it can still be answered.
const margin = 2 * time.Second

// Handler is a Lambda handler over an http.Handler.
type Handler struct{ http.Handler }

// Invoke implements lambda.Handler.
func (h Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var in request
	if err := json.Unmarshal(payload, &in); err != nil {
		return nil, fmt.Errorf("read a request of API Gateway: %w", err)
	}
	if in.Method == "" || in.Path == "" {
		return nil, fmt.Errorf("this is no request of a REST API's Lambda proxy integration: httpMethod %q, path %q", in.Method, in.Path)
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
	}
	r, err := in.http(ctx)
	if err != nil {
		return json.Marshal(failure(http.StatusBadRequest, "BadRequestException", err.Error()))
	}
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(w, r)
	return w.answer()
}

type callerKey struct{}

// Caller is the ARN of who signed the request; "unknown" if API Gateway did not say, which it does for every signed one.
func Caller(r *http.Request) string {
	if caller, _ := r.Context().Value(callerKey{}).(string); caller != "" {
		return caller
	}
	return "unknown"
}

// http makes the request that the handler would have got from the client.
func (in request) http(ctx context.Context) (*http.Request, error) {
	body := []byte(in.Body)
	if in.Base64 {
		var err error
		if body, err = base64.StdEncoding.DecodeString(in.Body); err != nil {
			return nil, fmt.Errorf("the body is not base64: %w", err)
		}
	}
	caller := in.Context.Identity.UserARN
	if caller == "" {
		caller = in.Context.Identity.Caller
	}
	path := escapeStray(in.Path)
	u, err := url.ParseRequestURI(path)
	if err != nil || !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("path %q is not a path in percent-encoding", in.Path)
	}
	u.Scheme, u.Host, u.RawQuery = "https", in.Context.Domain, url.Values(in.Query).Encode()
	r, err := http.NewRequestWithContext(context.WithValue(ctx, callerKey{}, caller), in.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("method %q or host %q is not valid", in.Method, in.Context.Domain)
	}
	for name, values := range in.Headers {
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
	r.RemoteAddr, r.RequestURI = in.Context.Identity.SourceIP, u.RequestURI()
	return r, nil
}

// escapeStray escapes what no encoded path holds, and leaves a path in percent-encoding as it is, byte for byte. API
// Gateway sends only the latter; emulators send paths decoded.
func escapeStray(path string) string {
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		stray := c <= ' ' || c >= utf8.RuneSelf || strings.IndexByte("?#\x7f\"<>\\^`{|}", c) >= 0 ||
			c == '%' && (i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2]))
		if stray {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// recorder is the http.ResponseWriter of one answer, which is sent as a whole.
type recorder struct {
	header http.Header
	sent   http.Header // as it was when the status was written
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.sent == nil {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

func (w *recorder) answer() ([]byte, error) {
	w.WriteHeader(http.StatusOK)
	out := response{Status: w.status, Headers: w.sent, Body: w.body.String()}
	delete(out.Headers, "Content-Length") // API Gateway counts for itself
	if !utf8.Valid(w.body.Bytes()) {
		out.Body, out.Base64 = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	answer, err := json.Marshal(out)
	if err != nil || len(answer) <= maxAnswer {
		return answer, err
	}
	return json.Marshal(failure(http.StatusBadRequest, "BadRequestException", fmt.Sprintf(
		"the answer has %d bytes, and through API Gateway at most %d can be sent: ask for less (a smaller limit, or one resource)", w.body.Len(), maxAnswer)))
}

// failure is an error as core/api answers it.
func failure(status int, kind, message string) response {
	body, err := json.Marshal(map[string]string{"message": message})
	if err != nil {
		panic(err) // a string always marshals
	}
	return response{Status: status, Body: string(body), Headers: map[string][]string{
		"Content-Type": {"application/json"}, "X-Amzn-Errortype": {kind},
	}}
}
