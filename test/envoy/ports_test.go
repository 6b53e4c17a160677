package envoy

import (
	"net"
	"strconv"
	"testing"

	"github.com/ownmesh/ownmesh/test/machine"
)

// freePort gives a port of 127.0.0.1 that nothing listens on.
func freePort(t testing.TB) int {
	t.Helper()
	return machine.FreePort(t)
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func portOf(t testing.TB, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
