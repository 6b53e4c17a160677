package token

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// IssuerOptions are what an Issuer needs.
type IssuerOptions struct {
	// Signer gives the key, ECDSA on P-256; asked for with the first token, and again until it answers. Required.
	Signer func(context.Context) (crypto.Signer, error)
	// TTL is how long tokens are good; DefaultTTL if zero.
	TTL time.Duration
	// Now is the clock; required.
	Now func() time.Time
}

// Issuer makes tokens.
type Issuer struct {
	opts IssuerOptions

	mu     sync.Mutex
	signer crypto.Signer // nil: not yet known
	kid    string
}

// NewIssuer makes an issuer. It doesn't ask for the key yet.
func NewIssuer(o IssuerOptions) (*Issuer, error) {
	if o.TTL == 0 {
		o.TTL = DefaultTTL
	}
	return &Issuer{opts: o}, CheckTTL(o.TTL)
}

// claims are Claims as JWT has them. golang-jwt takes this for what it verifies, too.
type claims struct {
	Mesh string `json:"mesh"`
	jwt.RegisteredClaims
}

// Issue makes a token for a proxy of the mesh with this uid: virtualNode/NAME or virtualGateway/NAME.
func (i *Issuer) Issue(ctx context.Context, meshUID, proxy string) (token string, expires time.Time, err error) {
	signer, kid, err := i.key(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	now := i.opts.Now().UTC().Truncate(time.Second)
	expires = now.Add(i.opts.TTL)
	t := jwt.NewWithClaims(jwt.SigningMethodES256, claims{Mesh: meshUID, RegisteredClaims: jwt.RegisteredClaims{
		Issuer: issuer, Subject: proxy, Audience: jwt.ClaimStrings{audience},
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
	}})
	t.Header["kid"] = kid
	// Not t.SignedString: that wants the private key itself, which KMS keeps.
	text, err := t.SigningString()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("encode a token for %s: %w", proxy, err)
	}
	digest := sha256.Sum256([]byte(text))
	der, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign a token for %s: %w", proxy, err)
	}
	signature, err := fixedSignature(der)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign a token for %s: %w", proxy, err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), expires, nil
}

func (i *Issuer) key(ctx context.Context) (crypto.Signer, string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.signer != nil {
		return i.signer, i.kid, nil
	}
	signer, err := i.opts.Signer(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("get the key of tokens: %w", err)
	}
	kid, _, err := keyID(signer.Public())
	if err != nil {
		return nil, "", err
	}
	i.signer, i.kid = signer, kid
	return signer, kid, nil
}

// fixedSignature turns a signature as crypto.Signer gives it (ASN.1) into JWT's form: r and s, 32 bytes each.
func fixedSignature(der []byte) ([]byte, error) {
	var point struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &point)
	if err != nil || len(rest) > 0 || point.R.Sign() <= 0 || point.S.Sign() <= 0 || point.R.BitLen() > 256 || point.S.BitLen() > 256 {
		return nil, errors.New("the key's signature is not one of ECDSA on P-256")
	}
	fixed := make([]byte, 64)
	point.R.FillBytes(fixed[:32])
	point.S.FillBytes(fixed[32:])
	return fixed, nil
}
