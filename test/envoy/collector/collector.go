// Package collector receives what proxies tell of themselves, in tests: metrics and X-Ray segments as datagrams, and
// spans by OTLP or in Zipkin's JSON. It keeps everything; whoever asks gets what has come so far. Start with UDP, Socket,
// OTLP and Zipkin.
package collector

import (
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Datagrams are those that have come to an address, in their order.
type Datagrams struct {
	Address string // 127.0.0.1:port, or the path of a socket

	mu   sync.Mutex
	came []string
}

// UDP receives on a free port.
func UDP(tb testing.TB) *Datagrams {
	tb.Helper()
	return receive(tb, "udp", "127.0.0.1:0")
}

// Socket receives on a socket in the file system.
func Socket(tb testing.TB) *Datagrams {
	tb.Helper()
	return receive(tb, "unixgram", filepath.Join(tb.TempDir(), "s"))
}

func receive(tb testing.TB, network, address string) *Datagrams {
	tb.Helper()
	c, err := net.ListenPacket(network, address)
	if err != nil {
		tb.Fatal(err)
	}
	d := &Datagrams{Address: c.LocalAddr().String()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1<<16)
		for {
			n, _, err := c.ReadFrom(b)
			if err != nil {
				return // closed
			}
			d.mu.Lock()
			d.came = append(d.came, string(b[:n]))
			d.mu.Unlock()
		}
	}()
	tb.Cleanup(func() {
		c.Close()
		<-done
	})
	return d
}

// All are those that have come so far.
func (d *Datagrams) All() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.came...)
}

// Line is the newest line with this prefix that has all of these parts; "" if none has come.
func (d *Datagrams) Line(prefix string, parts ...string) string {
	found := ""
	for _, datagram := range d.All() {
		for line := range strings.Lines(datagram) {
			if strings.HasPrefix(line, prefix) && hasAll(line, parts) {
				found = strings.TrimSuffix(line, "\n")
			}
		}
	}
	return found
}

func hasAll(line string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(line, p) {
			return false
		}
	}
	return true
}
