// Package cloud gives Lambdas what they work with: settings, the adapters over AWS's services, a logger.
//
// It makes clients, and calls nothing: the first call is the first request's. It imports no Envoy types, since the
// API's Lambda stands on it. Start with Run.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ownmesh/ownmesh/adapters/dynamodb"
	"github.com/ownmesh/ownmesh/adapters/eventbridge"
	"github.com/ownmesh/ownmesh/adapters/s3"
	"github.com/ownmesh/ownmesh/adapters/sqs"
	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/lambdas/internal/settings"
)

// Cloud is where a Lambda runs.
type Cloud struct {
	settings.Settings
	Config aws.Config
	Logger *slog.Logger
}

// Run starts a Lambda: it reads the variables that must be set and those that may be, has its handler made, and serves
// until the process ends. A mistake ends it at once, with its cause in the log.
func Run(required, optional []string, handler func(context.Context, *Cloud) (lambda.Handler, error)) {
	ctx := context.Background()
	c, err := open(ctx, required, optional)
	var h lambda.Handler
	if err == nil {
		h, err = handler(ctx, c)
	}
	if err != nil {
		slog.New(slog.NewJSONHandler(os.Stderr, nil)).Error("can't start", "err", err)
		os.Exit(1)
	}
	lambda.StartWithOptions(h, lambda.WithContext(ctx))
}

func open(ctx context.Context, required, optional []string) (*Cloud, error) {
	s, err := settings.Read(os.Getenv, required, optional)
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read AWS's settings: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("AWS_REGION must be set")
	}
	return &Cloud{Settings: s, Config: cfg, Logger: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: s.Level}))}, nil
}

// Store is the table of meshes.
func (c *Cloud) Store() *dynamodb.Store {
	return dynamodb.New(awsdynamodb.NewFromConfig(c.Config), c.Get(settings.Table))
}

// Registry is the table of instances.
func (c *Cloud) Registry() *dynamodb.Registry {
	return dynamodb.NewRegistry(awsdynamodb.NewFromConfig(c.Config), c.Get(settings.InstancesTable), time.Now)
}

// Objects is the bucket of artifacts. Emulators, which are where an endpoint is given, know buckets by path only.
func (c *Cloud) Objects() *s3.Objects {
	client := awss3.NewFromConfig(c.Config, func(o *awss3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
	return s3.New(client, c.Get(settings.Bucket))
}

// Queue is the queue whose URL a variable holds.
func (c *Cloud) Queue(variable string) *sqs.Queue {
	return sqs.New(awssqs.NewFromConfig(c.Config), c.Get(variable))
}

// Events is the bus that is told of what happened; nil if there is none.
func (c *Cloud) Events() notice.Publisher {
	name := c.Get(settings.Bus)
	if name == "" {
		return nil
	}
	return eventbridge.New(awseventbridge.NewFromConfig(c.Config), name)
}

// Place is where ARNs are.
func (c *Cloud) Place() notice.Place {
	return notice.Place{Partition: c.Partition(), Region: c.Config.Region}
}

// Partition is AWS's partition of the region: in China and for the US government ARNs begin otherwise.
func (c *Cloud) Partition() string {
	switch {
	case strings.HasPrefix(c.Config.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(c.Config.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
