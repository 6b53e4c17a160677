package dynamodb_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/ownmesh/ownmesh/adapters/dynamodb"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

var (
	shop   = store.Mesh{Record: store.Record{Resource: resource.Resource{Key: resource.Key{Kind: resource.KindMesh, Name: "shop"}, UID: "u1", Version: 1, Spec: json.RawMessage(`{}`)}}}
	cart   = endpoint.ServiceKey{Namespace: "shop.local", Service: "cart"}
	nodeOf = func(name string) *store.Record {
		return &store.Record{Resource: resource.Resource{Key: resource.Key{Kind: resource.KindVirtualNode, Name: name}, UID: name, Version: 1, Spec: json.RawMessage(`{}`)}}
	}
)

// busy are the ways in which DynamoDB refuses what is worth another attempt.
var busy = map[string]emulator.Fault{
	"throttling":             refusal(400, "ThrottlingException", ""),
	"throughput exceeded":    refusal(400, "ProvisionedThroughputExceededException", ""),
	"request limit exceeded": refusal(400, "RequestLimitExceeded", ""),
}

// cancellations are the same, of transactions alone.
var cancellations = map[string]emulator.Fault{
	"conflict of a transaction":  cancelled("None", "TransactionConflict", "None"),
	"throttling in one":          cancelled("ThrottlingError", "None"),
	"throughput in one":          cancelled("None", "ProvisionedThroughputExceeded"),
	"conflict of a single write": refusal(400, "TransactionConflictException", ""),
}

// faults that say nothing of whether the call happened.
var unclear = map[string]emulator.Fault{
	"internal error": refusal(500, "InternalServerError", ""), "unavailable": refusal(503, "ServiceUnavailable", ""),
	"in progress": refusal(400, "TransactionInProgressException", ""), "answer lost": emulator.Lost, "never arrived": emulator.Unsent,
	"answer breaks off": emulator.Short,
}

// step is a use of a store or registry, and which operation of DynamoDB it is about.
type step struct {
	operation string
	run       func() error
}

// steps uses everything once, in an order in which all of it works.
func steps(ctx context.Context, s *dynamodb.Store, r *dynamodb.Registry) []step {
	keep := func(tags map[string]string) (map[string]string, error) {
		tags["n"] += "x"
		return tags, nil
	}
	instance := endpoint.Instance{Namespace: cart.Namespace, Service: cart.Service, ID: "a", Version: 3}
	return []step{
		{"TransactWriteItems", func() error { return s.CreateMesh(ctx, shop, nil, "create", "") }},
		{"TransactWriteItems", func() error {
			return s.Commit(ctx, store.Commit{MeshUID: "u1", IfGeneration: 1, RequestID: "one", Put: nodeOf("a")})
		}},
		{"TransactWriteItems", func() error { return s.UpdateTags(ctx, "u1", shop.Key, keep) }},
		{"TransactGetItems", func() error { _, err := s.Tags(ctx, "u1", shop.Key); return err }},
		{"GetItem", func() error { _, err := s.MeshByUID(ctx, "u1"); return err }},
		{"Query", func() error { _, err := s.Journal(ctx, "u1", 0, 10); return err }},
		{"BatchGetItem", func() error { _, err := s.Meshes(ctx, "", 10); return err }},
		{"PutItem", func() error { return r.Register(ctx, instance) }},
		{"Query", func() error { _, err := r.Instances(ctx, cart); return err }},
		{"Scan", func() error { _, err := r.Services(ctx); return err }},
		{"UpdateItem", func() error { return r.Deregister(ctx, cart, "a") }},
		{"PutItem", func() error { return r.Remove(ctx, endpoint.InstanceKey{ServiceKey: cart, ID: "a"}, 3) }},
	}
}

// TestFaultsAreTriedAgain: each call, each kind of fault, several times in a row: it works in the end, once.
func TestFaultsAreTriedAgain(t *testing.T) {
	all := maps.Clone(busy)
	maps.Copy(all, unclear)
	maps.Copy(all, cancellations)
	for name, f := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &emulator.Wire{}
			client := dial(t, w)
			s := dynamodb.New(client, table(t, client, types.ScalarAttributeTypeB))
			r := dynamodb.NewRegistry(client, table(t, client, types.ScalarAttributeTypeS), time.Now)
			_, transactions := cancellations[name]
			for i, step := range steps(t.Context(), s, r) {
				if transactions && step.operation != "TransactWriteItems" {
					w.Heal()
				} else {
					w.Fail(step.operation, f, f, f)
				}
				if err := step.run(); err != nil {
					t.Fatalf("step %d, %s: %v", i, step.operation, err)
				}
			}
			w.Heal()
			entries, err := s.Journal(t.Context(), "u1", 0, 10)
			if err != nil || len(entries) != 2 {
				t.Errorf("the journal has %d entries, want 2 (%v)", len(entries), err)
			}
			if tags, err := s.Tags(t.Context(), "u1", shop.Key); err != nil || tags["n"] != "x" {
				t.Errorf("tags %v, want them changed once (%v)", tags, err)
			}
		})
	}
}

// TestFaultsThatLast: the caller's time is not exceeded, and a store that refused says that it is busy; one whose answer
// was lost never does, for the write may have happened.
func TestFaultsThatLast(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	client := dial(t, w)
	s := dynamodb.New(client, table(t, client, types.ScalarAttributeTypeB))
	r := dynamodb.NewRegistry(client, table(t, client, types.ScalarAttributeTypeS), time.Now)
	for i, step := range steps(t.Context(), s, r) {
		w.Always(func(o string) emulator.Fault {
			if o == step.operation {
				return busy["throttling"]
			}
			return nil
		})
		err := errors.New("not tried")
		// Time may end in the middle of an attempt, too: that leaves open what came of it.
		for tries := 0; tries < 20 && !errors.Is(err, store.ErrBusy); tries++ {
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
			start := time.Now()
			err = steps(ctx, s, r)[i].run()
			cancel()
			if took := time.Since(start); err == nil || took > 5*time.Second {
				t.Fatalf("step %d, %s: got %v after %v", i, step.operation, err, took)
			}
		}
		if !errors.Is(err, store.ErrBusy) {
			t.Errorf("step %d, %s: got %v, want %v", i, step.operation, err, store.ErrBusy)
		}
		w.Heal()
		if err := step.run(); err != nil {
			t.Fatalf("step %d, %s: %v", i, step.operation, err)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	first := true
	w.Always(func(string) emulator.Fault {
		if first {
			first = false
			return emulator.Lost
		}
		return busy["throttling"]
	})
	err := s.Commit(ctx, store.Commit{MeshUID: "u1", IfGeneration: 2, RequestID: "two", Put: nodeOf("b")})
	if err == nil || errors.Is(err, store.ErrBusy) || errors.Is(err, store.ErrConflict) {
		t.Errorf("a commit that happened, then throttling: got %v, want an error that leaves it open", err)
	}
}

// TestLostAnswersAreRecognized: where DynamoDB no longer knows the token, the journal tells that the write was ours, and
// another's isn't taken for it.
func TestLostAnswersAreRecognized(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	client := dial(t, w)
	s := dynamodb.New(client, table(t, client, types.ScalarAttributeTypeB))
	const write = "TransactWriteItems"

	w.Fail(write, emulator.Lost, forgotten)
	if err := s.CreateMesh(t.Context(), shop, nil, "create", ""); err != nil {
		t.Errorf("create: %v", err)
	}
	w.Fail(write, emulator.Lost, forgotten)
	if err := s.Commit(t.Context(), store.Commit{MeshUID: "u1", IfGeneration: 1, RequestID: "one", Put: nodeOf("a")}); err != nil {
		t.Errorf("commit: %v", err)
	}
	w.Fail(write, emulator.Lost, forgotten)
	if err := s.UpdateTags(t.Context(), "u1", shop.Key, func(tags map[string]string) (map[string]string, error) {
		tags["n"] += "x"
		return tags, nil
	}); err != nil {
		t.Errorf("tags: %v", err)
	}
	if n := w.Calls(write); n != 6 {
		t.Errorf("%d transactions, want 6", n)
	}
	if tags, err := s.Tags(t.Context(), "u1", shop.Key); err != nil || tags["n"] != "x" {
		t.Errorf("tags %v, want them changed once (%v)", tags, err)
	}

	w.Fail(write, emulator.Unsent)
	another := shop
	another.UID = "u2"
	if err := s.CreateMesh(t.Context(), another, nil, "another", ""); !errors.Is(err, store.ErrExists) {
		t.Errorf("a mesh under a name in use: %v", err)
	}
	w.Fail(write, emulator.Unsent)
	if err := s.Commit(t.Context(), store.Commit{MeshUID: "u1", IfGeneration: 1, RequestID: "late", Put: nodeOf("b")}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a late commit: %v", err)
	}
	w.Fail(write, emulator.Unsent)
	if err := s.Commit(t.Context(), store.Commit{MeshUID: "u1", IfGeneration: 7, RequestID: "early", Put: nodeOf("b")}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a commit ahead of its mesh: %v", err)
	}
}

// TestHungAnswer: an answer that doesn't come is not waited for as long as there is time.
func TestHungAnswer(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	client := dial(t, w)
	s := dynamodb.New(client, table(t, client, types.ScalarAttributeTypeB))
	w.Fail("TransactWriteItems", emulator.Hung)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if err := s.CreateMesh(ctx, shop, nil, "create", ""); err != nil {
		t.Fatal(err)
	}
	if n := w.Calls("TransactWriteItems"); n != 2 {
		t.Errorf("%d transactions, want 2", n)
	}
}

// TestRefusalsAreNotTriedAgain: what won't change is told at once.
func TestRefusalsAreNotTriedAgain(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	client := dial(t, w)
	s := dynamodb.New(client, table(t, client, types.ScalarAttributeTypeB))
	for _, kind := range []string{"AccessDeniedException", "ResourceNotFoundException", "ValidationException"} {
		w.Fail("GetItem", slices.Repeat([]emulator.Fault{refusal(400, kind, "")}, 10)...)
		_, err := s.MeshByUID(t.Context(), "u1")
		if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrBusy) {
			t.Errorf("%s: got %v, want a fault", kind, err)
		}
		if n := w.Calls("GetItem"); n != 1 {
			t.Errorf("%s: %d calls, want 1", kind, n)
		}
	}
	w.Fail("TransactWriteItems", cancelled("ValidationError"))
	if err := s.CreateMesh(t.Context(), shop, nil, "create", ""); err == nil || errors.Is(err, store.ErrExists) {
		t.Errorf("a transaction with an error in it: got %v, want a fault", err)
	}
}
