package relay

import (
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
