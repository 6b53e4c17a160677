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
	// patience is how long a failing batch is tried again at once: a task that stops should be gone in seconds, and
	// messages that are reported come back after minutes.
	patience = 20 * time.Second
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

// Registers takes news of tasks into meshes; *reconcile.Registrar does.
type Registers interface {
	TasksChanged(ctx context.Context, meshes []string, tasks []task.Task) error
}

// Handler is for batches of the queue of task events.
type Handler struct {
	Registrar Registers
	Meshes    sweep.Lister
	Logger    *slog.Logger
}

// Invoke implements lambda.Handler. What can't be read is reported and ends in the dead-letter queue; what is no task's
// event is dropped. If the others fail, they come again together.
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
		}
	}
	failed := h.handle(ctx, tasks)
	if failed != nil {
		h.Logger.Error("task events failed, they come again", "tasks", len(tasks), "err", failed)
	}
	return json.Marshal(sqs.Failures(received, func(m sqs.Received) bool { return failed != nil || unreadable[m.ID] }))
}

// handle takes the news into all meshes, again while there is time.
func (h Handler) handle(ctx context.Context, tasks []task.Task) error {
	if len(tasks) == 0 {
		return nil
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 100*time.Millisecond, 3*time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		meshes, err := sweep.Present(ctx, h.Meshes)
		if err == nil {
			err = h.Registrar.TasksChanged(ctx, meshes, tasks)
		}
		if err != nil && ctx.Err() == nil {
			h.Logger.Warn("task events failed, trying again", "err", err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(patience))
	return err
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
