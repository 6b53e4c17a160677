package main

import (
	"context"

	"github.com/ownmesh/ownmesh/core/graph"
)

// certificates is what is known in AWS of those that specs name by ARN: nothing that a proxy could serve with, since ACM
// gives no private keys away but to AWS's own services. Users are told what to do instead.
type certificates struct{}

// Find implements certificate.Source.
func (certificates) Find(context.Context, string) (graph.Material, error) {
	return graph.Material{Problem: "Certificate Manager gives its private keys to no proxy of ours, and nothing is looked up there: " +
		"give it to the proxies by file or sds"}, nil
}
