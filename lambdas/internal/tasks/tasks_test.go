package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/core/task"
	"github.com/ownmesh/ownmesh/lambdas/internal/tasks"
)

// registrar notes what it is told, and fails for each mesh at first if it should.
type registrar struct {
	fails int

	mu    sync.Mutex
	calls map[string]int
	tasks map[string][]task.Task
}

func (r *registrar) TasksChanged(_ context.Context, mesh string, tasks []task.Task) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls == nil {
		r.calls, r.tasks = map[string]int{}, map[string][]task.Task{}
	}
	if r.calls[mesh]++; r.calls[mesh] <= r.fails {
		return &reconcile.TasksError{Err: errors.New("down")}
	}
	r.tasks[mesh] = tasks
	return nil
}

type meshes []string

func (m meshes) Meshes(context.Context, string, int) ([]store.Mesh, error) {
	var all []store.Mesh
	for _, uid := range m {
		all = append(all, store.Mesh{Record: store.Record{Resource: resource.Resource{UID: uid}}})
	}
	return all, nil
}

// batch is what Lambda hands over: a message's id is its place, a, b, c.
func batch(t *testing.T, bodies ...string) []byte {
	t.Helper()
	type record struct {
		MessageID string `json:"messageId"`
		Body      string `json:"body"`
	}
	var in struct{ Records []record }
	for n, body := range bodies {
		in.Records = append(in.Records, record{string(rune('a' + n)), body})
	}
	payload, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func sample(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile("../../../core/task/testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestBatches(t *testing.T) {
	for _, c := range []struct {
		name   string
		bodies []string
		fails  int
		want   []string // versions of tasks
		failed []string
	}{
		{name: "tasks", bodies: []string{sample(t, "fargate-running"), sample(t, "service-stopping")}, want: []string{"4", "7"}, failed: nil},
		{name: "one that is broken holds up no other", bodies: []string{"{", sample(t, "service-stopping"), `{"detail-type":"ECS Task State Change"}`},
			want: []string{"7"}, failed: []string{"a", "c"}},
		{name: "other events are dropped", bodies: []string{`{"detail-type":"ECS Service Action"}`}},
		{name: "a fault that passes", bodies: []string{sample(t, "service-stopping")}, fails: 2, want: []string{"7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &registrar{fails: c.fails}
			h := tasks.Handler{Registrar: r, Meshes: meshes{"u1", "u2"}, Logger: slog.New(slog.DiscardHandler)}
			answer, err := h.Invoke(t.Context(), batch(t, c.bodies...))
			if err != nil {
				t.Fatal(err)
			}
			for _, mesh := range []string{"u1", "u2"} {
				var versions []string
				for _, got := range r.tasks[mesh] {
					versions = append(versions, string(rune('0'+got.Version)))
				}
				if !slices.Equal(versions, c.want) {
					t.Errorf("took %v into %s, want %v", versions, mesh, c.want)
				}
			}
			wantFailures(t, answer, c.failed)
		})
	}
}

func wantFailures(t *testing.T, answer []byte, want []string) {
	t.Helper()
	var got struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, f := range got.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	if !slices.Equal(ids, want) {
		t.Errorf("messages %v come again, want %v", ids, want)
	}
}

// A fault that lasts has all messages come again.
func TestLastingFaults(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := tasks.Handler{Registrar: &registrar{fails: 1000}, Meshes: meshes{"u"}, Logger: slog.New(slog.DiscardHandler)}
	answer, err := h.Invoke(ctx, batch(t, sample(t, "service-stopping"), sample(t, "fargate-running")))
	if err != nil {
		t.Fatal(err)
	}
	wantFailures(t, answer, []string{"a", "b"})
}

// meshwise fails as each mesh says, and notes when each task's news were in.
type meshwise struct {
	fail map[string]func(call int, tasks []task.Task) error

	mu    sync.Mutex
	calls map[string]int
	took  map[string]time.Duration
	start time.Time
}

func (m *meshwise) TasksChanged(_ context.Context, mesh string, tasks []task.Task) error {
	m.mu.Lock()
	m.calls[mesh]++
	calls, fail := m.calls[mesh], m.fail[mesh]
	m.mu.Unlock()
	if fail != nil {
		if err := fail(calls, tasks); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.took[mesh] = time.Since(m.start)
	return nil
}

// While 30 meshes fail for as long as they are tried, those that don't have their news at once, and only the messages
// that concern a failing mesh come again. What only others have yet to be told is not tried while the batch waits.
func TestAMeshThatFailsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("throttled")
		m := &meshwise{calls: map[string]int{}, took: map[string]time.Duration{}, fail: map[string]func(int, []task.Task) error{}, start: time.Now()}
		var all meshes
		for n := range 30 {
			uid := fmt.Sprintf("failing%d", n)
			all = append(all, uid)
			m.fail[uid] = func(_ int, tasks []task.Task) error {
				time.Sleep(time.Second)
				return &reconcile.TasksError{Tasks: map[string]bool{tasks[len(tasks)-1].ARN: true}, Err: down}
			}
		}
		m.fail["told"] = func(int, []task.Task) error {
			return &reconcile.TasksError{Tasks: map[string]bool{}, Logged: true, Err: down}
		}
		m.fail["mirror"] = func(_ int, tasks []task.Task) error {
			return &reconcile.TasksError{Tasks: map[string]bool{tasks[len(tasks)-1].ARN: true}, Logged: true, Err: down}
		}
		m.fail["once"] = func(call int, tasks []task.Task) error {
			if call == 1 {
				return &reconcile.TasksError{Tasks: map[string]bool{tasks[0].ARN: true}, Err: down}
			}
			if len(tasks) != 1 {
				t.Errorf("%d tasks are tried again, want the one that failed", len(tasks))
			}
			return nil
		}
		all = append(all, "well", "told", "mirror", "once")
		h := tasks.Handler{Registrar: m, Meshes: all, Logger: slog.New(slog.DiscardHandler)}
		another := strings.ReplaceAll(sample(t, "fargate-running"), "c13b4cb40f1f4fe4a2971f76ae5a47ad", "another")
		answer, err := h.Invoke(t.Context(), batch(t, another, sample(t, "service-stopping")))
		if err != nil {
			t.Fatal(err)
		}
		wantFailures(t, answer, []string{"b"})
		whole := time.Since(m.start)
		t.Logf("news were in after %v, the batch took %v", m.took, whole)
		if m.took["well"] > 3*time.Second || m.took["once"] > 6*time.Second || len(m.took) != 2 || m.calls["told"] != 1 || m.calls["mirror"] != 1 {
			t.Errorf("news were in after %v, calls %v", m.took, m.calls)
		}
		if whole > 30*time.Second {
			t.Errorf("the batch took %v", whole)
		}
	})
}

type named string

func (n named) Invoke(context.Context, []byte) ([]byte, error) { return []byte(n), nil }

func TestByGroup(t *testing.T) {
	h := tasks.ByGroup{Groups: named("groups"), Tasks: named("tasks")}
	plain := string(batch(t, "x"))
	grouped := strings.Replace(plain, `"body"`, `"attributes":{"MessageGroupId":"u"},"body"`, 1)
	for payload, want := range map[string]string{plain: "tasks", grouped: "groups"} {
		if got, err := h.Invoke(t.Context(), []byte(payload)); err != nil || string(got) != want {
			t.Errorf("%s went to %s, %v", payload, got, err)
		}
	}
	if _, err := h.Invoke(t.Context(), []byte(`{}`)); err == nil {
		t.Error("no batch at all was taken")
	}
}
