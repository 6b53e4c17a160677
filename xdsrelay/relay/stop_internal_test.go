package relay

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/events"
)

// A store that hangs holds up the end of a relay once, not once for each of its meshes: else it is killed over it.
func TestAStoreThatHangsHoldsUpTheEndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		objects := artifacttest.NewMemory()
		r := New(Options{Objects: objects, ID: "relay-1"})
		for n := range 50 {
			m := newMesh(r, fmt.Sprint("mesh-", n))
			m.writeStatus(t.Context())
			r.meshes[m.uid] = m
		}
		objects.Inject(func(artifacttest.Call) artifacttest.Fault {
			return artifacttest.Fault{Wait: make(chan struct{})}
		})
		began := time.Now()
		r.removeStatuses()
		if took := time.Since(began); took > statusTimeout+time.Second {
			t.Errorf("it took %v", took)
		}
		objects.Inject(nil)
		if n := len(objects.Keys(events.MeshesPrefix)); n != 50 {
			t.Errorf("%d status objects, want 50: nothing was written before", n)
		}
	})
}

// Who runs a relay may take its store away once Run has returned: nothing is read or written then, neither by what was
// under way nor by what was to come.
func TestNothingUsesTheStoreAfterTheEnd(t *testing.T) {
	const takes = time.Second
	for name, linger := range map[string]time.Duration{
		"a mesh is forgotten later": time.Hour, "a mesh is being forgotten": time.Minute - takes/2,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				objects := artifacttest.NewMemory()
				r := New(Options{Objects: objects, ID: "relay-1", Linger: linger})
				ctx, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				m := r.acquire("mesh-1")
				m.writeStatus(ctx)
				objects.Inject(func(artifacttest.Call) artifacttest.Fault { // a store that takes its time
					wait := make(chan struct{})
					time.AfterFunc(takes, func() { close(wait) })
					return artifacttest.Fault{Wait: wait}
				})
				r.release(m)
				_ = r.Run(ctx)
				objects.Counts()
				before := objects.Bytes(events.StatusPath("mesh-1", "relay-1"))
				time.Sleep(2 * time.Hour)
				if n := objects.Counts().Total(); n > 0 {
					t.Errorf("%d calls after Run had returned", n)
				}
				if after := objects.Bytes(events.StatusPath("mesh-1", "relay-1")); string(after) != string(before) {
					t.Errorf("the status was %s, and is %s", before, after)
				}
			})
		})
	}
}
