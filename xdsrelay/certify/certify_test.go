package certify_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/certify"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func renewer(t *testing.T, objects artifact.Objects, key crypto.Signer, o certify.Options) *certify.Renewer {
	t.Helper()
	var err error
	if o.Authority, err = certify.Open(t.Context(), objects, key, time.Now()); err != nil {
		t.Fatal(err)
	}
	r, err := certify.NewRenewer(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// dial makes a handshake as a sidecar would, and gives the certificate that it saw.
func dial(t *testing.T, server *tls.Config, ca []byte, host string) (*x509.Certificate, error) {
	t.Helper()
	return dialWith(t, server, ca, &tls.Config{ServerName: host, NextProtos: []string{"h2"}})
}

func dialWith(t *testing.T, server *tls.Config, ca []byte, config *tls.Config) (*x509.Certificate, error) {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatal("the authority's certificate is none")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if far, err := l.Accept(); err == nil {
			_ = tls.Server(far, server).Handshake()
			_ = far.Close()
		}
	}()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	config.RootCAs = pool
	client := tls.Client(near, config)
	if err := client.Handshake(); err != nil {
		return nil, err
	}
	return client.ConnectionState().PeerCertificates[0], nil
}

func TestHandshakes(t *testing.T) {
	objects, key := artifacttest.NewMemory(), newKey(t)
	for _, host := range []string{"relay.shop.internal", "10.0.0.7"} {
		r := renewer(t, objects, key, certify.Options{Host: host})
		ca, _, err := objects.Get(t.Context(), events.RelayCAPath)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := dial(t, r.Config(), ca, host)
		if err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		if leaf.IsCA || time.Until(leaf.NotAfter) > certify.DefaultValidity {
			t.Errorf("its certificate is %+v", leaf)
		}
		if _, err := dial(t, r.Config(), ca, "another.internal"); err == nil {
			t.Errorf("%s: a sidecar that dialled another name took it", host)
		}
		old := &tls.Config{ServerName: host, NextProtos: []string{"h2"}, MaxVersion: tls.VersionTLS12}
		if _, err := dialWith(t, r.Config(), ca, old); err == nil {
			t.Errorf("%s: it took TLS 1.2", host)
		}
	}
}

// Relays that start at the same moment end with one authority.
func TestRelaysAgree(t *testing.T) {
	objects, key := artifacttest.NewMemory(), newKey(t)
	var starting sync.WaitGroup
	configs := make([]*tls.Config, 20)
	for i := range configs {
		starting.Go(func() { configs[i] = renewer(t, objects, key, certify.Options{Host: "relay"}).Config() })
	}
	starting.Wait()
	ca, _, err := objects.Get(t.Context(), events.RelayCAPath)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range configs {
		if _, err := dial(t, c, ca, "relay"); err != nil {
			t.Errorf("relay %d: %v", i, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	key := newKey(t)
	for name, test := range map[string]struct {
		content func(artifact.Objects)
		at      time.Time
		want    string
	}{
		"no PEM":         {func(o artifact.Objects) { create(t, o, []byte("hello")) }, time.Now(), "relay/ca.pem holds no certificate"},
		"another key":    {func(o artifact.Objects) { renewer(t, o, newKey(t), certify.Options{Host: "relay"}) }, time.Now(), "is of another key"},
		"long past":      {func(o artifact.Objects) { renewer(t, o, key, certify.Options{Host: "relay"}) }, time.Now().AddDate(30, 0, 0), "was good until"},
		"a broken store": {nil, time.Now(), "the store is broken"},
	} {
		t.Run(name, func(t *testing.T) {
			var objects artifact.Objects = artifacttest.NewMemory()
			if test.content != nil {
				test.content(objects)
			} else {
				objects = broken{objects}
			}
			if _, err := certify.Open(t.Context(), objects, key, test.at); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	for _, host := range []string{"", "*.internal", "relay:15010", "a b"} {
		if certify.CheckHost(host) == nil {
			t.Errorf("the host %q was taken", host)
		}
	}
}

func create(t *testing.T, objects artifact.Objects, data []byte) {
	t.Helper()
	if _, err := objects.Create(t.Context(), events.RelayCAPath, data); err != nil {
		t.Fatal(err)
	}
}

type broken struct{ artifact.Objects }

func (broken) Get(context.Context, string) ([]byte, string, error) {
	return nil, "", errors.New("the store is broken")
}

// flaky is a key that can be out of reach.
type flaky struct {
	crypto.Signer
	gone *atomic.Bool
}

func (f flaky) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	if f.gone.Load() {
		return nil, errors.New("KMS is gone")
	}
	return f.Signer.Sign(random, digest, o)
}

// A certificate is renewed at half its life; while the key is out of reach the present one goes on, until it ends.
func TestRenewal(t *testing.T) {
	key := newKey(t)
	synctest.Test(t, func(t *testing.T) {
		objects := artifacttest.NewMemory()
		var gone atomic.Bool
		var failures atomic.Int32
		r := renewer(t, objects, flaky{key, &gone}, certify.Options{Host: "relay", Validity: 2 * time.Hour, Failed: func() { failures.Add(1) }})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go r.Run(ctx)
		now := func() *tls.Certificate { c, _ := r.Config().GetCertificate(nil); return c }
		first := now()
		time.Sleep(59 * time.Minute)
		if now() != first {
			t.Error("it was renewed early")
		}
		time.Sleep(2 * time.Minute)
		second := now()
		if second == first {
			t.Error("it was not renewed")
		}
		gone.Store(true)
		time.Sleep(110 * time.Minute)
		if now() != second || failures.Load() < 5 {
			t.Errorf("without its key the relay lost its certificate, or didn't try (%d failures)", failures.Load())
		}
		time.Sleep(20 * time.Minute)
		if now() != nil {
			t.Error("it shows a certificate that has ended")
		}
		gone.Store(false)
		time.Sleep(11 * time.Minute)
		if now() == nil {
			t.Error("it did not recover")
		}
	})
}
