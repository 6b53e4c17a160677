// The dispatch Lambda reads the stream of the table of meshes, and tells compile and register which meshes changed. It
// never changes anything itself. Its work is in lambdas/internal/dispatch.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/ownmesh/ownmesh/lambdas/internal/cloud"
	"github.com/ownmesh/ownmesh/lambdas/internal/dispatch"
	"github.com/ownmesh/ownmesh/lambdas/internal/settings"
)

func main() {
	cloud.Run([]string{settings.Table, settings.CompileQueue, settings.RegisterQueue, settings.PoisonQueue}, []string{settings.Bus},
		func(_ context.Context, c *cloud.Cloud) (lambda.Handler, error) {
			teller := &dispatch.Teller{Store: c.Store(), Events: c.Events(), Place: c.Place(), Logger: c.Logger}
			return dispatch.Handler{
				Compile: c.Queue(settings.CompileQueue), Register: c.Queue(settings.RegisterQueue),
				Poison: c.Queue(settings.PoisonQueue), Committed: teller.Committed, Logger: c.Logger,
			}, nil
		})
}
