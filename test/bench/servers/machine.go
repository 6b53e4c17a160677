package servers

import (
	"context"
	"fmt"

	"github.com/ownmesh/ownmesh/internal/onemachine"
)

// startMachine runs a whole mesh, as `ownmesh up` does.
func startMachine(ctx context.Context, c Config) (*served, error) {
	m, err := onemachine.Start(ctx, onemachine.Options{
		Data: c.Dir, API: "127.0.0.1:0", XDS: "127.0.0.1:0", Admin: "127.0.0.1:0", Version: "bench",
	})
	if err != nil {
		return nil, fmt.Errorf("start a machine: %w", err)
	}
	return &served{xds: m.XDSAddr, api: m.APIAddr, stop: func() { _ = m.Close(ctx) }}, nil
}
