// The api Lambda answers App Mesh's API and Ownmesh's own behind API Gateway, which has checked who asks and what they may.
// Its work is in core/api; options.go says what it works with.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/ownmesh/ownmesh/core/api"
	"github.com/ownmesh/ownmesh/lambdas/internal/cloud"
	"github.com/ownmesh/ownmesh/lambdas/internal/gateway"
	"github.com/ownmesh/ownmesh/lambdas/internal/settings"
)

// buildVersion is set when it is built.
var buildVersion = "unknown"

func main() {
	cloud.Run(
		[]string{settings.Table, settings.InstancesTable, settings.Bucket, settings.RegisterQueue, settings.Account},
		[]string{settings.TokenKey, settings.Relay},
		func(_ context.Context, c *cloud.Cloud) (lambda.Handler, error) {
			o, err := options(c)
			return gateway.Handler{Handler: api.New(o)}, err
		})
}
