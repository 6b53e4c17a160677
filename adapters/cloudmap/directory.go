// Package cloudmap reads and registers instances of services in AWS Cloud Map: in private and public DNS namespaces,
// and in HTTP namespaces.
//
// It changes only what it made: services that carry the tag of the mesh that asks (TagMesh). What others made, ECS
// foremost, is only read. It makes no namespaces, and it never calls DiscoverInstances, which costs money a call.
//
// Start with Instances in instances.go for reading, Ensure in services.go for what it makes. Ids of namespaces and
// services are looked up by name, kept for a while, and looked up again when they turn out to be wrong: ids.go.
package cloudmap

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sd "github.com/aws/aws-sdk-go-v2/service/servicediscovery"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// Tags of the services that Ownmesh made.
const (
	TagMesh = "ownmesh:mesh" // the uid of the mesh that needs the service
	TagName = "ownmesh:name" // on services that are there only to make a name resolve
)

// Attributes of instances that Ownmesh registered.
const (
	AttributeVersion = "OWNMESH_VERSION" // endpoint.Instance.Version
	AttributeName    = "OWNMESH_NAME"    // on the instance that makes a name resolve: it is no endpoint
)

// Attributes that Cloud Map and ECS give a meaning to.
const (
	attributeIPv4       = "AWS_INSTANCE_IPV4"
	attributeIPv6       = "AWS_INSTANCE_IPV6"
	attributePort       = "AWS_INSTANCE_PORT"
	attributeInitHealth = "AWS_INIT_HEALTH_STATUS"
	attributeZone       = "AVAILABILITY_ZONE"
)

// API is what a Directory calls; *servicediscovery.Client has it.
type API interface {
	ListNamespaces(context.Context, *sd.ListNamespacesInput, ...func(*sd.Options)) (*sd.ListNamespacesOutput, error)
	ListServices(context.Context, *sd.ListServicesInput, ...func(*sd.Options)) (*sd.ListServicesOutput, error)
	ListTagsForResource(context.Context, *sd.ListTagsForResourceInput, ...func(*sd.Options)) (*sd.ListTagsForResourceOutput, error)
	CreateService(context.Context, *sd.CreateServiceInput, ...func(*sd.Options)) (*sd.CreateServiceOutput, error)
	DeleteService(context.Context, *sd.DeleteServiceInput, ...func(*sd.Options)) (*sd.DeleteServiceOutput, error)
	ListInstances(context.Context, *sd.ListInstancesInput, ...func(*sd.Options)) (*sd.ListInstancesOutput, error)
	GetInstancesHealthStatus(context.Context, *sd.GetInstancesHealthStatusInput, ...func(*sd.Options)) (*sd.GetInstancesHealthStatusOutput, error)
	RegisterInstance(context.Context, *sd.RegisterInstanceInput, ...func(*sd.Options)) (*sd.RegisterInstanceOutput, error)
	DeregisterInstance(context.Context, *sd.DeregisterInstanceInput, ...func(*sd.Options)) (*sd.DeregisterInstanceOutput, error)
}

// Options are the knobs of a Directory; zero values mean the defaults in parentheses.
type Options struct {
	Now    func() time.Time // (time.Now)
	Logger *slog.Logger     // (none)
}

// Directory is Cloud Map in one account and region.
type Directory struct {
	api API
	log *slog.Logger
	ids *ids
}

var _ endpoint.Source = (*Directory)(nil)

// New gives the directory that api leads to.
func New(api API, o Options) *Directory {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Directory{api: api, log: o.Logger, ids: newIDs(api, o.Now)}
}

// Retries is how clients should retry: Cloud Map throttles an account as a whole, ECS's own registrations included, so
// a little longer than the SDK does by itself, and without a bucket that runs empty in a Lambda that lives for hours.
func Retries(o *sd.Options) {
	standard := retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts, s.MaxBackoff, s.RateLimiter = 8, 3*time.Second, ratelimit.None
	})
	o.Retryer = retry.AddWithErrorCodes(standard, "DuplicateRequest")
}

// value is a string that the API gives as a pointer.
func value(s *string) string { return aws.ToString(s) }
