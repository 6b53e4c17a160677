package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/adapters/sqs"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/lambdas/internal/pollertest"
	"github.com/ownmesh/ownmesh/lambdas/internal/sweep"
)

// meshes is a store with one mesh, or one that fails.
type meshes struct{ err error }

func (m meshes) Meshes(_ context.Context, after string, _ int) ([]store.Mesh, error) {
	if m.err != nil || after != "" {
		return nil, m.err
	}
	mesh := store.Mesh{}
	mesh.UID, mesh.Name = "present", "shop"
	return []store.Mesh{mesh}, nil
}

// swept is what a call does, in short.
func swept(t *testing.T, s meshes, event string, fault func(*sweep.Handler)) (string, error) {
	t.Helper()
	objects := artifacttest.NewMemory()
	objects.Put(events.CheckpointPath("published", events.LogConfig), []byte("x"))
	compile, register := &pollertest.Queue{}, &pollertest.Queue{}
	var converged []string
	h := sweep.Handler{
		Store: s, Objects: objects, Compile: compile, Register: register, Logger: slog.New(slog.DiscardHandler),
		Collector: artifact.NewCollector(objects, artifact.CollectorOptions{Now: time.Now}),
		Converged: func(_ context.Context, uid string) (bool, error) {
			converged = append(converged, uid)
			return true, nil
		},
	}
	if fault != nil {
		fault(&h)
	}
	_, err := h.Invoke(t.Context(), []byte(event))
	return fmt.Sprint(compile.Messages(), register.Messages(), converged), err
}

const (
	told = `[{present {"uid":"present","generation":0}} {published {"uid":"published","generation":0}}]` +
		` [{present {"meshChanged":{"uid":"present","generation":0}}} {published {"meshChanged":{"uid":"published","generation":0}}}]`
	converged = ` [present]`
)

// TestTheScheduleSaysWhatIsDue: every mesh each five minutes, also one that is published and no more in the store;
// convergence each minute; and all of it when called by hand.
func TestTheScheduleSaysWhatIsDue(t *testing.T) {
	for event, want := range map[string]string{
		`{"time":"2026-01-01T00:05:00Z","source":"aws.events"}`: told + converged,
		`{"time":"2026-01-01T00:06:00Z"}`:                       `[] []` + converged,
		`{}`:                                                    told + converged,
	} {
		if got, err := swept(t, meshes{}, event, nil); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", event, got, err, want)
		}
	}
	if _, err := swept(t, meshes{}, `[`, nil); err == nil {
		t.Error("what is no event is no error")
	}
}

// TestAPartThatFailsHoldsUpNoOther, and the error has Lambda call again.
func TestAPartThatFailsHoldsUpNoOther(t *testing.T) {
	down := errors.New("down")
	got, err := swept(t, meshes{}, `{}`, func(h *sweep.Handler) {
		h.Compile = &pollertest.Queue{Refuse: func(sqs.Message) error { return down }}
	})
	if !errors.Is(err, down) || got != `[] `+told[len(`[{present {"uid":"present","generation":0}} {published {"uid":"published","generation":0}}] `):]+converged {
		t.Errorf("with compile's queue down: %s, %v", got, err)
	}
	if got, err = swept(t, meshes{err: down}, `{}`, nil); !errors.Is(err, down) || got == `[] [] []` {
		t.Errorf("with the store down, what is published is looked at: %s, %v", got, err)
	}
}
