package token

import (
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Why a token is refused. Errors of Verify wrap one of these and say more; none holds any of the token's text but its
// key's name.
var (
	ErrMalformed = errors.New("it is no token of Ownmesh")
	ErrKey       = errors.New("it is signed with a key that is not known here")
	ErrSignature = errors.New("its signature is wrong")
	ErrExpired   = errors.New("it has expired")
	ErrClaims    = errors.New("its claims are not those of a stream token")
)

// maxToken bounds what is parsed, in bytes: two names of 255 characters and room.
const maxToken = 4 << 10

// Verifier checks tokens with public keys alone.
type Verifier struct {
	keys   map[string]*ecdsa.PublicKey // by kid
	now    func() time.Time
	parser *jwt.Parser
}

// NewVerifier makes a verifier for tokens that were signed with one of these keys: two while a key is replaced.
func NewVerifier(now func() time.Time, keys ...crypto.PublicKey) (*Verifier, error) {
	if len(keys) == 0 {
		return nil, errors.New("no key to verify tokens with")
	}
	v := &Verifier{keys: map[string]*ecdsa.PublicKey{}, now: now}
	for _, public := range keys {
		id, key, err := keyID(public)
		if err != nil {
			return nil, err
		}
		v.keys[id] = key
	}
	v.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodES256.Alg()}), jwt.WithTimeFunc(now), jwt.WithLeeway(Leeway),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding(),
	)
	return v, nil
}

// Verify gives what a token says if it is one of ours and good now.
func (v *Verifier) Verify(token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, fmt.Errorf("%w: it is longer than %d bytes", ErrMalformed, maxToken)
	}
	var c claims
	if parsed, err := v.parser.ParseWithClaims(token, &c, v.key); err != nil {
		return Claims{}, v.refusal(err, parsed, c)
	}
	got := Claims{MeshUID: c.Mesh, Proxy: c.Subject}
	if c.IssuedAt == nil || c.ExpiresAt == nil {
		return Claims{}, fmt.Errorf("%w: iat and exp must be there", ErrClaims)
	}
	got.Issued, got.Expires = c.IssuedAt.Time, c.ExpiresAt.Time
	kind, name, _ := strings.Cut(got.Proxy, "/")
	switch {
	case got.MeshUID == "":
		return Claims{}, fmt.Errorf("%w: it names no mesh", ErrClaims)
	case kind != "virtualNode" && kind != "virtualGateway" || name == "":
		return Claims{}, fmt.Errorf("%w: its subject must be virtualNode/NAME or virtualGateway/NAME", ErrClaims)
	case got.Expires.Sub(got.Issued) > MaxTTL:
		return Claims{}, fmt.Errorf("%w: it claims to be good for %v, more than %v", ErrClaims, got.Expires.Sub(got.Issued), MaxTTL)
	}
	return got, nil
}

// key finds the key that a token names.
func (v *Verifier) key(t *jwt.Token) (any, error) {
	id, _ := t.Header["kid"].(string)
	key, ok := v.keys[id]
	if !ok {
		return nil, ErrKey
	}
	return key, nil
}

// refusal says in our words why the parser refused a token.
func (v *Verifier) refusal(err error, unverified *jwt.Token, c claims) error {
	switch {
	case errors.Is(err, ErrKey):
		id := ""
		if unverified != nil {
			id, _ = unverified.Header["kid"].(string)
		}
		return fmt.Errorf("%w: it names key %.16q, and known are %s", ErrKey, id, strings.Join(slices.Sorted(maps.Keys(v.keys)), ", "))
	case errors.Is(err, jwt.ErrTokenExpired) && c.ExpiresAt != nil:
		return fmt.Errorf("%w at %s, and it is %s now", ErrExpired, c.ExpiresAt.UTC().Format(time.RFC3339), v.now().UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return fmt.Errorf("%w: it was issued later than now (%s): set the clocks", ErrClaims, v.now().UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrTokenInvalidClaims):
		return fmt.Errorf("%w: iss must be %q, aud %q, exp and iat times", ErrClaims, issuer, audience)
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return ErrSignature
	default:
		return ErrMalformed
	}
}
