// Package client speaks to an Ownmesh server over HTTP: App Mesh's API as raw JSON, and Ownmesh's own under /v1.
//
// It keeps specs as they are sent, knows no defaults and validates nothing: what is wrong, the server says. It signs
// nothing by itself: for a server in AWS, Through takes a transport that does. Errors are *Error where the server answered, and ErrUnreachable where it
// did not. Start with New; resources are in resources.go, Ownmesh's own calls in v1.go.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"
)

// ErrUnreachable says that no answer came, or none that an Ownmesh server would give.
var ErrUnreachable = errors.New("server can't be reached")

// ErrStranger is the ErrUnreachable of a server that answers as no Ownmesh server does.
var ErrStranger = stranger{}

type stranger struct{}

func (stranger) Error() string        { return "that is no Ownmesh server" }
func (stranger) Is(target error) bool { return target == ErrUnreachable }

const (
	apiRoot = "/v20190125"
	ownRoot = "/v1"

	maxAnswer   = 64 << 20         // bytes of one answer that are read; a mesh's report of findings can be long
	retryFor    = 10 * time.Second // how long a throttled call is tried again
	callTimeout = 30 * time.Second // of one attempt
)

// Error is the server's refusal.
type Error struct {
	Status    int    // of HTTP
	Type      string // NotFoundException …
	Message   string
	RequestID string
}

// Error is the type and the message, as the server worded them.
func (e *Error) Error() string { return e.Type + ": " + e.Message }

// Is makes errors.Is(err, ErrNotFound) work.
func (e *Error) Is(target error) bool {
	return target == ErrNotFound && e.Type == "NotFoundException"
}

// ErrNotFound matches an *Error of type NotFoundException.
var ErrNotFound = errors.New("not found")

// Client calls one server. It is safe for concurrent use.
type Client struct {
	base string // scheme, host and maybe a path, without a slash at the end
	http *http.Client
}

// New makes a client for the server at endpoint, such as http://127.0.0.1:9080.
func New(endpoint string) (*Client, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("endpoint %q must be a URL such as http://127.0.0.1:9080", endpoint)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // the server is on this machine; HTTP_PROXY may well point at a sidecar
	transport.MaxIdleConnsPerHost = 16
	return &Client{
		base: strings.TrimRight(endpoint, "/"),
		http: &http.Client{Transport: transport, Timeout: callTimeout},
	}, nil
}

// Over makes a client whose calls go through transport, as to a handler in this process.
func Over(transport http.RoundTripper) *Client {
	return &Client{base: "http://127.0.0.1", http: &http.Client{Transport: transport, Timeout: callTimeout}}
}

// Through makes a client of the same server whose calls go through transport, as to one that wants them signed.
func (c *Client) Through(transport http.RoundTripper) *Client {
	return &Client{base: c.base, http: &http.Client{
		Transport: transport, Timeout: callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Endpoint is what New got.
func (c *Client) Endpoint() string { return c.base }

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call is one request: what it says, and where its answer goes.
type call struct {
	method string
	path   string // escaped, from the root
	query  url.Values
	body   any    // nil: none
	into   any    // nil: the answer is dropped
	needs  string // a member that every Ownmesh server's answer has: others answer any path with some JSON
}

// do sends a call, again while the server says that it is too busy: writes carry a token, so that is safe.
func (c *Client) do(ctx context.Context, k call) error {
	var body []byte
	if k.body != nil {
		var err error
		if body, err = json.Marshal(k.body); err != nil {
			return fmt.Errorf("marshal the request: %w", err)
		}
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = 50 * time.Millisecond
	answer, err := backoff.Retry(ctx, func() ([]byte, error) {
		answer, err := c.attempt(ctx, k, body)
		if e := (*Error)(nil); errors.As(err, &e) && (e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable) {
			return nil, err
		} else if err != nil {
			return nil, backoff.Permanent(err)
		}
		return answer, nil
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(retryFor))
	if p := (*backoff.PermanentError)(nil); errors.As(err, &p) {
		err = p.Unwrap()
	}
	if err != nil {
		return err
	}
	if k.into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, k.into); err != nil {
		return fmt.Errorf("%w: the answer to %s %s is not what an Ownmesh server says: %w", ErrStranger, k.method, k.path, err)
	}
	if k.needs == "" {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(answer, &members); err != nil || members[k.needs] == nil {
		return fmt.Errorf("%w: the answer to %s %s has no %s", ErrStranger, k.method, k.path, k.needs)
	}
	return nil
}

func (c *Client) attempt(ctx context.Context, k call, body []byte) ([]byte, error) {
	target := c.base + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer func() { _ = res.Body.Close() }() // what was read is checked
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("%w: read the answer to %s %s: %w", ErrUnreachable, k.method, k.path, err)
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("the answer to %s %s is longer than %d MB", k.method, k.path, maxAnswer>>20)
	}
	if res.StatusCode != http.StatusOK {
		return nil, refusal(res, answer)
	}
	return answer, nil
}

// refusal reads an error as App Mesh's clients do: the type from the header, else from the body.
func refusal(res *http.Response, answer []byte) error {
	var b struct {
		Message string `json:"message"`
		Type    string `json:"__type"`
		Code    string `json:"code"`
	}
	_ = json.Unmarshal(answer, &b) // an answer that is no JSON has no type either, and is reported below
	typ := res.Header.Get("X-Amzn-Errortype")
	for _, other := range []string{b.Type, b.Code} {
		if typ == "" {
			typ = other
		}
	}
	typ, _, _ = strings.Cut(typ, ":")
	if i := strings.LastIndex(typ, "#"); i >= 0 {
		typ = typ[i+1:]
	}
	if typ == "" {
		return fmt.Errorf("%w: %s answered %s, which is not what an Ownmesh server says", ErrStranger, res.Request.URL.Host, res.Status)
	}
	return &Error{Status: res.StatusCode, Type: typ, Message: b.Message, RequestID: res.Header.Get("X-Amzn-Requestid")}
}

// path joins segments, each escaped: names may hold slashes, or be two dots.
func path(root string, segments ...string) string {
	var b strings.Builder
	b.WriteString(root)
	for _, s := range segments {
		s = url.PathEscape(s)
		if s == "." || s == ".." {
			s = strings.ReplaceAll(s, ".", "%2E")
		}
		b.WriteString("/" + s)
	}
	return b.String()
}

// token makes a client token, which lets the server recognize a write that is sent again.
func token() string { return uuid.NewString() }
