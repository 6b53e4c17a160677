package servers

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/core/token"
	"github.com/ownmesh/ownmesh/xdsrelay/certify"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
)

// startSecure serves as startRelay does, by TLS, with tokens and limits: as a relay must beyond loopback. Its
// authority's certificate is in the folder of the logs.
func startSecure(ctx context.Context, c Config) (*served, error) {
	objects, err := folder.Open(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the artifact logs: %w", err)
	}
	public, err := x509.ParsePKIXPublicKey(c.TokenKey)
	if err != nil {
		return nil, fmt.Errorf("read the key of tokens: %w", err)
	}
	verifier, err := token.NewVerifier(time.Now, crypto.PublicKey(public))
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the authority's key: %w", err)
	}
	authority, err := certify.Open(ctx, objects, key, time.Now())
	if err != nil {
		return nil, err
	}
	renewer, err := certify.NewRenewer(certify.Options{Authority: authority, Host: "127.0.0.1"})
	if err != nil {
		return nil, err
	}
	limits := relay.DefaultLimits
	limits.PeerConnections, limits.PeerStreams = 0, 0 // all come from one address
	r := relay.New(relay.Options{Objects: objects, ID: "bench", Tokens: verifier, Limits: limits})
	server := grpc.NewServer(append(relay.ServerOptions(), grpc.Creds(r.Credentials(credentials.NewTLS(renewer.Config()))))...)
	r.Register(server)
	addr, err := listenWith(server, r.Listener)
	if err != nil {
		return nil, err
	}
	go func() { _ = r.Run(ctx) }() // it ends with the process
	return &served{xds: addr, stop: server.Stop}, nil
}
