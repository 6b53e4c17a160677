package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/ownmesh/ownmesh/test/bench/load"
	"github.com/ownmesh/ownmesh/test/bench/servers"
	"github.com/ownmesh/ownmesh/test/bench/swarm"
)

// trial is all servers with a fleet each.
type trial struct {
	*bench
	fleet
	publisher *load.Publisher
	all       map[servers.Kind]*contender
	round     int // of changes; each is another one
}

// patience is how long anything may take that clients wait for.
const patience = time.Minute

func (t *trial) stop() {
	for _, c := range t.all {
		if c.swarm != nil {
			c.swarm.Close()
		}
		c.Stop()
	}
}

// turns gives the servers in another order each round, so that none always comes first.
func (t *trial) turns(round int) []*contender {
	var kinds []servers.Kind
	for _, kind := range []servers.Kind{servers.Relay, servers.Floor, servers.Snapshot, servers.Secure} {
		if t.all[kind] != nil {
			kinds = append(kinds, kind)
		}
	}
	var order []*contender
	for i := range kinds {
		order = append(order, t.all[kinds[(i+round)%len(kinds)]])
	}
	return order
}

// dial connects so many clients of a server.
func (c *contender) dial(ctx context.Context, streams int) (*swarm.Swarm, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return swarm.Connect(ctx, swarm.Options{
		Addr: c.XDS, Streams: streams, Types: load.Types(), TLS: c.tls,
		Token: func(i int) string {
			if c.tokens == nil {
				return ""
			}
			return c.tokens[i]
		},
		Node: func(i int) *corev3.Node { return &corev3.Node{Id: load.NodeID(i)} },
		Names: func(i int, kind string, _ swarm.Response) ([]string, error) {
			switch kind {
			case load.EndpointType:
				return load.ClusterNames(i), nil
			case load.RouteType:
				return load.RouteNames(), nil
			default:
				return nil, nil
			}
		},
	})
}

// connect measures what it costs that all clients connect at once, and what memory they take. One client comes first,
// so that the relay has read its logs. In the end all are connected.
func (t *trial) connect(ctx context.Context) error {
	for _, c := range t.all {
		first, err := c.dial(ctx, 1)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Kind, err)
		}
		first.Close()
	}
	for round := range t.connects {
		t.progress("relay: %s streams connect, round %d of %d", count(int64(t.streams)), round+1, t.connects)
		for _, c := range t.turns(round) {
			if c.swarm != nil {
				c.swarm.Close()
			}
			if err := t.connectOne(ctx, c, round == 0); err != nil {
				return fmt.Errorf("%s: %w", c.Kind, err)
			}
		}
	}
	return nil
}

func (t *trial) connectOne(ctx context.Context, c *contender, first bool) error {
	var empty servers.Memory
	if first {
		if _, err := c.Settled(ctx); err != nil {
			return err
		}
		var err error
		if empty, err = c.Memory(); err != nil {
			return err
		}
	}
	before, err := c.Settled(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	if c.swarm, err = c.dial(ctx, t.streams); err != nil {
		return err
	}
	c.connectTook = append(c.connectTook, time.Since(start))
	after, err := c.Settled(ctx)
	if err != nil {
		return err
	}
	c.connectCPU = append(c.connectCPU, after-before)
	bytes, _ := c.swarm.Received()
	c.received = float64(bytes) / float64(t.streams)
	if first {
		full, err := c.Memory()
		if err != nil {
			return err
		}
		c.memory = float64(full.RSS-empty.RSS) / float64(t.streams)
		c.heap = float64(full.Heap-empty.Heap) / float64(t.streams)
	}
	return nil
}

// changes measures changes that everyone needs.
func (t *trial) changes(ctx context.Context) error {
	const warming = 1 // rounds that don't count
	t.progress("relay: %d changes that all of %s streams need", t.fleet.changes, count(int64(t.streams)))
	for round := range t.fleet.changes + warming {
		for _, c := range t.turns(round) {
			if c.Kind == servers.Snapshot && round >= t.slow+warming {
				continue
			}
			before, err := c.Settled(ctx)
			if err != nil {
				return err
			}
			took, err := t.change(ctx, c, load.Everyone)
			if err != nil {
				return err
			}
			after, err := c.Settled(ctx)
			if err != nil {
				return err
			}
			if round >= warming {
				c.fanOut.add(took)
				c.fanOutCPU = append(c.fanOutCPU, after-before)
			}
		}
	}
	return nil
}

// single measures changes that one stream needs, another one each time.
func (t *trial) single(ctx context.Context) error {
	t.progress("relay: %d changes that one of %s streams needs", t.batches*batch, count(int64(t.streams)))
	for round := range t.batches {
		for _, c := range t.turns(round) {
			before, err := c.Settled(ctx)
			if err != nil {
				return err
			}
			for n := range batch {
				took, err := t.change(ctx, c, (round*batch+n)*7%t.streams)
				if err != nil {
					return err
				}
				c.one = append(c.one, took...)
			}
			after, err := c.Settled(ctx)
			if err != nil {
				return err
			}
			c.oneCPU = append(c.oneCPU, (after-before)/batch)
		}
	}
	return nil
}

// change makes a change, and waits until who needs it has acknowledged it.
func (t *trial) change(ctx context.Context, c *contender, proxy int) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	t.round++
	change := load.Change{Round: t.round, Proxy: proxy}
	if c.Kind == servers.Relay {
		if err := t.publisher.Append(ctx, change); err != nil {
			return nil, err
		}
	}
	wait := c.swarm.Expect(change.Marker(), proxy)
	if err := c.Change(change); err != nil {
		return nil, err
	}
	took, err := wait.Done(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Kind, err)
	}
	return slices.Clip(took), nil
}
