package xdstest

import (
	"net"
	"testing"

	"google.golang.org/grpc"

	"github.com/ownmesh/ownmesh/xdsrelay/relay"
)

// Serve serves a relay on a port of loopback until the test ends, and gives its address. Running it is the caller's.
func Serve(tb testing.TB, r *relay.Relay) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	server := grpc.NewServer(relay.ServerOptions()...)
	r.Register(server)
	go func() { _ = server.Serve(listener) }()
	tb.Cleanup(server.Stop)
	return listener.Addr().String()
}
