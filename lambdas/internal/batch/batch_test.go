package batch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ownmesh/ownmesh/adapters/sqs"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/lambdas/internal/batch"
	"github.com/ownmesh/ownmesh/lambdas/internal/pollertest"
)

// meshes is compile or register: it notes what it is asked for, and fails for some.
type meshes struct {
	mu   sync.Mutex
	seen []string
	fail map[string]error
}

func (m *meshes) note(uid, what string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = append(m.seen, uid+" "+what)
	return m.fail[uid]
}

func (m *meshes) Handle(_ context.Context, e events.MeshChanged) error {
	if e.UID == "panics" {
		panic("a bug")
	}
	return m.note(e.UID, fmt.Sprint(e.Generation))
}

func (m *meshes) InstancesChanged(_ context.Context, meshes []string, s endpoint.ServiceKey) error {
	return m.note(strings.Join(meshes, ","), s.Namespace+"/"+s.Service)
}

func (m *meshes) sorted() []string { slices.Sort(m.seen); return m.seen }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// queue is a FIFO queue in front of a handler.
func queue(h pollertest.Handler) *pollertest.Queue {
	return &pollertest.Queue{Handler: h, BatchSize: 10, Visibility: 3, MaxReceive: 5}
}

func changed(uid string, generation int64) sqs.Message {
	body, _ := json.Marshal(events.MeshChanged{UID: uid, Generation: generation})
	return sqs.Message{Group: uid, Body: string(body)}
}

func TestMessagesOfAMeshAreMerged(t *testing.T) {
	m := &meshes{}
	q := queue(batch.Compile(m.Handle, quiet()))
	q.Send(t.Context(), changed("a", 1), changed("b", 7), changed("a", 3), changed("a", 2), changed("c", 4), changed("c", 0), changed("c", 5))
	q.Poll(t.Context(), nil)
	if want := []string{"a 3", "b 7", "c 0"}; !slices.Equal(m.sorted(), want) || q.Len() != 0 {
		t.Errorf("handled %v, %d left; want %v", m.seen, q.Len(), want)
	}
}

func TestRegisterMerges(t *testing.T) {
	m := &meshes{}
	instances := func(uid, service string) sqs.Message {
		body, _ := json.Marshal(events.RegisterMessage{InstancesChanged: &events.InstancesChanged{UID: uid, Namespace: "n", Service: service}})
		return sqs.Message{Group: uid, Body: string(body)}
	}
	mesh := func(uid string, generation int64) sqs.Message {
		body, _ := json.Marshal(events.RegisterMessage{MeshChanged: &events.MeshChanged{UID: uid, Generation: generation}})
		return sqs.Message{Group: uid, Body: string(body)}
	}
	q := queue(batch.Register(m, quiet()))
	q.Send(t.Context(), instances("a", "cart"), instances("a", "cart"), instances("a", "order"), // each service once
		instances("b", "cart"), mesh("b", 2), mesh("b", 3), // b once, and its service
		instances("c", "cart"), mesh("c", 0)) // all of c, once
	q.Poll(t.Context(), nil)
	if want := []string{"a n/cart", "a n/order", "b 3", "b n/cart", "c 0"}; !slices.Equal(m.sorted(), want) || q.Len() != 0 {
		t.Errorf("handled %v, %d left; want %v", m.seen, q.Len(), want)
	}
}

// TestAFailingMeshHoldsUpNoOther: its messages alone come again, in their order, and end in the dead-letter queue.
func TestAFailingMeshHoldsUpNoOther(t *testing.T) {
	m := &meshes{fail: map[string]error{"bad": errors.New("down")}}
	w := batch.Compile(m.Handle, quiet())
	w.Patience = time.Millisecond
	q := queue(w)
	q.Send(t.Context(), changed("good", 1), changed("bad", 1), changed("good", 2), changed("bad", 2), changed("panics", 1))
	q.Poll(t.Context(), nil)
	if left := q.Messages(); len(left) != 3 || slices.Contains([]string{left[0].Group, left[1].Group, left[2].Group}, "good") {
		t.Fatalf("left: %v, want those of bad and panics", left)
	}
	q.Send(t.Context(), changed("good", 3))
	q.Poll(t.Context(), nil)
	if !slices.Contains(m.seen, "good 2") || !slices.Contains(m.seen, "good 3") {
		t.Errorf("handled %v", m.seen)
	}
	q.Drain(t.Context())
	if len(q.Dead) != 3 || len(q.Broken) > 0 {
		t.Errorf("dead: %v, broken: %v", q.Dead, q.Broken)
	}
}

// TestRegisterTakesNothingAwayUnhandled: whichever part of a mesh's messages fails, all of them come again.
func TestRegisterTakesNothingAwayUnhandled(t *testing.T) {
	message := func(uid string, m events.RegisterMessage) sqs.Message {
		body, _ := json.Marshal(m)
		return sqs.Message{Group: uid, Body: string(body)}
	}
	for _, generation := range []int64{0, 2} {
		for _, service := range []bool{false, true} {
			m := &meshes{fail: map[string]error{"a": errors.New("down")}}
			w := batch.Register(m, quiet())
			w.Patience = time.Millisecond
			q := queue(w)
			q.Send(t.Context(), message("a", events.RegisterMessage{MeshChanged: &events.MeshChanged{UID: "a", Generation: generation}}))
			if service {
				q.Send(t.Context(), message("a", events.RegisterMessage{InstancesChanged: &events.InstancesChanged{UID: "a", Namespace: "n", Service: "cart"}}))
			}
			want := q.Len()
			if q.Poll(t.Context(), nil); q.Len() != want {
				t.Errorf("generation %d, with a service %v: %d of %d are left", generation, service, q.Len(), want)
			}
		}
	}
}

// TestABlipIsWaitedOut: to leave it to the queue would take minutes.
func TestABlipIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := batch.Compile(func(context.Context, events.MeshChanged) error {
			if time.Since(start) < 5*time.Second {
				return errors.New("throttled")
			}
			return nil
		}, quiet())
		q := queue(w)
		q.Send(t.Context(), changed("a", 1))
		q.Poll(t.Context(), nil)
		if q.Len() != 0 {
			t.Error("the message must come again")
		}
	})
}

// TestAHangingMeshIsReportedInTime, and the others' messages are done with.
func TestAHangingMeshIsReportedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := batch.Compile(func(ctx context.Context, e events.MeshChanged) error {
			if e.UID == "hangs" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}, quiet())
		q := queue(w)
		q.Send(t.Context(), changed("hangs", 1), changed("good", 1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		q.Poll(ctx, nil)
		if took := time.Since(start); took > 58*time.Second || took < 50*time.Second {
			t.Errorf("answered after %v of 60 s", took)
		}
		if left := q.Messages(); len(left) != 1 || left[0].Group != "hangs" {
			t.Errorf("left: %v", left)
		}
	})
}

// TestUnreadableMessages have their mesh looked at, with the cause in the log, and are in nobody's way.
func TestUnreadableMessages(t *testing.T) {
	m := &meshes{}
	var log bytes.Buffer
	q := queue(batch.Register(m, slog.New(slog.NewTextHandler(&log, nil))))
	q.Send(t.Context(), sqs.Message{Group: "a", Body: "{" + strings.Repeat("x", 5000)}, sqs.Message{Body: "{}"})
	q.Drain(t.Context())
	if !slices.Equal(m.seen, []string{"a 0"}) || len(q.Dead) != 0 {
		t.Errorf("handled %v, dead %v", m.seen, q.Dead)
	}
	if text := log.String(); !strings.Contains(text, "mesh=a") || !strings.Contains(text, "message is not") || len(text) > 4000 {
		t.Errorf("the log has %d bytes and says %.500s", len(text), text)
	}
	if out, err := batch.Register(m, quiet()).Invoke(t.Context(), []byte(`{}`)); err == nil {
		t.Errorf("what is no batch was answered with %s", out)
	}
}
