package reconcile

import (
	"context"
	"iter"
	"maps"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// lookUp gives what is known of the certificates that resources name by ARN, added to what is known already; if all,
// that is looked up again. A certificate that can't be looked up now stays what it was.
func (c *Compiler) lookUp(ctx context.Context, known map[string]graph.Material, resources iter.Seq[resource.Resource], all bool) (map[string]graph.Material, error) {
	wanted := map[string]bool{}
	for r := range resources {
		for _, arn := range compile.CertificateARNs(r) {
			_, there := known[arn]
			wanted[arn] = !there
		}
	}
	if all {
		for arn := range known {
			wanted[arn] = true
		}
	}
	out := maps.Clone(known)
	if out == nil {
		out = map[string]graph.Material{}
	}
	for arn, look := range wanted {
		if !look {
			continue
		}
		m, err := c.find(ctx, arn)
		switch {
		case err == nil:
			out[arn] = m
		case ctx.Err() != nil:
			return nil, err
		default:
			c.Logger.Warn("certificate can't be looked up, going on with what was known", "arn", arn, "err", err)
			out[arn] = known[arn]
		}
	}
	return out, nil
}

func (c *Compiler) find(ctx context.Context, arn string) (graph.Material, error) {
	if c.Certificates == nil {
		return graph.Material{}, nil
	}
	return c.Certificates.Find(ctx, arn)
}

// resourcesOf are the resources that a journal's entries hold.
func resourcesOf(entries []store.Entry) iter.Seq[resource.Resource] {
	return func(yield func(resource.Resource) bool) {
		for _, e := range entries {
			if e.Resource != nil && !yield(*e.Resource) {
				return
			}
		}
	}
}
