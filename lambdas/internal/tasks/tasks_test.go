package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/core/task"
	"github.com/ownmesh/ownmesh/lambdas/internal/tasks"
)

// registrar notes what it is told, and fails at first if it should.
type registrar struct {
	fails  int
	calls  int
	meshes []string
	tasks  []task.Task
}

func (r *registrar) TasksChanged(_ context.Context, meshes []string, tasks []task.Task) error {
	if r.calls++; r.calls <= r.fails {
		return errors.New("down")
	}
	r.meshes, r.tasks = meshes, tasks
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
			var versions []string
			for _, got := range r.tasks {
				versions = append(versions, string(rune('0'+got.Version)))
			}
			if !slices.Equal(versions, c.want) || len(c.want) > 0 && !slices.Equal(r.meshes, []string{"u1", "u2"}) {
				t.Errorf("took %v into %v, want %v", versions, r.meshes, c.want)
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
