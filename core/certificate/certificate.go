// Package certificate is the port for certificates that specs name by ARN: AWS Certificate Manager's, or a folder's.
//
// Only public parts pass through it. A private key stays where it is: on the disk of the proxies that serve with it,
// under a path that is known here. Implementations pass certificatetest.Run. Start with Source.
package certificate

import (
	"context"

	"github.com/ownmesh/ownmesh/core/graph"
)

// Source looks up certificates and certificate authorities.
type Source interface {
	// Find returns what is known of the certificate or authority with this ARN. What can't be used says so in its
	// Problem, what is not there is empty: both are findings for users. An error is an infrastructure fault: whoever
	// asks goes on with what was known before.
	Find(ctx context.Context, arn string) (graph.Material, error)
}
