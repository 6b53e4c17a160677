package servers

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/test/bench/load"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
)

// startRelay serves the logs in a folder, to which the benchmark itself appends: what it costs to write them is not the
// relay's.
func startRelay(ctx context.Context, c Config) (*served, error) {
	objects, err := folder.Open(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the artifact logs: %w", err)
	}
	r := relay.New(relay.Options{Objects: objects, ID: "bench"})
	server := grpc.NewServer(relay.ServerOptions()...)
	r.Register(server)
	addr, err := listen(server)
	if err != nil {
		return nil, err
	}
	// It ends with the process, and so does what it returns.
	go func() { _ = r.Run(ctx) }()
	wake := func(context.Context, load.Change) error {
		r.Wake(events.LogAppended{UID: load.MeshUID, Log: events.LogEndpoints})
		return nil
	}
	return &served{xds: addr, change: wake, stop: server.Stop}, nil
}
