// The compile Lambda brings the config logs of the meshes that its queue names to their newest generation. It stays warm
// between calls, and reads only what is new. Its work is in core/reconcile.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/lambdas/internal/batch"
	"github.com/ownmesh/ownmesh/lambdas/internal/cloud"
	"github.com/ownmesh/ownmesh/lambdas/internal/settings"
)

func main() {
	cloud.Run([]string{settings.Table, settings.Bucket}, []string{settings.Bus},
		func(_ context.Context, c *cloud.Cloud) (lambda.Handler, error) {
			compiler := reconcile.NewCompiler(reconcile.CompilerOptions{
				Store: c.Store(), Objects: c.Objects(), Now: time.Now, Logger: c.Logger, Certificates: certificates{},
				Events: c.Events(), Place: c.Place(),
				Compile: compile.Options{Interception: resource.Transparent, Partition: c.Partition()},
			})
			return batch.Compile(compiler.Handle, c.Logger), nil
		})
}
