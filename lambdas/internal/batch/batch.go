// Package batch works through the messages that Lambda takes from a queue: those of one mesh as one, meshes beside each
// other.
//
// A mesh that fails holds up no other: its messages alone are reported, and come again. A message that can't be read
// still says by its group which mesh it is about, and that something changed: the mesh is looked at, and the cause is
// logged. So no message is ever in the way of those behind it. Start with Work.Invoke.
package batch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ownmesh/ownmesh/adapters/sqs"
)

const (
	// margin is what is kept of the Lambda's time to report what failed. Else all messages came again, and Lambda
	// counted an error.
	margin = 3 * time.Second
	// patience is how long a failing mesh is tried again at once. Its messages come back only after the queue's
	// visibility timeout, which is minutes; most faults of AWS's services are shorter.
	patience = 15 * time.Second
	atOnce   = 8 // meshes
)

// Work says what to do with messages.
type Work[M any] struct {
	// Parse reads a message, and tells the mesh it is about.
	Parse func(body string) (uid string, m M, err error)
	// Look is the message that has all of a mesh looked at.
	Look func(uid string) M
	// Handle does what the messages of one mesh ask for, in their order. An error is an infrastructure fault.
	Handle func(ctx context.Context, uid string, messages []M) error
	Logger *slog.Logger
	// Patience is how long a failing mesh is tried again at once; patience if zero.
	Patience time.Duration
}

// lane is what a batch holds of one mesh.
type lane[M any] struct {
	uid      string
	messages []M
	ids      []string
	err      error
}

// Invoke implements lambda.Handler.
func (w Work[M]) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	received, err := sqs.Batch(payload)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
	}
	failed := w.run(ctx, w.lanes(received))
	return json.Marshal(sqs.Failures(received, func(m sqs.Received) bool { return failed[m.ID] }))
}

// lanes sorts messages by mesh, in the order in which meshes come first.
func (w Work[M]) lanes(received []sqs.Received) []*lane[M] {
	byUID := map[string]*lane[M]{}
	var lanes []*lane[M]
	for _, r := range received {
		uid, m, err := w.Parse(r.Body)
		if err != nil {
			w.Logger.Error("message can't be read, looking at its mesh instead", "message", r.ID, "mesh", r.Group, "tries", r.Tries, "body", cut(r.Body), "err", err)
			if r.Group == "" {
				continue // a queue without groups: there is nothing to be done, now or later
			}
			uid, m = r.Group, w.Look(r.Group)
		}
		l := byUID[uid]
		if l == nil {
			l = &lane[M]{uid: uid}
			byUID[uid] = l
			lanes = append(lanes, l)
		}
		l.messages, l.ids = append(l.messages, m), append(l.ids, r.ID)
	}
	return lanes
}

// run handles all lanes and says which messages failed.
func (w Work[M]) run(ctx context.Context, lanes []*lane[M]) map[string]bool {
	var wg sync.WaitGroup
	turn := make(chan struct{}, atOnce)
	for _, l := range lanes {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			l.err = w.try(ctx, l)
		})
	}
	wg.Wait()
	failed := map[string]bool{}
	for _, l := range lanes {
		if l.err == nil {
			continue
		}
		w.Logger.Error("mesh failed, its messages come again", "mesh", l.uid, "messages", len(l.ids), "err", l.err)
		for _, id := range l.ids {
			failed[id] = true
		}
	}
	return failed
}

// try handles one lane, again while there is time.
func (w Work[M]) try(ctx context.Context, l *lane[M]) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 100*time.Millisecond, 3*time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := w.guarded(ctx, l)
		if err != nil && ctx.Err() == nil {
			w.Logger.Warn("mesh failed, trying again", "mesh", l.uid, "err", err)
		}
		if ctx.Err() != nil {
			err = errors.Join(err, fmt.Errorf("out of time: %w", ctx.Err()))
		}
		return struct{}{}, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(cmp.Or(w.Patience, patience)))
	return err
}

// guarded makes a panic an error: one mesh that meets a bug of ours must not end the process that serves the others.
func (w Work[M]) guarded(ctx context.Context, l *lane[M]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = backoff.Permanent(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return w.Handle(ctx, l.uid, l.messages)
}

// cut bounds what is logged of a message.
func cut(body string) string {
	const most = 1000
	if len(body) > most {
		return body[:most] + "…"
	}
	return body
}
