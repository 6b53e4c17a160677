package installation

import (
	"io"
	"net"
	"sync"
)

// Gate is an address of this machine that leads to others, as a name in DNS does, and that can be shut: then connections
// end, and new ones are refused at once.
type Gate struct {
	listener net.Listener

	mu    sync.Mutex
	to    []string
	turn  int
	shut  bool
	conns map[net.Conn]bool
}

// NewGate makes a gate to addresses.
func NewGate(to ...string) (*Gate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &Gate{listener: l, to: to, conns: map[net.Conn]bool{}}
	go g.serve()
	return g, nil
}

// Address is host:port of the gate.
func (g *Gate) Address() string { return g.listener.Addr().String() }

// Lead has new connections go to these addresses in turn.
func (g *Gate) Lead(to ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.to = to
}

// Shut ends all connections, and those to come, until Open.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for c := range g.conns {
		_ = c.Close() // it may have ended
	}
}

// Open undoes Shut.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
}

// Close ends the gate.
func (g *Gate) Close() error {
	g.Shut()
	return g.listener.Close()
}

func (g *Gate) serve() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return
		}
		go g.forward(c)
	}
}

// next is where a connection goes that is made now; "" if nowhere.
func (g *Gate) next() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut || len(g.to) == 0 {
		return ""
	}
	g.turn++
	return g.to[g.turn%len(g.to)]
}

func (g *Gate) forward(from net.Conn) {
	defer func() { _ = from.Close() }()
	address := g.next()
	if address == "" {
		return
	}
	to, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	if !g.keep(from, to) {
		return
	}
	defer g.forget(from, to)
	go func() {
		_, _ = io.Copy(to, from) // how it ended, either side sees
		_ = to.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(from, to)
}

func (g *Gate) keep(conns ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range conns {
		g.conns[c] = true
	}
	return !g.shut
}

func (g *Gate) forget(conns ...net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range conns {
		delete(g.conns, c)
	}
}
