// Package sigv4 signs requests to a deployed Ownmesh API, which API Gateway lets nobody reach unsigned: with the
// caller's own credentials, for the service execute-api.
//
// It keeps no credentials of its own, logs none, and follows no redirects: a signature is for one request. `ownmesh
// proxy` and the CLI stand on it. Start with Open; Transport does the signing.
package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// service is what API Gateway wants signatures for.
const service = "execute-api"

// MaxBody bounds a request's body: API Gateway hands a Lambda at most 6 MB.
const MaxBody = 6 << 20

// ErrTooLarge says that a body is larger than MaxBody.
var ErrTooLarge = fmt.Errorf("the body is larger than %d bytes, the most that API Gateway takes", MaxBody)

// CredentialsError says that there are no valid credentials.
type CredentialsError struct{ Err error }

func (e *CredentialsError) Error() string { return "no valid AWS credentials: " + e.Err.Error() }
func (e *CredentialsError) Unwrap() error { return e.Err }

// Source gives credentials.
type Source interface {
	Retrieve(context.Context) (aws.Credentials, error)
	// Renew looks for credentials anew: those that it gave are not taken any more. It says whether there are others now.
	Renew(ctx context.Context, refused aws.Credentials) bool
}

// Transport signs each request and sends it on. A signature that the request brought is replaced. The path goes out
// byte for byte as it is in the request's URL.
type Transport struct {
	Source Source
	Region string
	Now    func() time.Time  // nil: time.Now
	Base   http.RoundTripper // nil: http.DefaultTransport
}

// RoundTrip signs and sends. Where credentials are refused because they are over, and there are others meanwhile, it
// does so once more.
func (t *Transport) RoundTrip(in *http.Request) (*http.Response, error) {
	body, err := readBody(in)
	if err != nil {
		return nil, err
	}
	for again := false; ; again = true {
		credentials, err := t.Source.Retrieve(in.Context())
		if err != nil {
			return nil, &CredentialsError{Err: err}
		}
		out, err := t.sign(in, body, credentials)
		if err != nil {
			return nil, err
		}
		res, err := t.base().RoundTrip(out)
		if err != nil {
			return nil, err
		}
		nameAgain(res.Header)
		if again || !Expired(res) || !t.Source.Renew(in.Context(), credentials) {
			return res, nil
		}
		_ = res.Body.Close() // the next answer counts
	}
}

// nameAgain gives headers their names back that API Gateway keeps for itself: clients look for them.
func nameAgain(h http.Header) {
	for _, name := range []string{"X-Amzn-Errortype", "X-Amzn-Requestid"} {
		if values := h.Values("X-Amzn-Remapped-" + name); len(values) > 0 {
			h[name] = values
		}
	}
}

// Expired says whether an answer refuses credentials that were good once.
func Expired(res *http.Response) bool {
	if res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusUnauthorized {
		return false
	}
	kind, _, _ := strings.Cut(res.Header.Get("X-Amzn-Errortype"), ":")
	return OfCredentials(kind)
}

// OfCredentials says whether an error type refuses the credentials themselves.
func OfCredentials(errorType string) bool {
	switch errorType {
	case "ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId":
		return true
	}
	return false
}

// sign makes the signed request. Only what must be signed is: whatever is between here and API Gateway may change the
// other headers.
func (t *Transport) sign(in *http.Request, body []byte, credentials aws.Credentials) (*http.Request, error) {
	out := in.Clone(in.Context())
	strip(out)
	out.Body, out.ContentLength, out.TransferEncoding = http.NoBody, int64(len(body)), nil
	if len(body) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	signed := out.Clone(in.Context())
	signed.Header = http.Header{}
	for name, values := range out.Header {
		if name == "Content-Type" || strings.HasPrefix(name, "X-Amz-") {
			signed.Header[name] = values
		}
	}
	signed.Host = "" // the URL's
	hash := sha256.Sum256(body)
	now := time.Now
	if t.Now != nil {
		now = t.Now
	}
	if err := v4.NewSigner().SignHTTP(in.Context(), credentials, signed, hex.EncodeToString(hash[:]), service, t.Region, now()); err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	out.Host, out.URL = "", signed.URL
	for name, values := range signed.Header {
		out.Header[name] = values
	}
	return out, nil
}

// strip takes away the signature that a client made for somebody else.
func strip(r *http.Request) {
	for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256", "X-Amz-Region-Set", "Date"} {
		r.Header.Del(name)
	}
	if !strings.Contains(r.URL.RawQuery, "X-Amz-") {
		return
	}
	var kept []string
	for _, pair := range strings.Split(r.URL.RawQuery, "&") {
		switch name, _, _ := strings.Cut(pair, "="); name {
		case "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token":
		default:
			kept = append(kept, pair)
		}
	}
	r.URL.RawQuery = strings.Join(kept, "&")
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	defer func() { _ = r.Body.Close() }() // what was read is checked
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the request's body: %w", err)
	case len(body) > MaxBody:
		return nil, ErrTooLarge
	}
	return body, nil
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

// CloseIdleConnections lets go of idle connections.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.base().(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

var errNoRegion = errors.New("no AWS region: give --region, set AWS_REGION, or set one in the profile")
