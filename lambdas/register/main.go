// The register Lambda brings the registered instances of the meshes' services into their endpoints logs. Its work is in
// core/reconcile.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/lambdas/internal/batch"
	"github.com/ownmesh/ownmesh/lambdas/internal/cloud"
	"github.com/ownmesh/ownmesh/lambdas/internal/settings"
)

func main() {
	cloud.Run([]string{settings.Table, settings.InstancesTable, settings.Bucket}, []string{settings.Bus},
		func(_ context.Context, c *cloud.Cloud) (lambda.Handler, error) {
			registrar := reconcile.NewRegistrar(reconcile.RegistrarOptions{
				Store: c.Store(), Registry: c.Registry(), Objects: c.Objects(), Now: time.Now, Logger: c.Logger,
				Events: c.Events(), Place: c.Place(),
			})
			return batch.Register(registrar, c.Logger), nil
		})
}
