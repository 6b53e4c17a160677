package bolt

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/endpoint/endpointtest"
)

func openRegistry(t *testing.T, path string) *Registry {
	t.Helper()
	r, err := OpenRegistry(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestRegistryContract(t *testing.T) {
	endpointtest.RunLedger(t, func(t *testing.T) endpoint.Ledger {
		return openRegistry(t, filepath.Join(t.TempDir(), "instances.db"))
	})
}

// TestTombstones: they outlive a restart and a day, but not for ever.
func TestTombstones(t *testing.T) {
	path := filepath.Join(t.TempDir(), "instances.db")
	service := endpoint.ServiceKey{Namespace: "shop.local", Service: "cart"}
	instance := endpoint.Instance{Namespace: service.Namespace, Service: service.Service, ID: "a", Version: 5}
	r, err := OpenRegistry(path)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	r.now = func() time.Time { return start }
	cycle := func(id string) {
		t.Helper()
		instance.ID = id
		if err := r.Register(t.Context(), instance); err != nil {
			t.Fatal(err)
		}
		if err := r.Deregister(t.Context(), service, id); err != nil {
			t.Fatal(err)
		}
	}
	cycle("a")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	r = openRegistry(t, path)
	count := func() (n int) {
		t.Helper()
		if err := r.file.db.View(func(tx *bbolt.Tx) error { n = tx.Bucket(bucketGone).Stats().KeyN; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	now := start.Add(23 * time.Hour)
	r.now = func() time.Time { return now }
	cycle("b")
	instance.ID = "a"
	var late *endpoint.LateError
	if err := r.Register(t.Context(), instance); !errors.As(err, &late) || late.Known != instance.Version {
		t.Fatalf("after a restart: a late registration gives %v", err)
	}
	if n := count(); n != 2 {
		t.Fatalf("%d tombstones within a day, want 2", n)
	}

	now = start.Add(25 * time.Hour) // a's is old, b's is not
	cycle("c")
	if n := count(); n != 2 {
		t.Fatalf("%d tombstones after a day, want 2: of b and c", n)
	}
}
