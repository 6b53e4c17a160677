package relay

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact"
)

// TestSlots: whatever views come, change and go, each slot knows just those that hold it, and no useless slot stays.
func TestSlots(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	m := &mesh{slots: map[artifact.ID]*slot{}, relay: &Relay{}}
	var views []*view
	for range 5 {
		views = append(views, &view{})
	}
	for range 2000 {
		v := views[random.IntN(len(views))]
		switch random.IntN(4) {
		case 0:
			m.take(v)
		case 1:
			m.removeResource(someID(random))
		case 2:
			m.setResource(artifact.NewResource(someID(random), []byte{byte(random.IntN(3))}, nil, "", nil))
		default:
			var ids []artifact.ID
			for range random.IntN(6) {
				ids = append(ids, someID(random))
			}
			slices.SortFunc(ids, artifact.ID.Compare)
			m.give(v, slices.Compact(ids))
		}
		checkSlots(t, m, views)
	}
}

func someID(random *rand.Rand) artifact.ID {
	types := []artifact.Type{artifact.Cluster, artifact.Listener, artifact.Route, artifact.Secret, "of a newer compiler"}
	return artifact.ID{Type: types[random.IntN(len(types))], Name: fmt.Sprint(random.IntN(3))}
}

func checkSlots(t *testing.T, m *mesh, views []*view) {
	t.Helper()
	holders := 0
	for id, s := range m.slots {
		if s.ID != id || (s.now == nil && len(s.holders) == 0) {
			t.Fatalf("slot %v is at %v, with %v and %d holders", s.ID, id, s.now, len(s.holders))
		}
		holders += len(s.holders)
	}
	for _, v := range views {
		found := 0
		for i, h := range v.set {
			if m.slots[h.ID] != h.slot || h.holders[h.at] != (holder{v, i}) {
				t.Fatalf("%v doesn't know that a view holds it", h.ID)
			}
			if k, ok := kindOfType(h.Type); ok {
				found++
				if v.find(k, h.Name) != h.slot {
					t.Fatalf("%v isn't found by its name", h.ID)
				}
			}
		}
		holders -= len(v.set)
		for k := range kinds {
			found -= len(v.all(k))
		}
		if found != 0 || v.find(cluster, "nothing") != nil || len(v.all(endpoints)) != 0 {
			t.Fatalf("a view has %d more resources by kind than in its set", -found)
		}
	}
	if holders != 0 {
		t.Fatalf("slots have %d more holders than views have slots", holders)
	}
}
