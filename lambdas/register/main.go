// The register Lambda brings the instances of the meshes' services, registered ones and running tasks, into their
// endpoints logs. Its work is in core/reconcile.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/ownmesh/ownmesh/lambdas/internal/batch"
	"github.com/ownmesh/ownmesh/lambdas/internal/cloud"
	"github.com/ownmesh/ownmesh/lambdas/internal/settings"
	"github.com/ownmesh/ownmesh/lambdas/internal/tasks"
)

func main() {
	cloud.Run([]string{settings.Table, settings.InstancesTable, settings.Bucket}, []string{settings.Bus},
		func(_ context.Context, c *cloud.Cloud) (lambda.Handler, error) {
			registrar := tasks.Registrar(c)
			return tasks.ByGroup{
				Groups: batch.Register(registrar, c.Logger),
				Tasks:  tasks.Handler{Registrar: registrar, Meshes: c.Store(), Logger: c.Logger},
			}, nil
		})
}
