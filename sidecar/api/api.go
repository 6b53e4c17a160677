// Package api asks Ownmesh's API what a sidecar must know: its token, its relay, and the addresses that explicit
// interception needs.
//
// It asks once a call and tries nothing again: how long to insist is the caller's to say. It never logs, and no error
// holds a token. Start with New.
package api

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

	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
)

const (
	callTimeout = 10 * time.Second
	maxAnswer   = 1 << 20 // bytes
)

// Token is what a proxy needs to reach its relay. On one machine Relay is all there is.
type Token struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expiresAt"`
	Relay   string    `json:"relay"` // host:port
	CA      string    `json:"ca"`    // PEM: who signs relays' certificates
}

// Error is the API's refusal, or what stands before it: API Gateway's.
type Error struct {
	Status  int    // of HTTP
	Type    string // NotFoundException …; may be ""
	Message string
}

// Error says what the API said, and what to do where that is known.
func (e *Error) Error() string {
	said := strings.TrimPrefix(e.Type+": "+e.Message, ": ")
	switch e.Status {
	case http.StatusForbidden:
		return fmt.Sprintf("the API refuses (403 %s): the task role needs execute-api:Invoke for this path", said)
	case http.StatusNotFound:
		return fmt.Sprintf("the API does not know it (404 %s)", said)
	}
	return fmt.Sprintf("the API answered %d %s", e.Status, said)
}

// Signer puts a signature on a request with this body.
type Signer func(ctx context.Context, req *http.Request, body []byte) error

// Client asks for one proxy.
type Client struct {
	base string
	id   bootstrap.NodeID
	sign Signer // nil: requests are not signed
	http *http.Client
}

// New makes a client of the API at endpoint, a URL that may have a path, for one proxy.
func New(endpoint string, id bootstrap.NodeID, sign Signer) *Client {
	return &Client{base: strings.TrimRight(endpoint, "/"), id: id, sign: sign, http: &http.Client{
		Timeout: callTimeout,
		// A signature is for one host: to follow would be to hand it on.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Token asks for a new token.
func (c *Client) Token(ctx context.Context) (Token, error) {
	var t Token
	if err := c.call(ctx, http.MethodPost, "token", &t); err != nil {
		return t, fmt.Errorf("ask for a token of %s/%s in mesh %s: %w", c.id.Kind, c.id.Name, c.id.Mesh, err)
	}
	switch {
	case t.Relay == "":
		return t, errors.New("the API's answer does not say where the relay is: is OWNMESH_API the URL of an Ownmesh API?")
	case t.Token != "" && (t.CA == "" || t.Expires.IsZero()):
		return t, errors.New("the API's answer has a token, but not who signs the relay's certificate, or not until when it is good")
	}
	return t, nil
}

// Addresses asks for the places that need a local address under explicit interception: bind/8080, proxy …
func (c *Client) Addresses(ctx context.Context) ([]string, error) {
	var a struct {
		Addresses []string `json:"addresses"`
	}
	if err := c.call(ctx, http.MethodGet, "addresses", &a); err != nil {
		return nil, fmt.Errorf("ask which addresses %s/%s in mesh %s needs: %w", c.id.Kind, c.id.Name, c.id.Mesh, err)
	}
	return a.Addresses, nil
}

func (c *Client) call(ctx context.Context, method, what string, into any) error {
	target := c.base + "/v1"
	for _, segment := range []string{"meshes", c.id.Mesh, "proxies", c.id.Kind, c.id.Name, what} {
		target += "/" + escape(segment)
	}
	var body []byte
	if method == http.MethodPost {
		body = []byte("{}")
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.sign != nil {
		if err := c.sign(ctx, req, body); err != nil {
			return fmt.Errorf("sign the request: %w", err)
		}
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("the API can't be reached: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // what was read is checked
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return refusal(res, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("the answer is not what an Ownmesh API says: %w", err) // names a member or an offset, never a value
	}
	return nil
}

// escape makes any name one segment of a path, two dots included.
func escape(name string) string {
	if strings.HasPrefix(name, ".") {
		return "%2E" + url.PathEscape(name[1:])
	}
	return url.PathEscape(name)
}

func refusal(res *http.Response, answer []byte) error {
	var b struct{ Message, Code string }
	if json.Unmarshal(answer, &b) != nil || b.Message == "" {
		b.Message = strings.ToValidUTF8(string(answer[:min(len(answer), 200)]), "")
	}
	typ, _, _ := strings.Cut(res.Header.Get("X-Amzn-Errortype"), ":")
	if typ == "" {
		typ = b.Code
	}
	return &Error{Status: res.StatusCode, Type: typ, Message: b.Message}
}
