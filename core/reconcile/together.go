package reconcile

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/task"
)

const (
	// describedTogether is how many services ECS describes in one call.
	describedTogether = 10
	// worthListing is how many services of a cluster must be asked about for each call that lists the cluster's tasks. One
	// by one they take two calls each, a cluster's hundred tasks two: so where this works it takes a quarter of the calls
	// or less, and where a cluster has too many other tasks, an eighth more.
	worthListing = 4
	// listWithin is how long clusters are listed before services are asked about one by one: that goes on where it stopped
	// when a pass has no more time, a listing does not.
	listWithin = 3 * time.Second
)

// ecsService is a service of ECS, by cluster, as a binding or event names it, and name.
type ecsService struct{ cluster, name string }

// together asks ECS about the services of one pass, several in one call.
type together struct {
	tasks     Tasks
	byCluster map[string][]string                       // names of services
	described map[ecsService]func() (registered, error) // asks when the first of a call's services is needed
	listed    map[string]listing                        // by cluster
}

// listing is what a cluster's tasks are, by service, or why they can't be had.
type listing struct {
	tasks map[string][]task.Task
	err   error
}

// registered is where ECS registers tasks of some services.
type registered struct {
	arns     map[string][]string
	refusals map[string]*endpoint.RefusalError
}

// newTogether is for a pass that asks about these services, in this order and while ctx lasts.
func newTogether(ctx context.Context, tasks Tasks, services []ecsService) *together {
	t := &together{tasks: tasks, byCluster: map[string][]string{}, described: map[ecsService]func() (registered, error){}, listed: map[string]listing{}}
	for _, s := range services {
		if _, seen := t.described[s]; !seen && s.name != "" {
			t.described[s] = nil
			t.byCluster[s.cluster] = append(t.byCluster[s.cluster], s.name)
		}
	}
	for cluster, names := range t.byCluster {
		for some := range slices.Chunk(names, describedTogether) {
			describe := sync.OnceValues(func() (r registered, err error) {
				r.arns, r.refusals, err = tasks.Registries(ctx, cluster, some)
				return r, err
			})
			for _, name := range some {
				t.described[ecsService{cluster, name}] = describe
			}
		}
	}
	return t
}

// registries are the ARNs of the directory's services in which ECS itself registers the service's tasks.
func (t *together) registries(s ecsService) ([]string, error) {
	all, err := t.described[s]()
	if arns, ok := all.arns[s.name]; ok {
		return arns, nil
	}
	if refusal := all.refusals[s.name]; refusal != nil {
		return nil, refusal
	}
	return nil, err
}

// list lists the clusters of which enough services are asked about. What else stands in the way than that there is no such
// cluster shows when services are asked about one by one: other tasks of a cluster may be none of ours to describe.
func (t *together) list(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, listWithin)
	defer cancel()
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(atOnce)
	for cluster, names := range t.byCluster {
		calls := len(names) / worthListing
		if calls == 0 {
			continue
		}
		group.Go(func() error {
			tasks, _, err := t.tasks.RunningIn(ctx, cluster, calls)
			byService := map[string][]task.Task{}
			for _, one := range tasks {
				byService[one.Service] = append(byService[one.Service], one)
			}
			mu.Lock()
			defer mu.Unlock()
			t.listed[cluster] = listing{byService, err}
			return nil
		})
	}
	_ = group.Wait() // the errors are in listed
}

// running lists the service's tasks that are meant to run. A service without any in its cluster's listing is asked about
// by itself: it may not be there.
func (t *together) running(ctx context.Context, s ecsService) ([]task.Task, error) {
	listed := t.listed[s.cluster]
	if isMissing(listed.err) {
		return nil, listed.err
	}
	if tasks := listed.tasks[s.name]; len(tasks) > 0 {
		return tasks, nil
	}
	return t.tasks.Running(ctx, s.cluster, s.name)
}
