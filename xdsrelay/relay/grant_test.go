package relay_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/token"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

// tokens takes every token, and says of each that it ends then.
type tokens struct{ ends time.Duration }

func (v tokens) Verify(text string) (token.Claims, error) {
	if text != "good" {
		return token.Claims{}, token.ErrMalformed
	}
	now := time.Now()
	return token.Claims{MeshUID: meshUID, Proxy: string(cart), Issued: now, Expires: now.Add(v.ends)}, nil
}

// connectWith opens a stream that bears tokens.
func (w *world) connectWith(texts ...string) *xdstest.Client {
	w.t.Helper()
	add := func(ctx context.Context, d *grpc.StreamDesc, c *grpc.ClientConn, method string, stream grpc.Streamer, o ...grpc.CallOption) (grpc.ClientStream, error) {
		for _, text := range texts {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+text)
		}
		return stream(ctx, d, c, method, o...)
	}
	connection, err := grpc.NewClient("passthrough:///"+w.address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithStreamInterceptor(add))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = connection.Close() })
	return xdstest.Open(w.t, connection, cartIs)
}

// A stream ends when its token does, a moment later at most, and with a status that has Envoy come back.
// TestWhenATokensStreamEnds has the moment.
func TestStreamsEndWithTheirTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *relay.Options) { o.Tokens = tokens{-token.Leeway} }) // the moment is over too
	w.simple()
	w.Publish()
	c := w.connectWith("good")
	c.SubscribeAll(xdstest.Cluster)
	c.ExpectEnd() // whether or not it got its clusters before

	w = newWorld(t, func(o *relay.Options) { o.Tokens = tokens{time.Hour} })
	w.simple()
	w.Publish()
	c = w.connectWith("good")
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster, "c1")
	c.ExpectNothing(quiet)
}

// Who fails too often is sent away for a while, also with a good token; who is in stays in.
func TestFailedAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	var passed atomic.Int64
	started := time.Now()
	w := newWorld(t, func(o *relay.Options) {
		o.Tokens, o.Limits, o.Metrics = tokens{time.Hour}, relay.Limits{PeerFailures: 5, PeerStreams: 4}, registry
		o.Now = func() time.Time { return started.Add(time.Duration(passed.Load())) } // however long the attempts take
	})
	w.simple()
	w.Publish()
	in := w.connectWith("good")
	in.SubscribeAll(xdstest.Cluster)
	in.Accept(xdstest.Cluster, "c1")
	for range 5 {
		c := w.connectWith("bad")
		c.SubscribeAll(xdstest.Cluster)
		c.ExpectStatus(codes.Unauthenticated)
	}
	c := w.connectWith("good")
	c.SubscribeAll(xdstest.Cluster)
	if said := c.ExpectStatus(codes.ResourceExhausted); !strings.Contains(said, "too many failed attempts: one comes free each 1s") {
		t.Errorf("it says %q", said)
	}
	in.ExpectNothing(quiet)
	passed.Add(int64(time.Second))
	for range 3 {
		c := w.connectWith("good")
		c.SubscribeAll(xdstest.Cluster)
		c.Accept(xdstest.Cluster, "c1")
	}
	c = w.connectWith("good")
	c.SubscribeAll(xdstest.Cluster)
	if said := c.ExpectStatus(codes.ResourceExhausted); !strings.Contains(said, "has 4 streams already, which is the limit") {
		t.Errorf("it says %q", said)
	}
	in.Close()
	eventually(t, "room for one more", func() bool {
		c := w.connectWith("good")
		c.SubscribeAll(xdstest.Cluster)
		return c.Served()
	})
}

// Connections beyond a limit are closed before anything is read, and count again once they end.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	r := relay.New(relay.Options{Objects: newWorld(t).objects, Limits: relay.Limits{PeerConnections: 2, Connections: 10}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	limited := r.Listener(l)
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := limited.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	dial()
	dial()
	first, second := <-accepted, <-accepted
	third := dial()
	_ = third.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := third.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the third connection: %v", err)
	}
	_ = first.Close()
	_ = first.Close() // twice is once
	dial()
	select {
	case <-accepted:
	case <-time.After(5 * time.Second):
		t.Error("a connection's place was not given back")
	}
	_ = second.Close()
}

// publisher remembers what it is told, once it is let.
type publisher struct {
	let  chan struct{}
	mu   sync.Mutex
	told []events.Event
}

func (p *publisher) Publish(_ context.Context, all ...events.Event) error {
	<-p.let
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, all...)
	return nil
}

func (p *publisher) types() (types []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.told {
		types = append(types, e.DetailType)
	}
	return types
}

// The outside is told of proxies that connect and refuse; a bus that hangs holds up no stream.
func TestTheOutsideIsTold(t *testing.T) {
	t.Parallel()
	p := &publisher{let: make(chan struct{})}
	w := newWorld(t, func(o *relay.Options) { o.Publisher = p })
	w.simple()
	w.Publish()
	node, task := "arn:aws:appmesh:eu-west-1:123456789012:"+cartID, "arn:aws:ecs:eu-west-1:123456789012:task/shop/1"
	c := xdstest.Connect(t, w.address, xdstest.Node{ID: node, Metadata: events.NodeMetadata{Instance: task}})
	c.SubscribeAll(xdstest.Cluster)
	c.Nack(c.Expect(xdstest.Cluster, "c1"), "no such thing")
	c.Sync()
	close(p.let)
	eventually(t, "both events", func() bool { return len(p.types()) == 2 })
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := strings.Join(p.told[0].Resources, " "); got != node+" "+task {
		t.Errorf("it is about %s", got)
	}
	connected := p.told[0].Detail.(events.ProxyConnected)
	if connected.Mesh != "shop" || connected.MeshUID != meshUID || connected.Generation != 1 || connected.Resource != string(cart) ||
		connected.Relay != "relay-1" || connected.Interception != "transparent" || connected.Version != events.DetailVersion {
		t.Errorf("it told %+v", connected)
	}
	rejected := p.told[1].Detail.(events.ProxyRejected)
	if rejected.Type != "cluster" || rejected.Name != "c1" || rejected.Message != "no such thing" || rejected.Generation != 1 {
		t.Errorf("it told %+v", rejected)
	}
}

// A relay is ready when it has read the logs of the meshes that it serves, and not once it drains.
func TestReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.simple()
	w.Publish()
	if err := w.relay.Ready(); err != nil {
		t.Errorf("a relay that serves nobody: %v", err)
	}
	c := w.connect()
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster, "c1")
	if s := w.relay.State(); s.Streams != 1 || s.Meshes != 1 || s.Behind != 0 || len(s.Unread) != 0 || w.relay.Ready() != nil {
		t.Errorf("it is %+v, %v", s, w.relay.Ready())
	}
	w.objects.Inject(broken)
	eventually(t, "a log that can't be read", func() bool { return w.relay.State().Behind > 0 })
	if err := w.relay.Ready(); err != nil {
		t.Errorf("a relay that has read its logs: %v", err)
	}
	w.objects.Inject(nil)
	eventually(t, "logs that can be read again", func() bool { return w.relay.State().Behind == 0 })
	w.stop()
	if err := w.relay.Ready(); err == nil {
		t.Error("a relay that has stopped is ready")
	}
}

func broken(artifacttest.Call) artifacttest.Fault {
	return artifacttest.Fault{Err: errors.New("no store")}
}
