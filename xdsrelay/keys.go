package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	awskms "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/ownmesh/ownmesh/adapters/kms"
)

// maxKeyFile bounds what is read of a file with a key, in bytes.
const maxKeyFile = 64 << 10

// inKMS tells the ARN or alias of a key from a file.
func inKMS(key string) bool {
	return strings.HasPrefix(key, "arn:") || strings.HasPrefix(key, "alias/")
}

// tokenKeys gets the public keys that tokens are checked with.
func (p *process) tokenKeys(ctx context.Context) (keys []crypto.PublicKey, err error) {
	for _, name := range p.settings.tokenKeys {
		var key crypto.PublicKey
		if inKMS(name) {
			var k *kms.Key
			if k, err = p.kms(ctx, name); err == nil {
				key = k.Public()
			}
		} else {
			key, err = readPublicKey(name)
		}
		if err != nil {
			return nil, fmt.Errorf("the key of stream tokens: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func (p *process) signer(ctx context.Context, name string) (crypto.Signer, error) {
	if inKMS(name) {
		return p.kms(ctx, name)
	}
	return readPrivateKey(name)
}

func (p *process) kms(ctx context.Context, name string) (*kms.Key, error) {
	cfg, err := p.aws(ctx)
	if err != nil {
		return nil, err
	}
	return kms.Open(ctx, awskms.NewFromConfig(cfg), name)
}

func readPublicKey(file string) (crypto.PublicKey, error) {
	der, err := readPEM(file, "PUBLIC KEY")
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s holds no public key: %w", file, err)
	}
	return key, nil
}

// readPrivateKey takes what openssl genpkey writes.
func readPrivateKey(file string) (crypto.Signer, error) {
	der, err := readPEM(file, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s holds no private key: %w", file, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s holds a key that can't sign", file)
	}
	return signer, nil
}

func readPEM(file, kind string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != kind {
		return nil, errors.New(file + " must be a PEM file with a " + kind)
	}
	return block.Bytes, nil
}
