package relay

import (
	"encoding/json"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/events"
)

// A mesh that a relay forgets while it begins to serve it anew: what it says of the new one stays.
func TestAForgottenMeshTakesBackItsOwnStatusAlone(t *testing.T) {
	objects := artifacttest.NewMemory()
	r := New(Options{Objects: objects, ID: "relay-1"})
	at := func() (s events.RelayStatus) {
		data, _, err := objects.Get(t.Context(), events.StatusPath("uid", "relay-1"))
		if err == nil {
			err = json.Unmarshal(data, &s)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before, after := newMesh(r, "uid"), newMesh(r, "uid")
	before.writeStatus(t.Context())
	after.writeStatus(t.Context())
	before.removeStatus(t.Context())
	if at().At.IsZero() {
		t.Error("the status of the one that is served is taken back")
	}
	after.removeStatus(t.Context())
	if !at().At.IsZero() {
		t.Error("a status of nobody is left")
	}
}
