package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/ownmesh/ownmesh/sidecar/proxy"
	"github.com/ownmesh/ownmesh/sidecar/task"
)

const (
	look = 500 * time.Millisecond // how often a drain looks whether it is over
	// callersLearn is how long the others of a mesh may take to hear that a task is gone: a gateway has no application
	// whose end would say that nobody will ask any more.
	callersLearn = 5 * time.Second
)

// drain is the time between the order to stop and the end of Envoy: health fails, all else goes on. Listeners stay open
// on purpose: callers that don't know yet must not be refused, and the application's own calls must work until it ends.
type drain struct {
	envoy   *proxy.Process
	admin   *proxy.Admin
	task    *task.Task // nil outside of ECS: then only the limit ends it
	gateway bool
	limit   time.Duration
	log     *slog.Logger
}

// run drains until the application has ended, the limit is reached, again is closed, or Envoy has ended.
func (d drain) run(ctx context.Context, again <-chan struct{}) {
	d.log.Info("draining: health fails, requests go on", "at most", d.limit.String())
	ctx, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	began := time.Now()
	if err := d.admin.FailHealth(ctx); err != nil && ctx.Err() == nil {
		d.log.Warn("health does not fail", "error", err.Error())
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-d.envoy.Done():
			d.log.Error("Envoy has ended while it drained", "code", d.envoy.Code())
			return
		case <-again:
			return
		case <-ctx.Done():
			d.told()
			return
		case <-tick.C:
			if d.over(ctx, began) {
				d.log.Info("drained: the application has ended, and no request is in flight", "after", time.Since(began).Round(time.Millisecond).String())
				return
			}
		}
	}
}

// over tells whether nothing is left to wait for.
func (d drain) over(ctx context.Context, began time.Time) bool {
	if d.task == nil || d.gateway && time.Since(began) < callersLearn {
		return false
	}
	alone, err := d.task.Alone(ctx)
	if err != nil {
		d.log.Debug("whether the application has ended is not known", "error", err.Error())
	}
	if !alone {
		return false
	}
	n, err := d.admin.Active(ctx)
	return err == nil && n == 0
}

// told says what the limit cuts off.
func (d drain) told() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if n, err := d.admin.Active(ctx); err == nil && n > 0 {
		d.log.Warn("the time to drain is over, and requests are in flight: LISTENER_DRAIN_WAIT_TIME_S is too short for them", "requests", n)
		return
	}
	d.log.Info("drained: the time is over, and no request is in flight")
}
