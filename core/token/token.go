// Package token is the word by which a proxy may have one virtual node's or gateway's configuration: a JWT (ES256) that
// the API hands out to who may ask for that node, and that a relay checks with the public key alone.
//
// It never reads a clock, a file or the network: keys come in as crypto.Signer and public keys, and a token itself is
// never logged nor part of an error. Start with Issuer and Verifier.
package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"
)

const (
	// DefaultTTL is how long a token is good where nobody says otherwise.
	DefaultTTL = time.Hour
	// MaxTTL is the longest that a token may be good: a verifier refuses one that claims more.
	MaxTTL = 12 * time.Hour
	// MinTTL is the shortest that makes sense: a sidecar renews at half of it.
	MinTTL = time.Minute
	// Leeway is how far the clocks of who issues and who verifies may be apart.
	Leeway = 30 * time.Second

	issuer   = "ownmesh"
	audience = "xds"
)

// Claims are what a token says.
type Claims struct {
	MeshUID string // of the mesh, not its name: a mesh made anew under an old name is another
	Proxy   string // virtualNode/NAME or virtualGateway/NAME
	Issued  time.Time
	Expires time.Time
}

// CheckTTL says what is wrong with a TTL.
func CheckTTL(ttl time.Duration) error {
	if ttl < MinTTL || ttl > MaxTTL {
		return fmt.Errorf("a token's time to live must be between %v and %v, got %v", MinTTL, MaxTTL, ttl)
	}
	return nil
}

// keyID names a public key: the first 16 hex digits of the SHA-256 of its DER form. It also makes sure of the curve.
func keyID(public crypto.PublicKey) (id string, key *ecdsa.PublicKey, err error) {
	key, ok := public.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return "", nil, fmt.Errorf("the key of tokens must be an ECDSA key on P-256 (KMS: ECC_NIST_P256), got %T", public)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", nil, fmt.Errorf("encode the key of tokens: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])[:16], key, nil
}
