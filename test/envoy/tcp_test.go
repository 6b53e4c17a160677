package envoy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// connection is a TCP connection of an application's, with a deadline.
type connection struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

// connect opens a connection to service:port through the sidecar.
func (s *sidecar) connect(service string) *connection {
	t := s.m.t
	t.Helper()
	c, err := s.dial(t.Context(), "tcp", service)
	if err != nil {
		t.Fatal(err)
	}
	return newConnection(t, c)
}

// newConnection gives a connection a deadline, and ends it with the test.
func newConnection(t testing.TB, c net.Conn) *connection {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &connection{t, c, bufio.NewReader(c)}
}

func (c *connection) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *connection) line() string {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("got %q and then %v", line, err)
	}
	return line
}

// closed says whether the other side closes the connection, without a word.
func (c *connection) closed() bool {
	_, err := c.r.ReadByte()
	return err != nil && !isTimeout(err)
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// echoLines says each line of what it hears again.
func echoLines(from io.Reader, to io.Writer) {
	r := bufio.NewReader(from)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := io.WriteString(to, line); err != nil {
			return
		}
	}
}

// greeter is a server that speaks first, as MySQL and SMTP do, and then echoes.
func greeter(t testing.TB, name string) string {
	t.Helper()
	return tcpServer(t, func(c net.Conn) {
		if _, err := fmt.Fprintf(c, "welcome to %s\n", name); err == nil {
			echoLines(c, c)
		}
	})
}

// TCP passes both ways, also where the server speaks first.
func TestTCP(t *testing.T) {
	m := start(t, shop("tcp")+route("all", "tcpRoute: {"+to("a")+"}"))
	a := m.sidecar("virtualNode/a", at("application/8080", greeter(t, "a")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	before := a.stat("tcp.ingress.downstream_cx_total") // ready has looked whether it listens
	c := ui.connect("cart.shop.local:8080")
	if got := c.line(); got != "welcome to a\n" {
		t.Fatalf("got %q", got)
	}
	c.send("hello\n")
	if got := c.line(); got != "hello\n" {
		t.Errorf("got %q, want an echo", got)
	}
	if n := a.stat("tcp.ingress.downstream_cx_total") - before; n != 1 {
		t.Errorf("a's Envoy counted %d connections, want 1", n)
	}

	// A route without weight closes connections, and one that comes back takes them again.
	m.apply(route("all", "tcpRoute: {action: {weightedTargets: [{virtualNode: a, weight: 0}]}}"))
	if c := ui.connect("cart.shop.local:8080"); !c.closed() {
		t.Error("a connection without a target stays open")
	}
	m.apply(route("all", "tcpRoute: {"+to("a")+"}"))
	if got := ui.connect("cart.shop.local:8080").line(); got != "welcome to a\n" {
		t.Errorf("got %q", got)
	}
}

// Connections are spread by weight.
func TestTCPWeights(t *testing.T) {
	m := start(t, shop("tcp")+route("all", "tcpRoute: {action: {weightedTargets: [{virtualNode: a, weight: 3}, {virtualNode: b, weight: 1}]}}"))
	m.sidecar("virtualNode/a", at("application/8080", greeter(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", greeter(t, "b")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	const all = 200
	toB := 0
	for range all {
		c := ui.connect("cart.shop.local:8080")
		if c.line() == "welcome to b\n" {
			toB++
		}
		c.Close()
	}
	expectShare(t, toB, all, 0.25)
}
