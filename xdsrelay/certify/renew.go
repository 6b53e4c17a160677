package certify

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// DefaultValidity is long enough to outlive a day without KMS: half of it is left when renewal begins.
	DefaultValidity = 48 * time.Hour

	minRetry = time.Second
	maxRetry = 10 * time.Minute
)

// Options of a Renewer.
type Options struct {
	Authority *Authority
	Host      string // the DNS name or IP address that sidecars dial
	// Validity of a certificate; DefaultValidity if zero. Renewal begins at half of it.
	Validity time.Duration
	Logger   *slog.Logger     // nil: nothing is logged
	Now      func() time.Time // nil: time.Now
	// Renewed is told of each certificate's end, and Failed of each renewal that failed; may be nil.
	Renewed func(until time.Time)
	Failed  func()
}

// Renewer holds a relay's certificate and renews it.
type Renewer struct {
	opts    Options
	current atomic.Pointer[tls.Certificate]
}

// CheckHost says what is wrong with a name as Options.Host.
func CheckHost(host string) error {
	if net.ParseIP(host) != nil {
		return nil
	}
	if host == "" || len(host) > 253 || strings.ContainsAny(host, "*:/ @") {
		return fmt.Errorf("%q must be a DNS name or an IP address", host)
	}
	return nil
}

// NewRenewer makes the first certificate. Run renews it.
func NewRenewer(o Options) (*Renewer, error) {
	if o.Validity <= 0 {
		o.Validity = DefaultValidity
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Renewed == nil {
		o.Renewed = func(time.Time) {}
	}
	if o.Failed == nil {
		o.Failed = func() {}
	}
	if err := CheckHost(o.Host); err != nil {
		return nil, fmt.Errorf("the name that sidecars dial: %w", err)
	}
	r := &Renewer{opts: o}
	return r, r.renew()
}

// Config is how a server takes connections with this certificate: HTTP/2 over TLS 1.3 alone.
func (r *Renewer) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			// Envoy reports a certificate that has ended only as "verify failed": say it on this side.
			if c := r.current.Load(); r.opts.Now().Before(c.Leaf.NotAfter) {
				return c, nil
			}
			return nil, errors.New("the relay's certificate has ended and could not be renewed")
		},
	}
}

// Run renews the certificate until ctx ends. While the authority's key can't be reached, the present one is kept.
func (r *Renewer) Run(ctx context.Context) {
	wait := r.opts.Validity / 2
	retry := minRetry
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := r.renew(); err != nil {
			r.opts.Failed()
			r.opts.Logger.Error("the relay's certificate can't be renewed", "until", r.current.Load().Leaf.NotAfter, "error", err)
			wait, retry = retry, min(2*retry, maxRetry)
			continue
		}
		wait, retry = r.opts.Validity/2, minRetry
	}
}

func (r *Renewer) renew() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the relay's key: %w", err)
	}
	now := r.opts.Now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Ownmesh relay"},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(r.opts.Validity),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		SignatureAlgorithm: x509.ECDSAWithSHA256,
	}
	if end := r.opts.Authority.certificate.NotAfter; template.NotAfter.After(end) {
		template.NotAfter = end
	}
	if ip := net.ParseIP(r.opts.Host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{r.opts.Host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, r.opts.Authority.certificate, &key.PublicKey, r.opts.Authority.signer)
	if err != nil {
		return fmt.Errorf("sign the relay's certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("read the relay's new certificate: %w", err)
	}
	r.current.Store(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf})
	r.opts.Renewed(leaf.NotAfter)
	r.opts.Logger.Info("the relay has a new certificate", "host", r.opts.Host, "until", leaf.NotAfter)
	return nil
}
