package kms_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/ownmesh/ownmesh/adapters/kms"
	"github.com/ownmesh/ownmesh/core/token"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

func TestMain(m *testing.M) { emulator.Main(m) }

func create(t *testing.T, client *awskms.Client, spec types.KeySpec, usage types.KeyUsageType) string {
	t.Helper()
	out, err := client.CreateKey(t.Context(), &awskms.CreateKeyInput{KeySpec: spec, KeyUsage: usage})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.KeyMetadata.Arn)
}

// A key signs what its public half verifies, and tokens.
func TestSigns(t *testing.T) {
	client := awskms.NewFromConfig(emulator.Config(t))
	key, err := kms.Open(t.Context(), client, create(t, client, types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("hello"))
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if !ecdsa.VerifyASN1(key.Public().(*ecdsa.PublicKey), digest[:], signature) {
		t.Error("the signature is wrong")
	}
	if _, err := key.Sign(rand.Reader, digest[:20], crypto.SHA1); err == nil {
		t.Error("it signed a SHA-1 digest")
	}
	issuer, err := token.NewIssuer(token.IssuerOptions{Signer: func(context.Context) (crypto.Signer, error) { return key, nil }, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := issuer.Issue(t.Context(), "uid", "virtualNode/cart")
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := token.NewVerifier(time.Now, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.Verify(text); err != nil {
		t.Errorf("a token that KMS signed is refused: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	client := awskms.NewFromConfig(emulator.Config(t))
	for name, test := range map[string]struct{ id, want string }{
		"no such key": {"arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000", "read the public key of"},
		"RSA":         {create(t, client, types.KeySpecRsa2048, types.KeyUsageTypeSignVerify), "must be ECC_NIST_P256 for SIGN_VERIFY"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := kms.Open(t.Context(), client, test.id); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
