package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/test/bench/load"
	"github.com/ownmesh/ownmesh/test/bench/servers"
	"github.com/ownmesh/ownmesh/test/bench/swarm"
)

// The design's bars for the relay.
const (
	fanOutBar  = 1.3 // times the floor's CPU
	connectBar = 1.5 // times the floor's CPU
	streamBar  = 60  // KB
	oneBar     = 1   // ms of CPU
	flatBar    = 2   // times the CPU of a tenth of the streams: where it isn't flat, it is 10 times or more
)

// fleet is how many streams there are, and how often things are done with them.
type fleet struct {
	streams  int
	connects int  // rounds in which all connect
	changes  int  // rounds of a change that everyone needs
	slow     int  // of these, how many SnapshotCache takes part in
	batches  int  // of changes that one stream needs
	gated    bool // its bars must be met
	storm    bool // so must that for connecting, which is set for the largest
}

// batch is how many changes that one stream needs are made in a row: one alone is too little to measure.
const batch = 20

func (b *bench) fleets() []fleet {
	if b.quick {
		return []fleet{
			{streams: 100, connects: 2, changes: 5, slow: 3, batches: 2},
			{streams: 1000, connects: 1, changes: 5, slow: 2, batches: 2, gated: true},
		}
	}
	return []fleet{
		{streams: 100, connects: 5, changes: 15, slow: 7, batches: 5},
		{streams: 1000, connects: 5, changes: 15, slow: 5, batches: 5, gated: true},
		{streams: 5000, connects: 5, changes: 11, slow: 3, batches: 5, gated: true, storm: true},
	}
}

// contender is a server with its clients, and what was measured of it.
type contender struct {
	*servers.Server
	swarm *swarm.Swarm

	tls    *tls.Config // nil: plain
	tokens []string    // of each client; nil: none

	connectCPU, connectTook []time.Duration
	received                float64 // bytes that a client got when it connected
	memory, heap            float64 // bytes a stream
	fanOutCPU               []time.Duration
	fanOut                  spread
	oneCPU                  []time.Duration // a change
	one                     []time.Duration // latency
}

// measureRelay compares the relay with a floor and with SnapshotCache, in fleets of several sizes.
func measureRelay(ctx context.Context, b *bench) error {
	var tenth *contender // the relay with the fleet before
	for _, f := range b.fleets() {
		all, err := b.compare(ctx, f)
		if err != nil {
			return fmt.Errorf("with %d streams: %w", f.streams, err)
		}
		b.relayResults(f, all, tenth)
		tenth = all[servers.Relay]
	}
	return nil
}

// compare runs all servers with a fleet each, and measures them in turns.
func (b *bench) compare(ctx context.Context, f fleet) (map[servers.Kind]*contender, error) {
	if err := openFiles(f); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "ownmesh-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	objects, err := folder.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open a folder for the logs: %w", err)
	}
	defer objects.Close()
	shape := load.Shape{Proxies: f.streams}
	publisher, err := shape.Publish(ctx, objects)
	if err != nil {
		return nil, err
	}
	t := &trial{bench: b, fleet: f, publisher: publisher, all: map[servers.Kind]*contender{}}
	defer t.stop()
	for _, kind := range []servers.Kind{servers.Relay, servers.Floor, servers.Snapshot} {
		config := servers.Config{Kind: kind, Dir: dir, Shape: f.streams}
		if b.profile != "" && kind == servers.Relay {
			config.Profile = filepath.Join(b.profile, fmt.Sprintf("relay-%d.pprof", f.streams))
		}
		server, err := servers.Start(ctx, config)
		if err != nil {
			return nil, err
		}
		t.all[kind] = &contender{Server: server}
	}
	for _, step := range []func(context.Context) error{t.connect, t.changes, t.single} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return t.all, nil
}

// relayResults reports what compare has measured.
func (b *bench) relayResults(f fleet, all map[servers.Kind]*contender, tenth *contender) {
	at := count(int64(f.streams)) + " streams"
	relay, floor, snapshot := all[servers.Relay], all[servers.Floor], all[servers.Snapshot]
	add := func(x result, gated bool) {
		x.Measure, x.At = "relay", at
		if gated {
			b.report.gate(x)
			return
		}
		b.report.note(x)
	}
	cpu := func(pick func(*contender) []time.Duration) (x result) {
		r, l, s := median(pick(relay)), median(pick(floor)), median(pick(snapshot))
		x.Value, x.Unit = ratio(int64(l), int64(r)), "x"
		x.Note = fmt.Sprintf("%s ms; floor %s, SnapshotCache %s (%.1fx)", short(r), short(l), short(s), ratio(int64(l), int64(s)))
		x.Details = map[string]float64{"relayCpuMs": ms(r), "floorCpuMs": ms(l), "snapshotCacheCpuMs": ms(s)}
		return x
	}

	x := cpu(func(c *contender) []time.Duration { return c.fanOutCPU })
	x.What, x.Bar = "a change that all need: CPU, to the floor's", fanOutBar
	for kind, c := range all {
		c.fanOut.details(x.Details, detail(kind))
	}
	add(x, f.gated)
	p99 := func(c *contender) time.Duration { return median(c.fanOut.p99) }
	add(result{
		What: "– until 99 % have acknowledged it", Value: ms(p99(relay)), Unit: "ms",
		Note: fmt.Sprintf("floor %s, SnapshotCache %s; of the relay 50 %% after %s, all after %s", short(p99(floor)),
			short(p99(snapshot)), short(median(relay.fanOut.p50)), short(median(relay.fanOut.last))),
	}, false)

	one := median(relay.oneCPU)
	add(result{
		What: "a change that one needs: CPU", Value: ms(one), Unit: "ms", Bar: oneBar,
		Note: fmt.Sprintf("floor %s, SnapshotCache %s; acknowledged after %s", short(median(floor.oneCPU)),
			short(median(snapshot.oneCPU)), short(median(relay.one))),
	}, false)
	if tenth != nil {
		before := median(tenth.oneCPU)
		add(result{
			What: "– to that with fewer streams", Value: ratio(int64(before), int64(one)), Unit: "x", Bar: flatBar,
			Note: fmt.Sprintf("%s ms above", short(before)),
		}, f.gated)
	}

	x = cpu(func(c *contender) []time.Duration { return c.connectCPU })
	x.What, x.Bar = "all connect at once: CPU, to the floor's", connectBar
	x.Note += fmt.Sprintf("; served after %s, floor %s", short(median(relay.connectTook)), short(median(floor.connectTook)))
	x.Details["relayTookMs"], x.Details["floorTookMs"] = ms(median(relay.connectTook)), ms(median(floor.connectTook))
	x.Details["relayReceivedBytes"], x.Details["floorReceivedBytes"] = relay.received, floor.received
	add(x, f.storm)
	add(result{
		What: "memory a stream", Value: kb(relay.memory), Unit: "KB", Bar: streamBar,
		Note: fmt.Sprintf("floor %.0f, SnapshotCache %.0f; heap and stacks alone %.0f", kb(floor.memory), kb(snapshot.memory), kb(relay.heap)),
		Details: map[string]float64{
			"relayBytes": relay.memory, "relayHeapBytes": relay.heap, "floorBytes": floor.memory, "snapshotCacheBytes": snapshot.memory,
		},
	}, f.gated)
}

// detail is how a server's details begin.
func detail(kind servers.Kind) string {
	if kind == servers.Snapshot {
		return "snapshotCache"
	}
	return string(kind)
}

// short spells milliseconds with three digits.
func short(d time.Duration) string {
	if v := ms(d); v < 1000 {
		return fmt.Sprintf("%.3g", v)
	}
	return count(d.Milliseconds())
}

// openFiles refuses a fleet that this process may not open all connections for.
func openFiles(f fleet) error {
	const others = 500
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit on open files: %w", err)
	}
	// Go has raised the soft limit to the hard one.
	if need := uint64(3*f.streams + others); uint64(limit.Cur) < need {
		return fmt.Errorf("it needs %d open files and may have %d: raise the limit (ulimit -Hn), or measure with --quick", need, limit.Cur)
	}
	return nil
}
