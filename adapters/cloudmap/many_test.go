package cloudmap_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/adapters/cloudmap"
	"github.com/ownmesh/ownmesh/core/endpoint"
)

// A mesh with hundreds of names has them looked after beside each other, made and taken back: one after the other they
// would take longer than a Lambda has. So many calls at once that Cloud Map throttles there are not.
func TestManyNames(t *testing.T) {
	a := newAccount(t)
	var mu sync.Mutex
	var now, most int
	a.fault = func(string) error {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		time.Sleep(50 * time.Millisecond)
		mu.Lock()
		now--
		mu.Unlock()
		return nil
	}
	names := endpoint.Names{Namespace: a.namespace("private"), Address: "10.0.0.1"}
	for n := range 24 {
		names.Names = append(names.Names, fmt.Sprintf("s%02d.%s", n, names.Namespace))
	}
	d := cloudmap.New(a, cloudmap.Options{})
	ensure := func() {
		t.Helper()
		most = 0
		refusals, left, err := d.EnsureNames(t.Context(), mesh, names)
		if err != nil || left || len(refusals) > 0 {
			t.Errorf("%v, left %v, refusals %v", err, left, refusals)
		}
		if most < 4 || most > 16 {
			t.Errorf("%d calls at once", most)
		}
	}
	ensure()
	ensure()
	for _, name := range []string{"s00", "s23"} {
		if a.find(key(names.Namespace, name)) == nil {
			t.Errorf("%s is not there", name)
		}
	}
	names.Names = nil
	ensure()
	if a.find(key(names.Namespace, "s00")) != nil {
		t.Error("a name is there still")
	}
}
