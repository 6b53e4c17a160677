// Package certtest makes certificates for tests: authorities, and what they sign, as PEM and as files.
package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	PEM         []byte // its own certificate
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// New makes an authority.
func New(tb testing.TB, name string) *Authority {
	tb.Helper()
	key := newKey(tb)
	template := newTemplate(tb, name)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	a := &Authority{certificate: template, key: key}
	der := a.sign(tb, template, key)
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	a.certificate, a.PEM = parsed, encode("CERTIFICATE", der)
	return a
}

// Pool trusts the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// Pair is a certificate and its key, as PEM.
type Pair struct {
	Chain, Key []byte
}

// Issue signs a certificate for host names, IP addresses and URIs, for servers and clients.
func (a *Authority) Issue(tb testing.TB, names ...string) Pair {
	tb.Helper()
	template := newTemplate(tb, names[0])
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if strings.Contains(name, "://") {
			uri, err := url.Parse(name)
			if err != nil {
				tb.Fatal(err)
			}
			template.URIs = append(template.URIs, uri)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	key := newKey(tb)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return Pair{Chain: encode("CERTIFICATE", a.sign(tb, template, key)), Key: encode("PRIVATE KEY", private)}
}

// TLS is the pair as Go's own clients and servers take it.
func (p Pair) TLS(tb testing.TB) tls.Certificate {
	tb.Helper()
	c, err := tls.X509KeyPair(p.Chain, p.Key)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Write puts the pair into dir as <name>.pem and <name>.key, each by a rename, and gives their paths.
func (p Pair) Write(tb testing.TB, dir, name string) (chain, key string) {
	tb.Helper()
	chain, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	Write(tb, key, p.Key)
	Write(tb, chain, p.Chain)
	return chain, key
}

// Write puts data into a file by a rename: who reads sees all of it or what was there before.
func Write(tb testing.TB, path string, data []byte) {
	tb.Helper()
	temp := path + ".new"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(temp, path); err != nil {
		tb.Fatal(err)
	}
}

func (a *Authority) sign(tb testing.TB, template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func newTemplate(tb testing.TB, name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		tb.Fatal(err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
