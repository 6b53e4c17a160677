package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/test/bench/load"
	"github.com/ownmesh/ownmesh/test/bench/servers"
	"github.com/ownmesh/ownmesh/test/bench/swarm"
)

// The design's targets for one machine: from the beginning of an API call to the last of localNodes proxies'
// acknowledgement.
const (
	localNodes  = 100
	localP50Bar = 30  // ms
	localP99Bar = 100 // ms
)

// measureLocal runs a whole mesh in a process, as `ownmesh up` does, with a proxy for each of its nodes, intercepting
// explicitly as is the default there, and changes a route that all of them use through the API.
func measureLocal(ctx context.Context, b *bench) error {
	writes := 50
	if b.quick {
		writes = 15
	}
	dir, err := os.MkdirTemp("", "ownmesh-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	server, err := servers.Start(ctx, servers.Config{Kind: servers.Machine, Dir: dir})
	if err != nil {
		return err
	}
	defer server.Stop()
	api, err := client.New("http://" + server.API)
	if err != nil {
		return err
	}
	defer api.Close()
	b.progress("local: a mesh of %d nodes", localNodes)
	if err := buildMesh(ctx, api); err != nil {
		return err
	}
	nodes, err := bootstraps(ctx, api)
	if err != nil {
		return err
	}
	dialing, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	proxies, err := swarm.Connect(dialing, swarm.Options{
		Addr: server.XDS, Streams: localNodes, Types: []string{load.ClusterType, load.ListenerType, load.RouteType},
		Node: func(i int) *corev3.Node { return nodes[i] }, Names: namesOf,
	})
	if err != nil {
		return err
	}
	defer proxies.Close()
	if _, err := server.Settled(ctx); err != nil {
		return err
	}
	b.progress("local: %d writes", writes)
	var last, answered []time.Duration
	for n := range writes {
		l, a, err := write(ctx, api, proxies, n)
		if err != nil {
			return err
		}
		last, answered = append(last, l), append(answered, a)
	}
	for _, x := range []struct {
		share float64
		bar   float64
	}{{0.5, localP50Bar}, {0.99, localP99Bar}} {
		b.report.note(result{
			Measure: "local", What: fmt.Sprintf("API write to the last acknowledgement, p%.0f", x.share*100), At: count(localNodes) + " streams",
			Value: ms(quantile(last, x.share)), Unit: "ms", Bar: x.bar,
			Note: fmt.Sprintf("%d writes; the API answers after %s ms", writes, short(quantile(answered, x.share))),
		})
	}
	return nil
}

// write changes the route that all nodes use, and says after what time the last proxy had it and the API had answered.
func write(ctx context.Context, api *client.Client, proxies *swarm.Swarm, n int) (last, answered time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	prefix := fmt.Sprintf("/write-%05d", n+1)
	wait := proxies.Expect([]byte(prefix), swarm.Everyone)
	start := time.Now()
	ref := client.Ref{Mesh: localMesh, Key: resource.Key{Kind: resource.KindRoute, Parent: sharedRouter, Name: "all"}}
	if _, err := api.Update(ctx, ref, routeTo(0, prefix)); err != nil {
		return 0, 0, err
	}
	answered = time.Since(start)
	took, err := wait.Done(ctx)
	if err != nil {
		return 0, 0, err
	}
	return slices.Max(took), answered, nil
}
