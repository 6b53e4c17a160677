package main

import (
	"context"
	"crypto"
	"fmt"
	"time"

	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/google/uuid"

	"github.com/ownmesh/ownmesh/adapters/kms"
	"github.com/ownmesh/ownmesh/core/api"
	"github.com/ownmesh/ownmesh/core/compile/version"
	"github.com/ownmesh/ownmesh/core/token"
	"github.com/ownmesh/ownmesh/lambdas/internal/cloud"
	"github.com/ownmesh/ownmesh/lambdas/internal/gateway"
	"github.com/ownmesh/ownmesh/lambdas/internal/instances"
	"github.com/ownmesh/ownmesh/lambdas/internal/settings"
)

// options says what the API works with in AWS. Commits need no telling here: the table's stream tells of them.
func options(c *cloud.Cloud) (api.Options, error) {
	meshes := c.Store()
	o := api.Options{
		Store: meshes, Registry: c.Registry(), Objects: c.Objects(),
		Now: time.Now, NewID: uuid.NewString,
		Account: c.Get(settings.Account), Region: c.Config.Region, Partition: c.Partition(),
		Caller:           gateway.Caller,
		InstancesChanged: instances.Tell(meshes, c.Queue(settings.RegisterQueue), c.Logger),
		Relay:            c.Get(settings.Relay),
		Version:          buildVersion, Compiler: version.Compiler, Logger: c.Logger,
	}
	key := c.Get(settings.TokenKey)
	if (key == "") != (o.Relay == "") {
		return o, fmt.Errorf("%s and %s must be set both, or neither: sidecars reach a relay with a token", settings.TokenKey, settings.Relay)
	}
	if key == "" {
		return o, nil
	}
	tokens, err := token.NewIssuer(token.IssuerOptions{Now: time.Now, Signer: func(ctx context.Context) (crypto.Signer, error) {
		return kms.Open(ctx, awskms.NewFromConfig(c.Config), key)
	}})
	o.Tokens = tokens
	return o, err
}
