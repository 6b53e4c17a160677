// Package kms is a key that AWS KMS keeps, as a crypto.Signer: the private half never leaves KMS.
//
// It never makes, changes or deletes a key, and logs nothing. Start with Open.
package kms

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// signTimeout bounds one signature, its retries included: crypto.Signer takes no context.
const signTimeout = 10 * time.Second

// API is what a Key calls; *kms.Client has it.
type API interface {
	GetPublicKey(context.Context, *awskms.GetPublicKeyInput, ...func(*awskms.Options)) (*awskms.GetPublicKeyOutput, error)
	Sign(context.Context, *awskms.SignInput, ...func(*awskms.Options)) (*awskms.SignOutput, error)
}

// Key is one key of KMS.
type Key struct {
	api    API
	id     string
	public *ecdsa.PublicKey
}

var _ crypto.Signer = (*Key)(nil)

// Open reads the public half of the key with this ARN, id or alias, which must be ECC_NIST_P256 for SIGN_VERIFY. Who
// only verifies needs kms:GetPublicKey and no more.
func Open(ctx context.Context, api API, id string) (*Key, error) {
	out, err := api.GetPublicKey(ctx, &awskms.GetPublicKeyInput{KeyId: &id})
	if err != nil {
		return nil, fmt.Errorf("read the public key of %s: %w", id, err)
	}
	if out.KeySpec != types.KeySpecEccNistP256 || out.KeyUsage != types.KeyUsageTypeSignVerify {
		return nil, fmt.Errorf("key %s must be ECC_NIST_P256 for SIGN_VERIFY, and is %s for %s", id, out.KeySpec, out.KeyUsage)
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("read the public key of %s: %w", id, err)
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, fmt.Errorf("read the public key of %s: it is not on P-256", id)
	}
	return &Key{api: api, id: id, public: public}, nil
}

// Public implements crypto.Signer: an *ecdsa.PublicKey on P-256.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Sign implements crypto.Signer for SHA-256 digests. Its randomness is KMS's own.
func (k *Key) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts == nil || opts.HashFunc() != crypto.SHA256 || len(digest) != sha256.Size {
		return nil, errors.New("a KMS key on P-256 signs SHA-256 digests only")
	}
	ctx, cancel := context.WithTimeout(context.Background(), signTimeout)
	defer cancel()
	out, err := k.api.Sign(ctx, &awskms.SignInput{
		KeyId: aws.String(k.id), Message: digest, MessageType: types.MessageTypeDigest, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", k.id, err)
	}
	return out.Signature, nil
}
