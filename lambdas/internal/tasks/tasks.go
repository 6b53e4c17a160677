// Package tasks works through the events of ECS's tasks that Lambda takes from a queue: a batch as one, so that a
// deployment of hundreds of tasks is a handful of changes to each mesh's log.
//
// Order, doubles and losses do no harm, so nothing here keeps order. Start with Handler.Invoke; Registrar puts together
// what it works with.
package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/cenkalti/backoff/v5"

	"github.com/ownmesh/ownmesh/adapters/cloudmap"
	"github.com/ownmesh/ownmesh/adapters/ecs"
	"github.com/ownmesh/ownmesh/adapters/sqs"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/sweep"
	"github.com/ownmesh/ownmesh/core/task"
	"github.com/ownmesh/ownmesh/lambdas/internal/cloud"
)

const (
	// margin is what is kept of the Lambda's time to report what failed.
	margin = 3 * time.Second
	// patience is how long a mesh's failing part of a batch is tried again at once: a task that stops should be gone in
	// seconds, and messages that are reported come back after minutes.
	patience = 20 * time.Second
	// atOnce bounds the meshes that are worked on at once. One that waits to be tried again is none of them.
	atOnce = 16
)

// Registrar is the use case over AWS's services.
func Registrar(c *cloud.Cloud) *reconcile.Registrar {
	directory := cloudmap.New(servicediscovery.NewFromConfig(c.Config, cloudmap.Retries), cloudmap.Options{Logger: c.Logger})
	return reconcile.NewRegistrar(reconcile.RegistrarOptions{
		Store: c.Store(), Registry: endpoint.Overlay{Ledger: c.Registry(), Foreign: directory}, Objects: c.Objects(),
		Directory: directory, Tasks: ecs.New(awsecs.NewFromConfig(c.Config, ecs.Retries), time.Now),
		Now: time.Now, Logger: c.Logger, Events: c.Events(), Place: c.Place(),
	})
}

// Registers takes news of tasks into a mesh; *reconcile.Registrar does. Of a *reconcile.TasksError it is looked at which
// tasks failed.
type Registers interface {
	TasksChanged(ctx context.Context, mesh string, tasks []task.Task) error
}

// Handler is for batches of the queue of task events.
type Handler struct {
	Registrar Registers
	Meshes    sweep.Lister
	Logger    *slog.Logger
}

// Invoke implements lambda.Handler. What can't be read is reported and ends in the dead-letter queue; what is no task's
// event is dropped. Of the others, those come again that concern a mesh in which they failed.
func (h Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	received, err := sqs.Batch(payload)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
	}
	var tasks []task.Task
	unreadable := map[string]bool{}
	about := map[string]string{} // message to task
	for _, m := range received {
		t, err := task.ParseEvent([]byte(m.Body))
		switch {
		case errors.Is(err, task.ErrOther):
			h.Logger.Warn("message is about no task and is dropped", "message", m.ID, "err", err)
		case err != nil:
			h.Logger.Error("message can't be read", "message", m.ID, "tries", m.Tries, "err", err)
			unreadable[m.ID] = true
		default:
			tasks = append(tasks, t)
			about[m.ID] = t.ARN
		}
	}
	failed := h.handle(ctx, tasks)
	return json.Marshal(sqs.Failures(received, func(m sqs.Received) bool { return failed[about[m.ID]] || unreadable[m.ID] }))
}

// handle takes the news into all meshes, each tried again for itself while there is time. It returns the ARNs of the
// tasks that failed somewhere.
func (h Handler) handle(ctx context.Context, tasks []task.Task) map[string]bool {
	failed := map[string]bool{}
	if len(tasks) == 0 {
		return failed
	}
	meshes, err := again(ctx, func() ([]string, error) { return sweep.Present(ctx, h.Meshes) })
	if err != nil {
		h.Logger.Error("task events failed, they come again", "tasks", len(tasks), "err", err)
		for _, t := range tasks {
			failed[t.ARN] = true
		}
		return failed
	}
	slots := make(chan struct{}, atOnce)
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, uid := range meshes {
		all.Go(func() {
			left := h.mesh(ctx, slots, uid, tasks)
			mu.Lock()
			defer mu.Unlock()
			for _, t := range left {
				failed[t.ARN] = true
			}
		})
	}
	all.Wait()
	return failed
}

// mesh takes the news into one mesh, and returns those that failed. No other mesh waits while it waits.
func (h Handler) mesh(ctx context.Context, slots chan struct{}, uid string, tasks []task.Task) []task.Task {
	_, err := again(ctx, func() (struct{}, error) {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return struct{}{}, ctx.Err()
		}
		err := h.Registrar.TasksChanged(ctx, uid, tasks)
		<-slots
		if err == nil {
			return struct{}{}, nil
		}
		of := &reconcile.TasksError{}
		if errors.As(err, &of) && of.Tasks != nil {
			tasks = concerned(tasks, of.Tasks)
		}
		if len(tasks) == 0 {
			h.Logger.Warn("a mesh that no task event is about failed, and is left to the sweep", "mesh", uid, "err", err)
			return struct{}{}, nil
		}
		h.Logger.Warn("task events failed", "mesh", uid, "tasks", len(tasks), "logged", of.Logged, "err", err)
		if of.Logged { // proxies have it; what others are told can wait until the messages come again
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	})
	if err == nil {
		return nil
	}
	h.Logger.Error("task events failed, they come again", "mesh", uid, "tasks", len(tasks), "err", err)
	return tasks
}

func concerned(tasks []task.Task, arns map[string]bool) []task.Task {
	var some []task.Task
	for _, t := range tasks {
		if arns[t.ARN] {
			some = append(some, t)
		}
	}
	return some
}

// again tries until it succeeds, or there is no more time for it.
func again[T any](ctx context.Context, try func() (T, error)) (T, error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 100*time.Millisecond, 3*time.Second
	return backoff.Retry(ctx, try, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(patience))
}

// ByGroup hands batches to one of two handlers: those of a FIFO queue, whose messages have groups, and those of the queue
// of task events.
type ByGroup struct{ Groups, Tasks lambda.Handler }

// Invoke implements lambda.Handler. A batch is of one queue.
func (b ByGroup) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	received, err := sqs.Batch(payload)
	if err != nil {
		return nil, fmt.Errorf("tell which queue a batch is of: %w", err)
	}
	if received[0].Group == "" {
		return b.Tasks.Invoke(ctx, payload)
	}
	return b.Groups.Invoke(ctx, payload)
}
