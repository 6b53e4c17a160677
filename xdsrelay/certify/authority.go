// Package certify gives a relay its TLS certificate: made at start, with a key that never leaves memory, signed by an
// authority whose key lies elsewhere (KMS, or a file), and renewed while the relay runs.
//
// The authority's own certificate is one object in the artifact store, which the first relay creates; sidecars get it
// from the API. It never writes a private key anywhere. Start with Open and Renewer.
package certify

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
)

const (
	// An authority outlives the installation: its key is what is guarded, and no sidecar could trust a second one before
	// it asked the API again.
	authorityValidity = 20 * 365 * 24 * time.Hour
	// backdate is for clocks that are behind this one.
	backdate = 5 * time.Minute
	// tries is how often an answer about the object may be lost, or another relay be first.
	tries = 4
)

// Authority signs relays' certificates.
type Authority struct {
	certificate *x509.Certificate
	signer      crypto.Signer
}

// Open reads the authority's certificate, or creates it. Relays that start at the same moment agree: one creates it, and
// the others read it. A certificate of another key is refused, for sidecars have it.
func Open(ctx context.Context, objects artifact.Objects, signer crypto.Signer, now time.Time) (*Authority, error) {
	var fault error
	for range tries {
		data, _, err := objects.Get(ctx, events.RelayCAPath)
		switch {
		case err == nil:
			return parse(data, signer, now)
		case !errors.Is(err, artifact.ErrNotFound):
			fault = err
			continue
		}
		if data, err = selfSigned(signer, now); err != nil {
			return nil, err
		}
		// Whoever was first, and whatever became of the answer: the next look tells. It also brings a cache its copy.
		if _, fault = objects.Create(ctx, events.RelayCAPath, data); ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("read or create %s: %w", events.RelayCAPath, fault)
}

func selfSigned(signer crypto.Signer, now time.Time) ([]byte, error) {
	public, ok := signer.Public().(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the authority's key must be ECDSA on P-256, got %T", signer.Public())
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("encode the authority's key: %w", err)
	}
	id := sha256.Sum256(der)
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "Ownmesh relays " + hex.EncodeToString(id[:4])},
		NotBefore:    now.Add(-backdate), NotAfter: now.Add(authorityValidity),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		SubjectKeyId: id[:20], SignatureAlgorithm: x509.ECDSAWithSHA256,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, public, signer)
	if err != nil {
		return nil, fmt.Errorf("sign the authority's certificate: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), nil
}

// parse makes sure that a certificate is this key's.
func parse(data []byte, signer crypto.Signer, now time.Time) (*Authority, error) {
	const mend = "delete the object, restart the relays, and a minute later the sidecars: they get the new one"
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s holds no certificate: %s", events.RelayCAPath, mend)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s holds no certificate (%w): %s", events.RelayCAPath, err, mend)
	}
	if public, ok := certificate.PublicKey.(*ecdsa.PublicKey); !ok || !public.Equal(signer.Public()) {
		return nil, fmt.Errorf("%s is of another key than the relay's authority has: set the key that it was made with, or %s", events.RelayCAPath, mend)
	}
	if now.After(certificate.NotAfter) {
		return nil, fmt.Errorf("%s was good until %s: %s", events.RelayCAPath, certificate.NotAfter.Format(time.RFC3339), mend)
	}
	return &Authority{certificate, signer}, nil
}

// serial is a random serial number, positive and of at most 20 bytes.
func serial() *big.Int {
	var b [16]byte
	rand.Read(b[:])
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}
