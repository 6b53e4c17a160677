package relay

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/events"
)

const (
	pollTimeout = 15 * time.Second
	maxBackoff  = 8 // times Options.Interval: how long a log that can't be read is left alone
)

// tail polls one log of one mesh.
type tail struct {
	log  events.LogName
	wake chan struct{} // capacity 1: the log may have grown
	// poll reads on and applies what is new.
	poll func(context.Context) error
	// failing is since when it can't be read, in Unix milliseconds; 0: it can.
	failing atomic.Int64
}

// hurry has the log read at once.
func (t *tail) hurry() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// newTail makes a tail that hands what is new to moved: changes in order, or a whole state that replaces everything.
func newTail[S, C any](r *Relay, uid string, name events.LogName, format artifact.Format[S, C], moved func(exists bool, changes []C, whole S, jump bool)) *tail {
	reader := artifact.NewReader(r.opts.Objects, uid, format, artifact.ReaderOptions{Now: r.now, CheckpointInterval: r.opts.CheckpointInterval})
	existed := false
	poll := func(ctx context.Context) error {
		steps, err := reader.Poll(ctx)
		jump := reader.Exists() && !existed // what was there before the first step
		existed = reader.Exists()
		changes := make([]C, 0, len(steps))
		for _, step := range steps {
			jump = jump || step.Jump
			changes = append(changes, step.Change)
		}
		if jump || len(changes) > 0 {
			moved(existed, changes, reader.State(), jump)
			r.metrics.position.WithLabelValues(uid, string(name)).Set(float64(reader.Position().Seq))
		}
		return err
	}
	return &tail{log: name, wake: make(chan struct{}, 1), poll: poll}
}

// addTails gives a mesh its tails.
func (m *mesh) addTails() {
	m.configTail = newTail(m.relay, m.uid, events.LogConfig, artifact.ConfigLog,
		func(exists bool, changes []artifact.ConfigChange, whole *artifact.Config, jump bool) {
			if !jump {
				whole = nil
			}
			m.configMoved(exists, changes, whole)
		})
	m.endpointsTail = newTail(m.relay, m.uid, events.LogEndpoints, artifact.EndpointsLog,
		func(_ bool, changes []endpoint.Change, whole *endpoint.State, jump bool) {
			m.endpointsMoved(changes, whole, jump)
		})
}

// run polls until ctx ends. loaded is called after the first poll without an error.
func (t *tail) run(ctx context.Context, r *Relay, log *slog.Logger, loaded func()) {
	failures, since := 0, time.Time{}
	for {
		once, cancel := context.WithTimeout(ctx, pollTimeout)
		err := t.poll(once)
		cancel()
		delay := r.opts.Interval
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			if failures > 0 {
				log.Info("a log can be read again", "failures", failures, "since", since)
			}
			failures = 0
			t.failing.Store(0)
			if loaded != nil {
				loaded()
				loaded = nil
			}
		default:
			if failures == 0 {
				since = r.now()
				t.failing.Store(since.UnixMilli())
			}
			failures++
			r.metrics.pollErrors.WithLabelValues(string(t.log)).Inc()
			if worthLogging(failures) {
				log.Error("a log can't be read; what was read before goes on being served", "failures", failures, "error", err)
			}
			delay *= time.Duration(min(maxBackoff, 1<<min(failures-1, 10)))
		}
		if !r.pause(ctx, jittered(delay), t.wake) {
			return
		}
	}
}

// pause waits for d or for a wake-up; false: ctx has ended.
func (r *Relay) pause(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-timer.C:
	}
	return true
}

// worthLogging thins out a row of failures: the first, and each that doubles their number.
func worthLogging(failures int) bool { return failures&(failures-1) == 0 }

// jittered spreads what many do at the same interval: d ± 10 %.
func jittered(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)*0.2*float64(d))
}
