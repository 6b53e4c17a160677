package servers

import (
	"context"
	"fmt"
	"strconv"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	cachev3 "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	serverv3 "github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"

	"github.com/ownmesh/ownmesh/test/bench/load"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
)

// snapshots is go-control-plane as it is mostly used: a snapshot for each node, of which all share the resources that
// they have in common; a change makes a new one for each node whom it concerns.
type snapshots struct {
	cache    cachev3.SnapshotCache
	messages *load.Messages
	version  int
}

func startSnapshot(ctx context.Context, c Config) (*served, error) {
	s := &snapshots{
		cache: cachev3.NewSnapshotCache(true, cachev3.IDHash{}, nil), messages: load.Shape{Proxies: c.Shape}.Messages(),
	}
	if err := s.all(ctx); err != nil {
		return nil, err
	}
	options := append(relay.ServerOptions(), grpc.ForceServerCodecV2(encoding.GetCodecV2(proto.Name)))
	server := grpc.NewServer(options...)
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, serverv3.NewServer(ctx, s.cache, nil))
	addr, err := listen(server)
	return &served{xds: addr, change: s.change, stop: server.Stop}, err
}

func (s *snapshots) change(ctx context.Context, c load.Change) error {
	s.messages.Apply(c)
	if c.Proxy == load.Everyone {
		return s.all(ctx)
	}
	s.version++
	return s.one(ctx, c.Proxy)
}

func (s *snapshots) all(ctx context.Context) error {
	s.version++
	for i := range s.messages.Own {
		if err := s.one(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// one gives a proxy its newest snapshot.
func (s *snapshots) one(ctx context.Context, i int) error {
	resources := map[string][]types.Resource{}
	for _, kind := range load.Types() {
		for _, m := range s.messages.Shared[kind] {
			resources[kind] = append(resources[kind], m)
		}
		for _, m := range s.messages.Own[i][kind] {
			resources[kind] = append(resources[kind], m)
		}
	}
	snapshot, err := cachev3.NewSnapshot(strconv.Itoa(s.version), resources)
	if err != nil {
		return fmt.Errorf("make the snapshot of proxy %d: %w", i, err)
	}
	return s.cache.SetSnapshot(ctx, load.NodeID(i), snapshot)
}
