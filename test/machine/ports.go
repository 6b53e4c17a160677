package machine

import (
	"testing"

	"github.com/ownmesh/ownmesh/internal/freeport"
)

// FreePort gives a port of 127.0.0.1 that nothing listens on, and that no other test is given.
func FreePort(tb testing.TB) int {
	tb.Helper()
	port, err := freeport.Next()
	if err != nil {
		tb.Fatal(err)
	}
	return port
}
