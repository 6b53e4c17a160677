// Package sweep makes up for whatever message was lost: on a schedule it has every mesh looked at, and old artifacts
// collected. It is a Lambda of its own, so that no other may delete artifacts.
//
// Start with Handler.Invoke.
package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ownmesh/ownmesh/adapters/sqs"
	"github.com/ownmesh/ownmesh/core/artifact"
	coresweep "github.com/ownmesh/ownmesh/core/sweep"
	"github.com/ownmesh/ownmesh/events"
)

// The schedule calls each minute; which minute it is says what is due. It is the schedule's own minute, not the clock's:
// a call that is late, or comes again after a fault, does what it was meant to do.
const (
	lookEvery = 5  // minutes
	collectAt = 17 // minutes past each hour
)

// Sender is a queue; *sqs.Queue is one.
type Sender interface {
	Send(ctx context.Context, messages ...sqs.Message) []error
}

// Handler is the Lambda's handler.
type Handler struct {
	Store             coresweep.Lister
	Objects           artifact.Objects
	Compile, Register Sender
	Collector         *artifact.Collector
	// Converged tells once a generation when all proxies of a mesh have accepted it; nil: nobody is told.
	Converged func(ctx context.Context, uid string) (done bool, err error)
	Logger    *slog.Logger
}

// scheduled is EventBridge's event of a schedule. One without a time, as people send it by hand, does all there is.
type scheduled struct {
	Time time.Time `json:"time"`
}

// Invoke implements lambda.Handler. Its parts don't depend on each other: one that fails holds up no other, and the
// error has Lambda call again.
func (h Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e scheduled
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("read the schedule's event: %w", err)
	}
	var errs []error
	if e.Time.IsZero() || e.Time.Minute()%lookEvery == 0 {
		errs = append(errs, h.look(ctx))
	}
	if h.Converged != nil {
		errs = append(errs, h.converged(ctx))
	}
	if e.Time.IsZero() || e.Time.Minute() == collectAt {
		deleted, err := coresweep.Collect(ctx, h.Objects, h.Collector)
		h.Logger.Info("collected", "objects", deleted)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	return []byte("null"), nil
}

// converged looks at every mesh that is in the store.
func (h Handler) converged(ctx context.Context) error {
	uids, err := coresweep.Present(ctx, h.Store)
	errs := []error{err}
	for _, uid := range uids {
		_, err := h.Converged(ctx, uid)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// look tells both queues to look at every mesh.
func (h Handler) look(ctx context.Context) error {
	uids, err := coresweep.Published(ctx, h.Store, h.Objects)
	errs := []error{err}
	toCompile, toRegister := make([]sqs.Message, len(uids)), make([]sqs.Message, len(uids))
	for i, uid := range uids {
		m := events.MeshChanged{UID: uid}
		compile, err := json.Marshal(m)
		register, registerErr := json.Marshal(events.RegisterMessage{MeshChanged: &m})
		errs = append(errs, err, registerErr)
		toCompile[i], toRegister[i] = sqs.Message{Group: uid, Body: string(compile)}, sqs.Message{Group: uid, Body: string(register)}
	}
	errs = append(errs, h.Compile.Send(ctx, toCompile...)...)
	errs = append(errs, h.Register.Send(ctx, toRegister...)...)
	h.Logger.Info("had every mesh looked at", "meshes", len(uids))
	return errors.Join(errs...)
}
