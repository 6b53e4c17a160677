package ecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

const (
	servicesPage = 10 // DescribeServices takes as many
	// registriesFor is how long it counts where a service's tasks are registered. ECS lets that be changed by an update
	// of the service alone, which starts new tasks: they take about as long to run.
	registriesFor = 30 * time.Second
	// refusedFor is how long a refusal counts: batches of events don't wait for the same one again and again.
	refusedFor = 10 * time.Second
	maxKept    = 1024 // services whose registries are kept
)

// kept is what was answered about a service: its registries, or why ECS won't tell.
type kept struct {
	arns    []string
	refused *endpoint.RefusalError
	at      time.Time
}

func (k kept) counts(now time.Time) bool {
	age := now.Sub(k.at)
	return age < refusedFor || age < registriesFor && k.refused == nil
}

// Registries gives, for each of the services of a cluster, the ARNs of the Cloud Map services that ECS itself registers
// its tasks in. A service that isn't there has none. A service that ECS won't tell about is among the refusals. A service
// in neither could not be asked about: the error says why.
func (t *Tasks) Registries(ctx context.Context, cluster string, services []string) (map[string][]string, map[string]*endpoint.RefusalError, error) {
	arns, refusals := map[string][]string{}, map[string]*endpoint.RefusalError{}
	var together []string
	var groups [][]string
	t.mu.Lock()
	for _, service := range slices.Compact(slices.Sorted(slices.Values(services))) {
		known, ok := t.registries[[2]string{cluster, service}]
		switch {
		case ok && known.counts(t.now()):
			known.give(service, arns, refusals)
		case ok && known.refused != nil: // a call is refused as a whole: others are not to be asked about with this one
			groups = append(groups, []string{service})
		default:
			together = append(together, service)
		}
	}
	t.mu.Unlock()
	var errs []error
	for _, group := range slices.AppendSeq(groups, slices.Chunk(together, servicesPage)) {
		found, err := t.describe(ctx, cluster, group)
		errs = append(errs, err)
		for service, one := range found {
			one.give(service, arns, refusals)
		}
	}
	return arns, refusals, errors.Join(errs...)
}

func (k kept) give(service string, arns map[string][]string, refusals map[string]*endpoint.RefusalError) {
	if k.refused != nil {
		refusals[service] = k.refused
		return
	}
	arns[service] = k.arns
}

// describe asks ECS about services of a cluster, by one call; if that is refused, about each by itself, for one of them is
// enough to have all refused.
func (t *Tasks) describe(ctx context.Context, cluster string, services []string) (map[string]kept, error) {
	out, err := t.api.DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: &cluster, Services: services})
	refusal := endpoint.RefusalOf(refused(err, cluster, services[0]))
	missing := refusal != nil && refusal.Kind == endpoint.Missing
	found := map[string]kept{}
	switch {
	case err != nil && refusal == nil:
		return nil, fmt.Errorf("describe ECS services %q in cluster %s: %w", services, cluster, err)
	case refusal != nil && !missing && len(services) > 1:
		var errs []error
		for _, service := range services {
			one, err := t.describe(ctx, cluster, []string{service})
			if errs = append(errs, err); err == nil {
				found[service] = one[service]
			}
			if ctx.Err() != nil {
				break
			}
		}
		return found, errors.Join(errs...)
	}
	for _, service := range services {
		one := kept{at: t.now()}
		if refusal != nil && !missing {
			one.refused = refusal
		}
		found[service] = one
	}
	if err == nil {
		registered(out.Services, found)
	}
	t.keep(cluster, found)
	return found, nil
}

// registered notes where ECS registers the tasks of services. Those that are not there are not among its answers.
func registered(answers []types.Service, found map[string]kept) {
	for _, s := range answers {
		one, asked := found[aws.ToString(s.ServiceName)]
		if !asked {
			continue
		}
		for _, r := range s.ServiceRegistries {
			one.arns = append(one.arns, aws.ToString(r.RegistryArn))
		}
		found[aws.ToString(s.ServiceName)] = one
	}
}

func (t *Tasks) keep(cluster string, found map[string]kept) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.registries)+len(found) > maxKept {
		clear(t.registries)
	}
	for service, one := range found {
		t.registries[[2]string{cluster, service}] = one
	}
}
