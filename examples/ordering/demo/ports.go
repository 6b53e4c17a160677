package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// ports hands out free local ports. They lie below those that the kernel gives to outgoing connections, of which the
// demo makes many: one of those could take a port between the look and its use. `ownmesh bootstrap` gives those below.
type ports struct {
	mu   sync.Mutex
	next int
}

const lowest, highest = 30000, 32700

func newPorts() *ports { return &ports{next: lowest + rand.IntN(highest-lowest)} }

// free returns an address that nothing listens on.
func (p *ports) free() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range highest - lowest {
		p.next++
		if p.next >= highest {
			p.next = lowest
		}
		if isFree(p.next) {
			break
		}
	}
	return local(p.next)
}

// prefer returns the address with this port if that is free, else another.
func (p *ports) prefer(port int) string {
	if isFree(port) {
		return local(port)
	}
	return p.free()
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", local(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// split takes host:port apart.
func split(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: %w", address, err)
	}
	if port, err = strconv.Atoi(text); err != nil {
		return "", 0, fmt.Errorf("address %q: %w", address, err)
	}
	return host, port, nil
}
