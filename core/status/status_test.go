package status_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/status"
	"github.com/ownmesh/ownmesh/events"
)

// Only relays that live and serve this mesh count: three missed heartbeats are the end, and an object that is about
// another mesh, or is damaged, says nothing of this one.
func TestWhoCounts(t *testing.T) {
	w := newWorld(t)
	w.relay("live", 3*events.StatusHeartbeat, proxy("1", 2, events.Current))
	w.relay("gone", 3*events.StatusHeartbeat+time.Millisecond, proxy("2", 2, events.Current))
	w.put(events.StatusPath(uid, "strayed"), events.RelayStatus{
		Relay: "strayed", MeshUID: "another", At: now, Proxies: []events.ProxyStatus{proxy("3", 2, events.Current)},
	})
	w.objects.Put(events.StatusPath(uid, "damaged"), []byte("?"))
	for n := range 250 { // more than a listing holds
		w.relay(fmt.Sprintf("r%03d", n), 91*time.Second)
	}
	w.relay("zlast", 0)
	m, err := status.Reader{Objects: w.objects, Now: func() time.Time { return now }}.Mesh(t.Context(), uid, 2)
	if err != nil || m.Relays != 2 || len(m.Proxies) != 1 || m.Proxies[0].Instance != "1" {
		t.Errorf("got %+v, %v", m, err)
	}
}
