package cloudmap_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sd "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/adapters/cloudmap"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

func TestMain(m *testing.M) { emulator.Main(m) }

// account is the emulator, whose listings neither filter nor page: that is done here, as AWS does it. It counts
// listings.
type account struct {
	*sd.Client
	t        *testing.T
	listings atomic.Int64
	fault    func(operation string) error // nil: none
}

func newAccount(t *testing.T) *account {
	return &account{t: t, Client: sd.NewFromConfig(emulator.Config(t), cloudmap.Retries)}
}

func (a *account) fail(operation string) error {
	if a.fault != nil {
		return a.fault(operation)
	}
	return nil
}

func (a *account) ListServices(ctx context.Context, in *sd.ListServicesInput, o ...func(*sd.Options)) (*sd.ListServicesOutput, error) {
	a.listings.Add(1)
	out, err := a.Client.ListServices(ctx, in, o...)
	if err != nil {
		return nil, err
	}
	out.Services = slices.DeleteFunc(out.Services, func(s types.ServiceSummary) bool {
		full, err := a.GetService(ctx, &sd.GetServiceInput{Id: s.Id})
		return err != nil || aws.ToString(full.Service.NamespaceId) != in.Filters[0].Values[0]
	})
	return out, nil
}

func (a *account) ListInstances(ctx context.Context, in *sd.ListInstancesInput, o ...func(*sd.Options)) (*sd.ListInstancesOutput, error) {
	if err := a.fail("ListInstances"); err != nil {
		return nil, err
	}
	out, err := a.Client.ListInstances(ctx, in, o...)
	if err != nil {
		return nil, err
	}
	start := 0
	if in.NextToken != nil {
		if _, err := fmt.Sscan(*in.NextToken, &start); err != nil {
			return nil, err
		}
	}
	end := min(start+int(*in.MaxResults), len(out.Instances))
	if end < len(out.Instances) {
		out.NextToken = aws.String(fmt.Sprint(end))
	}
	out.Instances = out.Instances[start:end]
	return out, nil
}

func (a *account) DeleteService(ctx context.Context, in *sd.DeleteServiceInput, o ...func(*sd.Options)) (*sd.DeleteServiceOutput, error) {
	if err := a.fail("DeleteService"); err != nil {
		return nil, err
	}
	return a.Client.DeleteService(ctx, in, o...)
}

func (a *account) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// namespace makes a namespace of a kind: private, public, http.
func (a *account) namespace(kind string) string {
	a.t.Helper()
	name := emulator.Name(a.t) + ".local"
	var err error
	switch kind {
	case "private":
		_, err = a.CreatePrivateDnsNamespace(a.t.Context(), &sd.CreatePrivateDnsNamespaceInput{Name: &name, Vpc: aws.String("vpc-1")})
	case "public":
		_, err = a.CreatePublicDnsNamespace(a.t.Context(), &sd.CreatePublicDnsNamespaceInput{Name: &name})
	default:
		_, err = a.CreateHttpNamespace(a.t.Context(), &sd.CreateHttpNamespaceInput{Name: &name})
	}
	a.must(err)
	return name
}

// service makes a service as somebody else would, and returns its id.
func (a *account) service(key endpoint.ServiceKey, checked bool) string {
	a.t.Helper()
	all, err := a.ListNamespaces(a.t.Context(), &sd.ListNamespacesInput{})
	a.must(err)
	in := &sd.CreateServiceInput{Name: &key.Service}
	for _, n := range all.Namespaces {
		if aws.ToString(n.Name) == key.Namespace {
			in.NamespaceId = n.Id
		}
	}
	if checked {
		in.HealthCheckCustomConfig = &types.HealthCheckCustomConfig{FailureThreshold: aws.Int32(1)}
	}
	out, err := a.CreateService(a.t.Context(), in)
	a.must(err)
	return aws.ToString(out.Service.Id)
}

func (a *account) register(service, id string, attributes map[string]string) {
	a.t.Helper()
	_, err := a.RegisterInstance(a.t.Context(), &sd.RegisterInstanceInput{ServiceId: &service, InstanceId: &id, Attributes: attributes})
	a.must(err)
}

// find returns the service as Cloud Map has it, or nil.
func (a *account) find(key endpoint.ServiceKey) *types.Service {
	a.t.Helper()
	all, err := a.Client.ListServices(a.t.Context(), &sd.ListServicesInput{})
	a.must(err)
	for _, s := range all.Services {
		if aws.ToString(s.Name) != key.Service {
			continue
		}
		full, err := a.GetService(a.t.Context(), &sd.GetServiceInput{Id: s.Id})
		if err != nil {
			continue // another test's, deleted meanwhile
		}
		ns, err := a.GetNamespace(a.t.Context(), &sd.GetNamespaceInput{Id: full.Service.NamespaceId})
		a.must(err)
		if aws.ToString(ns.Namespace.Name) == key.Namespace {
			return full.Service
		}
	}
	return nil
}

// raw are the instances' attributes by id as Cloud Map has them.
func (a *account) raw(key endpoint.ServiceKey) map[string]map[string]string {
	a.t.Helper()
	s := a.find(key)
	if s == nil {
		return nil
	}
	out, err := a.Client.ListInstances(a.t.Context(), &sd.ListInstancesInput{ServiceId: s.Id})
	a.must(err)
	all := map[string]map[string]string{}
	for _, i := range out.Instances {
		all[aws.ToString(i.Id)] = i.Attributes
	}
	return all
}

// clock is a time that a test moves.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time           { return time.Unix(1_700_000_000, c.nanos.Load()) }
func (c *clock) advance(by time.Duration) { c.nanos.Add(int64(by)) }

func key(namespace, service string) endpoint.ServiceKey {
	return endpoint.ServiceKey{Namespace: namespace, Service: service}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
