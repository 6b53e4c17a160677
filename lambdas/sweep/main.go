// The sweep Lambda is called each minute by a schedule. It makes up for lost messages, and alone may delete artifacts. Its
// work is in lambdas/internal/sweep.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/status"
	"github.com/ownmesh/ownmesh/lambdas/internal/cloud"
	"github.com/ownmesh/ownmesh/lambdas/internal/settings"
	"github.com/ownmesh/ownmesh/lambdas/internal/sweep"
)

func main() {
	cloud.Run([]string{settings.Table, settings.Bucket, settings.CompileQueue, settings.RegisterQueue}, []string{settings.Bus},
		func(_ context.Context, c *cloud.Cloud) (lambda.Handler, error) {
			meshes, objects := c.Store(), c.Objects()
			h := sweep.Handler{
				Store: meshes, Objects: objects, Logger: c.Logger,
				Compile: c.Queue(settings.CompileQueue), Register: c.Queue(settings.RegisterQueue),
				Collector: artifact.NewCollector(objects, artifact.CollectorOptions{Now: time.Now}),
			}
			if bus := c.Events(); bus != nil {
				reader := status.Reader{Objects: objects, Now: time.Now, Logger: c.Logger}
				h.Converged = (&status.Converger{Reader: reader, Store: meshes, Events: bus, Place: c.Place()}).Handle
			}
			return h, nil
		})
}
