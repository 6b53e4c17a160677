// Package ecs asks Amazon ECS which tasks of a service run, and where ECS itself registers them.
//
// It only reads. Events of tasks don't come through here: core/task reads them. Start with Running; Registries says where
// ECS registers.
package ecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"golang.org/x/sync/errgroup"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/task"
	"github.com/ownmesh/ownmesh/internal/attempts"
)

const (
	tasksPage = 100 // both ListTasks and DescribeTasks take as many
	atOnce    = 8   // calls of DescribeTasks that are under way for one listing of a cluster
)

// API is what Tasks calls; *ecs.Client has it.
type API interface {
	ListTasks(context.Context, *awsecs.ListTasksInput, ...func(*awsecs.Options)) (*awsecs.ListTasksOutput, error)
	DescribeTasks(context.Context, *awsecs.DescribeTasksInput, ...func(*awsecs.Options)) (*awsecs.DescribeTasksOutput, error)
	DescribeServices(context.Context, *awsecs.DescribeServicesInput, ...func(*awsecs.Options)) (*awsecs.DescribeServicesOutput, error)
}

// Tasks is ECS in one account and region.
type Tasks struct {
	api API
	now func() time.Time

	mu         sync.Mutex
	registries map[[2]string]kept // by cluster and service
}

// New gives the tasks that api leads to. now dates what is kept in memory.
func New(api API, now func() time.Time) *Tasks {
	return &Tasks{api: api, now: now, registries: map[[2]string]kept{}}
}

// Retries is how clients should retry: ECS throttles an account as a whole, its own deployments included.
func Retries(o *awsecs.Options) {
	o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts, s.MaxBackoff, s.RateLimiter = 8, 3*time.Second, ratelimit.None
	})
}

// Running lists a service's tasks that are meant to run. A cluster or service that isn't there is a
// *endpoint.RefusalError, as is whatever else ECS won't tell.
func (t *Tasks) Running(ctx context.Context, cluster, service string) ([]task.Task, error) {
	var tasks []task.Task
	pages := awsecs.NewListTasksPaginator(t.api, &awsecs.ListTasksInput{
		Cluster: &cluster, ServiceName: &service, DesiredStatus: types.DesiredStatusRunning, MaxResults: aws.Int32(tasksPage),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the tasks of ECS service %s in cluster %s: %w", service, cluster, refused(err, cluster, service))
		}
		some, err := t.Find(ctx, cluster, page.TaskArns)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, some...)
	}
	return tasks, nil
}

// RunningIn lists all of a cluster's tasks that are meant to run, whoever started them, if that takes no more than that
// many calls of ListTasks, of a hundred tasks each. all: it did; else nothing is described, and there are no tasks.
func (t *Tasks) RunningIn(ctx context.Context, cluster string, calls int) (tasks []task.Task, all bool, err error) {
	var arns []string
	pages := awsecs.NewListTasksPaginator(t.api, &awsecs.ListTasksInput{
		Cluster: &cluster, DesiredStatus: types.DesiredStatusRunning, MaxResults: aws.Int32(tasksPage),
	})
	for ; pages.HasMorePages(); calls-- {
		if calls <= 0 {
			return nil, false, nil
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, false, fmt.Errorf("list the tasks of cluster %s: %w", cluster, refused(err, cluster, ""))
		}
		arns = append(arns, page.TaskArns...)
	}
	parts := slices.Collect(slices.Chunk(arns, tasksPage))
	found := make([][]task.Task, len(parts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for n, part := range parts {
		group.Go(func() (err error) {
			found[n], err = t.Find(ctx, cluster, part)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, false, err
	}
	return slices.Concat(found...), true, nil
}

// Find describes tasks of a cluster by ARN, whatever they do. Those that ECS has forgotten, an hour after they stopped,
// are left out.
func (t *Tasks) Find(ctx context.Context, cluster string, arns []string) ([]task.Task, error) {
	var tasks []task.Task
	for len(arns) > 0 {
		count := min(len(arns), tasksPage)
		out, err := t.api.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: &cluster, Tasks: arns[:count]})
		if err != nil {
			return nil, fmt.Errorf("describe %d tasks of cluster %s: %w", count, cluster, refused(err, cluster, ""))
		}
		for _, one := range out.Tasks {
			tasks = append(tasks, fromECS(one))
		}
		arns = arns[count:]
	}
	return tasks, nil
}

// refused turns what ECS won't do into a refusal: another try would end alike.
func refused(err error, cluster, service string) error {
	var noCluster *types.ClusterNotFoundException
	var noService *types.ServiceNotFoundException
	operation, said := attempts.Refused(err)
	switch {
	case errors.As(err, &noCluster):
		return &endpoint.RefusalError{
			Kind: endpoint.Missing, Code: "cluster-missing",
			Message: fmt.Sprintf("there is no ECS cluster %q in this account and region: no task is bound", cluster),
			Hint:    "create the cluster, or name another",
		}
	case errors.As(err, &noService):
		return &endpoint.RefusalError{
			Kind: endpoint.Missing, Code: "ecs-service-missing",
			Message: fmt.Sprintf("there is no ECS service %q in cluster %q: no task is bound", service, cluster),
			Hint:    "create the service, or name another",
		}
	case attempts.IsDenied(err):
		return &endpoint.RefusalError{
			Kind: endpoint.Denied, Code: "ecs-denied",
			Message: fmt.Sprintf("Ownmesh may not ask ECS about tasks of cluster %q (%s): what is known of them stays, events of tasks count, and nothing repairs what an event missed", cluster, said),
			Hint:    fmt.Sprintf("allow ecs:%s to the role of the register function, also in the organization's policies, or name a cluster of this account", operation),
		}
	case attempts.IsRefusal(err):
		return &endpoint.RefusalError{
			Code:    "ecs-refused",
			Message: fmt.Sprintf("ECS does not answer about tasks of cluster %q (%s): what is known of them stays, events of tasks count, and nothing repairs what an event missed", cluster, said),
			Hint:    "name cluster and service as ECS does",
		}
	}
	return err
}

// fromECS reads a task as ECS describes it.
func fromECS(t types.Task) task.Task {
	out := task.Task{
		ARN: aws.ToString(t.TaskArn), Cluster: aws.ToString(t.ClusterArn), Service: task.ServiceOf(aws.ToString(t.Group)),
		Family: task.FamilyOf(aws.ToString(t.TaskDefinitionArn)), Version: t.Version, Zone: aws.ToString(t.AvailabilityZone),
		Unhealthy: t.HealthStatus == types.HealthStatusUnhealthy,
	}
	out.States(aws.ToString(t.LastStatus), aws.ToString(t.DesiredStatus))
	for _, c := range t.Containers {
		failed := c.HealthStatus == types.HealthStatusUnhealthy
		out.Containers = append(out.Containers, task.Container{Name: aws.ToString(c.Name), Running: aws.ToString(c.LastStatus) == "RUNNING", Unhealthy: failed})
		out.Unhealthy = out.Unhealthy || failed
		for _, i := range c.NetworkInterfaces {
			out.Address(aws.ToString(i.PrivateIpv4Address), aws.ToString(i.Ipv6Address))
		}
	}
	return out
}
