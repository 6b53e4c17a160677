package artifacttest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
)

func TestMemory(t *testing.T) {
	artifacttest.RunObjects(t, func(*testing.T) artifact.Objects { return artifacttest.NewMemory() })
}

func TestMemoryFaults(t *testing.T) {
	m, ctx := artifacttest.NewMemory(), context.Background()
	boom := errors.New("boom")
	fault := artifacttest.Fault{Err: boom}
	m.Inject(func(c artifacttest.Call) artifacttest.Fault {
		if c.Op == artifacttest.OpCreate {
			return fault
		}
		return artifacttest.Fault{}
	})
	if _, err := m.Create(ctx, "a", []byte("1")); !errors.Is(err, boom) {
		t.Errorf("got %v, want the fault", err)
	}
	if _, _, err := m.Get(ctx, "a"); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("a call that failed did something: %v", err)
	}
	fault.Lost = true
	if _, err := m.Create(ctx, "a", []byte("12")); !errors.Is(err, boom) {
		t.Errorf("got %v, want the fault", err)
	}
	if data, _, err := m.Get(ctx, "a"); err != nil || string(data) != "12" {
		t.Errorf("a call of which the answer was lost did nothing: %q, %v", data, err)
	}
	c := m.Counts()
	if c.Total() != 4 || c.Calls[artifacttest.OpCreate] != 2 || c.Read != 2 || c.Written != 2 {
		t.Errorf("counts: %+v", c)
	}
	hold, cancelled := make(chan struct{}), make(chan struct{})
	m.Inject(func(artifacttest.Call) artifacttest.Fault { return artifacttest.Fault{Wait: hold} })
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(cancelled)
		if err := m.Delete(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled call: %v", err)
		}
	}()
	cancel()
	<-cancelled
	if m.Bytes("a") == nil {
		t.Error("a cancelled call deleted something")
	}
}
