package relay

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ownmesh/ownmesh/core/token"
)

// This file: who may have which configuration.

// Tokens checks stream tokens: *token.Verifier.
type Tokens interface {
	Verify(token string) (token.Claims, error)
}

const howToGetOne = "the sidecar gets tokens from Ownmesh's API and renews them"

// grant is what a stream's token allows it. nil: no tokens are asked for, and all is allowed.
type grant struct{ token.Claims }

// authenticate checks a stream's token, before anything that it sent is read. Its errors never hold the token.
func (r *Relay) authenticate(ctx context.Context) (*grant, error) {
	if r.opts.Tokens == nil {
		return nil, nil
	}
	headers, _ := metadata.FromIncomingContext(ctx)
	said := headers.Get("authorization")
	if len(said) != 1 {
		return nil, r.unauthenticated("missing", "the stream bears no token: %s", howToGetOne)
	}
	scheme, text, _ := strings.Cut(said[0], " ")
	if !strings.EqualFold(scheme, "bearer") || text == "" {
		return nil, r.unauthenticated("missing", `the header "authorization" must be "Bearer" and a token: %s`, howToGetOne)
	}
	claims, err := r.opts.Tokens.Verify(strings.TrimSpace(text))
	if err != nil {
		return nil, r.unauthenticated(reasonOf(err), "the stream's token is refused: %v", err)
	}
	return &grant{claims}, nil
}

func (r *Relay) unauthenticated(reason, format string, args ...any) error {
	r.metrics.unauthorized.WithLabelValues(reason).Inc()
	return status.Errorf(codes.Unauthenticated, format, args...)
}

// reasonOf is a refusal as metrics count it.
func reasonOf(err error) string {
	for _, known := range []struct {
		err    error
		reason string
	}{{token.ErrExpired, "expired"}, {token.ErrKey, "key"}, {token.ErrSignature, "signature"}, {token.ErrClaims, "claims"}} {
		if errors.Is(err, known.err) {
			return known.reason
		}
	}
	return "malformed"
}

// allows says whether a stream may be the node that it says it is.
func (g *grant) allows(r *Relay, n node) error {
	if g == nil || g.Proxy == string(n.proxy) {
		return nil
	}
	r.metrics.unauthorized.WithLabelValues("proxy").Inc()
	return status.Errorf(codes.PermissionDenied, "the stream's token is for %q, and node.id says %q: they must be the same", g.Proxy, n.proxy)
}

// allowsMesh says whether a stream may have the mesh with this uid.
func (g *grant) allowsMesh(n node, uid string) error {
	if g == nil || g.MeshUID == uid {
		return nil
	}
	return status.Errorf(codes.PermissionDenied, "the stream's token is for another mesh than the %q of node.id, or for one that had this name before", n.mesh)
}

// ends is after how long a stream ends: when it is old or, a moment after, its token is. The moment is random, for
// tokens that were handed out together.
func (g *grant) ends(r *Relay) time.Duration {
	age := r.streamAge()
	if g == nil {
		return age
	}
	left := g.Expires.Sub(r.now()) + time.Duration(rand.Float64()*float64(token.Leeway))
	return min(age, max(left, 0))
}
