// Package verify is API Gateway's part of signing, for tests: a handler that lets through what is signed well, and
// answers the rest as API Gateway does.
//
// It computes signatures by itself, from AWS's description of version 4, so that it agrees with the signer for no other
// reason than that both are right. It is for tests alone: it knows one service, and trusts clocks. Start with Gateway.
package verify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Gateway is API Gateway with one stage that wants IAM signatures.
type Gateway struct {
	Stage  string // its path: /prod
	Region string
	Next   http.Handler

	mu   sync.Mutex
	keys map[string]Key
}

// Key is an access key that somebody has.
type Key struct {
	Secret, Session string
	Expired, Denied bool
}

// Allow makes a key known.
func (g *Gateway) Allow(id string, k Key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.keys == nil {
		g.keys = map[string]Key{}
	}
	g.keys[id] = k
}

// ServeHTTP checks the signature, and gives what is good to Next, without the stage in its path.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), g.Stage)
	if !ok || r.Header.Get("Authorization") == "" {
		refuse(w, "MissingAuthenticationTokenException", "Missing Authentication Token")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if kind, why := g.check(r, body); kind != "" {
		refuse(w, kind, why)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	u := *r.URL
	u.RawPath = path
	if u.Path, err = url.PathUnescape(path); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.URL = &u
	g.Next.ServeHTTP(w, r)
}

func refuse(w http.ResponseWriter, kind, why string) {
	w.Header().Set("X-Amzn-Errortype", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	_, _ = fmt.Fprintf(w, `{"message":%q}`, why)
}

// check gives the type and the text of a refusal.
func (g *Gateway) check(r *http.Request, body []byte) (kind, why string) {
	const scheme = "AWS4-HMAC-SHA256 "
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), scheme)
	if !ok {
		return "IncompleteSignatureException", "not a signature of version 4"
	}
	part := map[string]string{}
	for _, p := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		part[name] = value
	}
	scope := strings.Split(part["Credential"], "/")
	if len(scope) != 5 {
		return "IncompleteSignatureException", "no credential"
	}
	g.mu.Lock()
	key, known := g.keys[scope[0]]
	g.mu.Unlock()
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	switch {
	case !known || key.Session != r.Header.Get("X-Amz-Security-Token"):
		return "UnrecognizedClientException", "The security token included in the request is invalid."
	case key.Expired:
		return "ExpiredTokenException", "The security token included in the request is expired"
	case scope[2] != g.Region || scope[3] != "execute-api" || scope[4] != "aws4_request":
		return "InvalidSignatureException", "Credential should be scoped to a valid region and to execute-api, not " + part["Credential"]
	case err != nil || at.Format("20060102") != scope[1] || time.Since(at).Abs() > 5*time.Minute:
		return "InvalidSignatureException", "Signature expired"
	}
	signed := strings.Split(part["SignedHeaders"], ";")
	if !slices.Contains(signed, "host") || !slices.IsSorted(signed) {
		return "InvalidSignatureException", "host must be signed, and headers sorted"
	}
	for name := range r.Header {
		if n := strings.ToLower(name); strings.HasPrefix(n, "x-amz-") && n != "x-amz-content-sha256" && !slices.Contains(signed, n) {
			return "InvalidSignatureException", n + " must be signed"
		}
	}
	text := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), strings.Join(scope[1:], "/"), hash([]byte(canonical(r, signed, body)))}, "\n")
	k := []byte("AWS4" + key.Secret)
	for _, step := range append(scope[1:], text) {
		k = mac(k, step)
	}
	if hex.EncodeToString(k) != part["Signature"] {
		return "InvalidSignatureException", "The request signature we calculated does not match the signature you provided."
	}
	if key.Denied {
		return "AccessDeniedException", "User: arn:aws:iam::123456789012:user/reader is not authorized to perform: execute-api:Invoke on resource: " + r.URL.EscapedPath()
	}
	return "", ""
}

// canonical is the request as it is signed. Every segment of the path is encoded once more than it was sent.
func canonical(r *http.Request, signed []string, body []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", r.Method, encode(r.URL.EscapedPath(), "/"))
	var query []string
	for _, pair := range strings.Split(r.URL.RawQuery, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		query = append(query, encode(decode(name), "")+"="+encode(decode(value), ""))
	}
	slices.Sort(query)
	fmt.Fprintf(&b, "%s\n", strings.Join(query, "&"))
	for _, name := range signed {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = fmt.Sprint(r.ContentLength)
		}
		fmt.Fprintf(&b, "%s:%s\n", name, strings.Join(strings.Fields(value), " "))
	}
	fmt.Fprintf(&b, "\n%s\n%s", strings.Join(signed, ";"), hash(body))
	return b.String()
}

func decode(s string) string {
	d, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return d
}

// encode percent-encodes all but unreserved characters and those in keep.
func encode(s, keep string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~"+keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func hash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}
