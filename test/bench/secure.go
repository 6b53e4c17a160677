package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/core/token"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/test/bench/load"
	"github.com/ownmesh/ownmesh/test/bench/servers"
)

// secureStreamBar is what a stream may take with TLS, in KB.
const secureStreamBar = 90

// measureSecure compares the relay by TLS and with tokens, as it is beyond loopback, with the plain one.
func measureSecure(ctx context.Context, b *bench) error {
	f := fleet{streams: 5000, connects: 5}
	if b.quick {
		f = fleet{streams: 1000, connects: 2}
	}
	if err := openFiles(f); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ownmesh-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	objects, err := folder.Open(dir)
	if err != nil {
		return fmt.Errorf("open a folder for the logs: %w", err)
	}
	defer objects.Close()
	if _, err := (load.Shape{Proxies: f.streams}).Publish(ctx, objects); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the key of tokens: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encode the key of tokens: %w", err)
	}
	t := &trial{bench: b, fleet: f, all: map[servers.Kind]*contender{}}
	defer t.stop()
	for _, kind := range []servers.Kind{servers.Relay, servers.Secure} {
		server, err := servers.Start(ctx, servers.Config{Kind: kind, Dir: dir, Shape: f.streams, TokenKey: public})
		if err != nil {
			return err
		}
		t.all[kind] = &contender{Server: server}
	}
	ca, _, err := objects.Get(ctx, events.RelayCAPath)
	if err != nil {
		return fmt.Errorf("read the authority's certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	t.all[servers.Secure].tls = &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", NextProtos: []string{"h2"}}
	if t.all[servers.Secure].tokens, err = makeTokens(ctx, key, f.streams); err != nil {
		return err
	}
	if err := t.connect(ctx); err != nil {
		return err
	}
	b.secureResults(f, t.all[servers.Relay], t.all[servers.Secure])
	return nil
}

// makeTokens makes each client's token beforehand: to make them is the API's work.
func makeTokens(ctx context.Context, key crypto.Signer, clients int) ([]string, error) {
	issuer, err := token.NewIssuer(token.IssuerOptions{Now: time.Now, Signer: func(context.Context) (crypto.Signer, error) { return key, nil }})
	if err != nil {
		return nil, err
	}
	all := make([]string, clients)
	for i := range all {
		if all[i], _, err = issuer.Issue(ctx, load.MeshUID, string(load.ProxyKey(i))); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (b *bench) secureResults(f fleet, plain, secure *contender) {
	at := count(int64(f.streams)) + " streams"
	r, s := median(plain.connectCPU), median(secure.connectCPU)
	b.report.note(result{
		Measure: "secure", At: at, What: "all connect at once by TLS 1.3 and with tokens: CPU, to plain ones", Value: ratio(int64(r), int64(s)), Unit: "x",
		Note: fmt.Sprintf("%s ms; plain %s; a connection %.2f ms more; served after %s, plain %s", short(s), short(r),
			ms(s-r)/float64(f.streams), short(median(secure.connectTook)), short(median(plain.connectTook))),
		Details: map[string]float64{"secureCpuMs": ms(s), "plainCpuMs": ms(r), "secureTookMs": ms(median(secure.connectTook)), "plainTookMs": ms(median(plain.connectTook))},
	})
	b.report.note(result{
		Measure: "secure", At: at, What: "memory a stream", Value: kb(secure.memory), Unit: "KB", Bar: secureStreamBar,
		Note:    fmt.Sprintf("plain %.0f; heap and stacks alone %.0f", kb(plain.memory), kb(secure.heap)),
		Details: map[string]float64{"secureBytes": secure.memory, "secureHeapBytes": secure.heap, "plainBytes": plain.memory},
	})
}
