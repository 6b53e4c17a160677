package machine

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Ports for Envoys lie below those that the kernel gives to outgoing connections: one of those could take a port
// between the look and its use.
const lowest, highest = 11000, 19000

var ports = struct {
	sync.Mutex
	next int
}{next: lowest + rand.IntN(highest-lowest)}

// FreePort gives a port of 127.0.0.1 that nothing listens on, and that nobody else in this process is given.
func FreePort(t testing.TB) int {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	for range highest - lowest {
		ports.next++
		if ports.next >= highest {
			ports.next = lowest
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(ports.next)))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return ports.next
	}
	t.Fatalf("no port from %d to %d is free", lowest, highest)
	return 0
}
