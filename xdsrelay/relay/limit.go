package relay

import (
	"context"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// Limits bound what one address, and all together, may take of a relay. Zero means no bound. An address is one task with
// a network interface of its own, or a whole machine whose tasks share its network.
type Limits struct {
	Connections     int // open at the same time, of all
	PeerConnections int // of one address
	PeerStreams     int
	// PeerFailures is how many failed attempts (handshakes, tokens) one address may make in a row. One comes free each
	// second; until then the address is sent away before it costs a handshake. Its open streams live on.
	PeerFailures int
}

// DefaultLimits suit machines with hundreds of tasks behind one address.
var DefaultLimits = Limits{Connections: 20_000, PeerConnections: 1_000, PeerStreams: 1_000, PeerFailures: 60}

// failurePause is after how long one failed attempt is forgiven.
const failurePause = time.Second

// manyPeers is at how many known addresses those are forgotten that there is nothing to know of.
const manyPeers = 10_000

// peers counts what each address has.
type peers struct {
	limits  Limits
	now     func() time.Time
	refused func(reason string)

	mu          sync.Mutex
	connections int
	byAddress   map[string]*peerCount
}

type peerCount struct {
	connections, streams int
	failures             float64 // as of since
	since                time.Time
}

func newPeers(l Limits, now func() time.Time, refused func(string)) *peers {
	return &peers{limits: l, now: now, refused: refused, byAddress: map[string]*peerCount{}}
}

// get gives an address's count, with the failures that are not forgiven yet. p.mu is held.
func (p *peers) get(address string) *peerCount {
	now := p.now()
	c, ok := p.byAddress[address]
	if !ok {
		if len(p.byAddress) >= manyPeers {
			p.forget(now)
		}
		c = &peerCount{since: now}
		p.byAddress[address] = c
	}
	c.forgive(now)
	return c
}

func (c *peerCount) forgive(now time.Time) {
	if passed := now.Sub(c.since); passed > 0 {
		c.failures, c.since = max(0, c.failures-float64(passed)/float64(failurePause)), now
	}
}

func (p *peers) forget(now time.Time) {
	for address, c := range p.byAddress {
		if c.forgive(now); c.connections == 0 && c.streams == 0 && c.failures == 0 {
			delete(p.byAddress, address)
		}
	}
}

func over(count, limit int) bool { return limit > 0 && count >= limit }

func (p *peers) tooManyFailures(c *peerCount) bool {
	return p.limits.PeerFailures > 0 && c.failures+1 > float64(p.limits.PeerFailures)
}

// connect counts a connection in, or says why not.
func (p *peers) connect(address string) (refusal string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.get(address)
	switch {
	case over(p.connections, p.limits.Connections):
		return "connections"
	case over(c.connections, p.limits.PeerConnections):
		return "peer_connections"
	case p.tooManyFailures(c):
		return "peer_failures"
	}
	c.connections++
	p.connections++
	return ""
}

func (p *peers) disconnect(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.get(address).connections--
	p.connections--
}

// stream counts a stream in. Call done once it has ended.
func (p *peers) stream(ctx context.Context) (done func(), err error) {
	address := peerHost(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.get(address)
	switch {
	case over(c.streams, p.limits.PeerStreams):
		p.refused("peer_streams")
		return nil, status.Errorf(codes.ResourceExhausted, "%s has %d streams already, which is the limit", address, c.streams)
	case p.tooManyFailures(c):
		p.refused("peer_failures")
		return nil, status.Errorf(codes.ResourceExhausted, "%s made too many failed attempts: one comes free each %v", address, failurePause)
	}
	c.streams++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.get(address).streams--
	}, nil
}

// failed notes a failed attempt.
func (p *peers) failed(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.get(address).failures++
}

func peerHost(ctx context.Context) string { return hostOf(peerAddress(ctx)) }

func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// Listener bounds what comes in by a listener, by Options.Limits: what is too much is closed before it is read.
func (r *Relay) Listener(l net.Listener) net.Listener { return limitedListener{l, r} }

type limitedListener struct {
	net.Listener
	relay *Relay
}

func (l limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := hostOf(c.RemoteAddr().String())
		if refusal := l.relay.peers.connect(address); refusal != "" {
			l.relay.metrics.limited.WithLabelValues(refusal).Inc()
			_ = c.Close()
			continue
		}
		return &countedConn{Conn: c, closed: sync.OnceFunc(func() { l.relay.peers.disconnect(address) })}, nil
	}
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

// Credentials counts failed handshakes of a server's credentials as failed attempts.
func (r *Relay) Credentials(c credentials.TransportCredentials) credentials.TransportCredentials {
	return countedCredentials{c, r}
}

type countedCredentials struct {
	credentials.TransportCredentials
	relay *Relay
}

func (c countedCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		c.relay.metrics.handshakeErrors.Inc()
		c.relay.peers.failed(hostOf(raw.RemoteAddr().String()))
	}
	return conn, info, err
}

func (c countedCredentials) Clone() credentials.TransportCredentials {
	return countedCredentials{c.TransportCredentials.Clone(), c.relay}
}

// peerAddress is where a stream comes from.
func peerAddress(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return "unknown"
}
