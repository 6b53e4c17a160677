package load

import (
	"context"
	"fmt"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/events"
)

// Publisher writes the load to the artifact logs that a relay reads.
type Publisher struct {
	writer *artifact.Writer[*endpoint.State, endpoint.Change]
	at     artifact.Position
	state  *endpoint.State
}

// Publish writes the load's first state.
func (s Shape) Publish(ctx context.Context, objects artifact.Objects) (*Publisher, error) {
	config := artifact.NewWriter(objects, MeshUID, artifact.ConfigLog, artifact.WriterOptions{})
	if _, err := config.NewEpoch(ctx, artifact.Position{}, s.Config()); err != nil {
		return nil, fmt.Errorf("publish the config log: %w", err)
	}
	p := &Publisher{
		writer: artifact.NewWriter(objects, MeshUID, artifact.EndpointsLog, artifact.WriterOptions{}),
		state:  s.Endpoints(),
	}
	var err error
	if p.at, err = p.writer.NewEpoch(ctx, artifact.Position{}, p.state); err != nil {
		return nil, fmt.Errorf("publish the endpoints log: %w", err)
	}
	if _, err := objects.Create(ctx, events.NamePath(MeshName), []byte(MeshUID)); err != nil {
		return nil, fmt.Errorf("publish the mesh's name: %w", err)
	}
	return p, nil
}

// Append writes a change.
func (p *Publisher) Append(ctx context.Context, c Change) error {
	change := c.EndpointsChange()
	p.state.Apply(change)
	at, err := p.writer.Append(ctx, p.at, change, func() *endpoint.State { return p.state })
	if err != nil {
		return fmt.Errorf("append to the endpoints log: %w", err)
	}
	p.at = at
	return nil
}
