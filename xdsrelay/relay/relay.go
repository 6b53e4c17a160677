package relay

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
)

// Options of a relay. Only Objects is required.
type Options struct {
	Objects artifact.Objects
	// ID tells apart relays that serve the same meshes; random if empty. Status objects and Envoy's
	// control_plane.identifier bear it.
	ID string
	// Interval is how often each log of each served mesh is asked for news; 1 s if zero. Wake saves waiting for it.
	Interval time.Duration
	// CheckpointInterval is how often the checkpoints are asked for too; the reader's default if zero.
	CheckpointInterval time.Duration
	// Hold is how long a listener or route waits for clusters that it names to be acknowledged, or a removal for those
	// who use what goes; 15 s if zero.
	Hold time.Duration
	// Overlap is how long a route configuration that another one leads to keeps virtual hosts that it has lost, and how much
	// later callers turn to TLS than listeners, or earlier away from it: so it covers what relays hear at different times. If
	// zero it is a second more than Interval, and Hold at most.
	Overlap time.Duration
	// RetrySecrets is how soon a secret that an Envoy refused is offered once more: it names files, which may have come
	// meanwhile; 10 s if zero.
	RetrySecrets time.Duration
	// Patience is how long a stream waits for its mesh, node or interception to be published, before it is refused;
	// 3 s if zero. One created a moment ago gets in without Envoy's back-off.
	Patience time.Duration
	// StatusEvery is how often status objects are written at most; 1 s if zero. Unchanged ones are written each
	// events.StatusHeartbeat.
	StatusEvery time.Duration
	// Linger is how long a mesh is kept after its last stream; 1 min if zero.
	Linger time.Duration
	// MaxStreamAge is after how long a stream is ended, give or take a tenth, so that streams spread over relays; 35 min
	// if zero. It is longer than the age of connections in ServerOptions: the next stream comes on a new one.
	MaxStreamAge time.Duration
	// Drain is over what time streams are ended when Run's context is, so that Envoys don't all come back at once.
	Drain time.Duration
	// Tokens, if not nil, checks the token that each stream must bear: without it, who reaches the relay may have any
	// node's configuration, so it must not be reachable from elsewhere.
	Tokens Tokens
	// Limits bound what each address may take; see Listener and Credentials. The zero value bounds nothing.
	Limits Limits
	// Publisher, if not nil, is told of proxies that connect or refuse something. It is never waited for.
	Publisher Publisher
	// Logger may be nil: then nothing is logged.
	Logger *slog.Logger
	// Metrics may be nil: then there are none.
	Metrics prometheus.Registerer
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

func (o *Options) setDefaults() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.Interval, time.Second},
		{&o.CheckpointInterval, artifact.DefaultCheckpointInterval},
		{&o.Hold, 15 * time.Second},
		{&o.RetrySecrets, 10 * time.Second},
		{&o.Patience, 3 * time.Second},
		{&o.StatusEvery, time.Second},
		{&o.Linger, time.Minute},
		{&o.MaxStreamAge, 35 * time.Minute},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if o.Overlap <= 0 {
		o.Overlap = min(o.Interval+time.Second, o.Hold)
	}
	if o.ID == "" {
		var random [8]byte
		rand.Read(random[:])
		o.ID = "relay-" + hex.EncodeToString(random[:])
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Relay serves Envoys. Make one with New, Register it with a gRPC server that was made with ServerOptions, and Run it.
type Relay struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	opts    Options
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time
	names   *names
	peers   *peers
	untold  chan events.Event // to the Publisher

	ctx  context.Context // of the tails; ends when Run does
	stop context.CancelFunc
	work sync.WaitGroup // what uses the store by itself; see begin

	mu       sync.Mutex
	meshes   map[string]*mesh // by uid
	streams  map[*stream]struct{}
	seeking  int  // streams that wait for their place
	draining bool // no more streams
	nudged   chan struct{}
}

// New makes a relay. It does nothing before the first stream.
func New(o Options) *Relay {
	o.setDefaults()
	r := &Relay{
		opts: o, log: o.Logger, metrics: newMetrics(o.Metrics), now: o.Now,
		names:  &names{objects: o.Objects, validFor: o.Interval, now: o.Now, known: map[string]*meaning{}},
		meshes: map[string]*mesh{}, streams: map[*stream]struct{}{}, nudged: make(chan struct{}),
	}
	if o.Publisher != nil {
		r.untold = make(chan events.Event, maxUntold)
	}
	r.peers = newPeers(o.Limits, r.now, func(reason string) { r.metrics.limited.WithLabelValues(reason).Inc() })
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// Register makes a server serve this relay. The server must have been made with ServerOptions.
func (r *Relay) Register(server *grpc.Server) {
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, r)
}

// Wake has a log read now. It never blocks; one that nobody is served from is ignored.
func (r *Relay) Wake(e events.LogAppended) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seeking > 0 {
		// The mesh may be one whose name a stream is waiting for.
		close(r.nudged)
		r.nudged = make(chan struct{})
	}
	m := r.meshes[e.UID]
	switch {
	case m == nil:
	case e.Log == events.LogConfig:
		m.configTail.hurry()
	case e.Log == events.LogEndpoints:
		m.endpointsTail.hurry()
	}
}

// Run writes status objects, tells the Publisher and logs how it is until ctx ends. Then it ends all streams, spread over Options.Drain, takes its status
// objects away and stops reading logs. Stop the gRPC server after it, gracefully: nothing is left to wait for.
func (r *Relay) Run(ctx context.Context) error {
	var others sync.WaitGroup
	telling, told := context.WithCancel(context.Background())
	defer told()
	others.Go(func() { r.publish(telling) })
	others.Go(func() { r.report(ctx) })
	r.writeStatuses(ctx)
	r.drain()
	r.mu.Lock()
	r.stop()
	r.mu.Unlock()
	r.removeStatuses()
	r.work.Wait()
	told()
	others.Wait()
	return nil
}

// begin runs what uses the store by itself: whoever runs the relay may take that away once Run has returned. r.mu is
// held, so that nothing begins once Run waits.
func (r *Relay) begin(work func()) {
	if r.ctx.Err() == nil {
		r.work.Go(work)
	}
}

// drain ends all streams and waits until they have ended. One that is stuck because Envoy doesn't read is left to the
// server's Stop.
func (r *Relay) drain() {
	r.mu.Lock()
	r.draining = true
	close(r.nudged)
	r.nudged = make(chan struct{})
	open := make([]*stream, 0, len(r.streams))
	for s := range r.streams {
		open = append(open, s)
	}
	r.mu.Unlock()
	started := time.Now()
	for n, s := range open {
		if r.opts.Drain > 0 {
			time.Sleep(time.Until(started.Add(r.opts.Drain * time.Duration(n) / time.Duration(len(open)))))
		}
		s.end(nil)
	}
	const patience = 2 * time.Second
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		r.mu.Lock()
		left := len(r.streams)
		r.mu.Unlock()
		if left == 0 {
			return
		}
	}
	r.log.Warn("some streams did not end in time")
}

// acquire gives the mesh with this uid, and has its logs read from now on. Give it back with release.
func (r *Relay) acquire(uid string) *mesh {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.meshes[uid]
	if !ok {
		m = newMesh(r, uid)
		m.addTails()
		ctx, cancel := context.WithCancel(r.ctx)
		m.stop = cancel
		tails := []*tail{m.configTail, m.endpointsTail}
		var loaded atomic.Int32
		for _, t := range tails {
			r.begin(func() {
				t.run(ctx, r, r.log.With("mesh_uid", uid, "log", string(t.log)), func() {
					if int(loaded.Add(1)) == len(tails) {
						close(m.ready)
					}
				})
			})
		}
		r.meshes[uid] = m
	}
	m.refs++
	if m.lingering != nil {
		m.lingering.Stop()
		m.lingering = nil
	}
	return m
}

// release gives back a mesh. After the last one it lingers, in case an Envoy comes back.
func (r *Relay) release(m *mesh) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.refs--
	if m.refs > 0 {
		return
	}
	m.lingering = time.AfterFunc(r.opts.Linger, func() { r.forget(m) })
}

// forget stops serving a mesh that nobody uses. A relay that ends takes all statuses back itself.
func (r *Relay) forget(m *mesh) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.refs > 0 || r.meshes[m.uid] != m || r.ctx.Err() != nil {
		return
	}
	delete(r.meshes, m.uid)
	r.begin(func() {
		m.stop()
		ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
		defer cancel()
		m.removeStatus(ctx)
		r.metrics.forget(m.uid)
	})
}

func (r *Relay) streamAge() time.Duration { return jittered(r.opts.MaxStreamAge) }
