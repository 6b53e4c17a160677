package dispatch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/adapters/sqs"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/lambdas/internal/dispatch"
	"github.com/ownmesh/ownmesh/lambdas/internal/pollertest"
)

// world is a stream, the handler on it, and the queues that it sends to, which nobody reads.
type world struct {
	stream                    *pollertest.Stream
	compile, register, poison *pollertest.Queue
	committed                 []string
	log                       bytes.Buffer
}

func newWorld() *world {
	w := &world{compile: &pollertest.Queue{}, register: &pollertest.Queue{}, poison: &pollertest.Queue{}}
	w.stream = &pollertest.Stream{BatchSize: 100, Retries: 5, Handler: dispatch.Handler{
		Compile: w.compile, Register: w.register, Poison: w.poison, Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
		Committed: func(_ context.Context, entries []dispatch.Committed) {
			for _, e := range entries {
				w.committed = append(w.committed, fmt.Sprintf("%s %d", e.UID, e.Entry.Generation))
			}
		},
	}}
	return w
}

func (w *world) put(pk, image string) string {
	return w.stream.Put("s", []byte(fmt.Sprintf(`{"eventName":"MODIFY","dynamodb":{"Keys":{"pk":{"S":%q}},"NewImage":%s}}`, pk, image)))
}

func (w *world) mesh(uid string, generation int) string {
	return w.put(uid, fmt.Sprintf(`{"generation":{"N":"%d"},"mesh":{"S":"{\"name\":\"shop\"}"}}`, generation))
}

func (w *world) entry(uid string) {
	e, _ := store.Encode(store.Entry{Generation: 1})
	w.put(uid, fmt.Sprintf(`{"entry":{"S":%q}}`, e))
}

func bodies(q *pollertest.Queue) string {
	var all []string
	for _, m := range q.Messages() {
		all = append(all, m.Group+m.Body)
	}
	return strings.Join(all, " ")
}

func TestOneMessageAMeshToEachQueue(t *testing.T) {
	w := newWorld()
	w.mesh("a", 1)
	w.entry("a")
	w.mesh("b", 9)
	w.put("a", `{"record":{"S":"{}"}}`)
	w.mesh("a", 3)
	w.mesh("a", 2)
	w.entry("c")
	w.stream.Drain(t.Context())
	if got := bodies(w.compile); got != `a{"uid":"a","generation":3} b{"uid":"b","generation":9}` {
		t.Errorf("compile was sent %s", got)
	}
	if got := bodies(w.register); got != `a{"meshChanged":{"uid":"a","generation":3}} b{"meshChanged":{"uid":"b","generation":9}}` {
		t.Errorf("register was sent %s", got)
	}
	if want := []string{"a 1", "c 1"}; !slices.Equal(w.committed, want) || w.stream.Calls != 1 {
		t.Errorf("told of %q in %d calls, want %q", w.committed, w.stream.Calls, want)
	}
}

// TestPoisonIsSetAside with its cause; what is around it goes on, at once.
func TestPoisonIsSetAside(t *testing.T) {
	w := newWorld()
	w.mesh("a", 1)
	sequence := w.put("b", `{"generation":{"S":"seven"}}`)
	w.put("b", `{"entry":{"S":"{"},"filler":{"S":"`+strings.Repeat(`<`, 390<<10)+`"}}`)
	w.mesh("a", 2)
	w.mesh("c", 1)
	w.stream.Drain(t.Context())
	if got := bodies(w.compile); got != `a{"uid":"a","generation":2} c{"uid":"c","generation":1}` || w.stream.Calls != 1 {
		t.Errorf("compile was sent %s in %d calls", got, w.stream.Calls)
	}
	aside := w.poison.Messages()
	if len(aside) != 2 {
		t.Fatalf("%d records were set aside, want 2", len(aside))
	}
	var p dispatch.Poison
	if err := json.Unmarshal([]byte(aside[0].Body), &p); err != nil || p.SequenceNumber != sequence ||
		!strings.Contains(p.Cause, "generation is not a number") || !strings.Contains(p.Record, `{"S":"seven"}`) || p.Cut {
		t.Errorf("set aside: %+v, %v", p, err)
	}
	if err := json.Unmarshal([]byte(aside[1].Body), &p); err != nil || !p.Cut || len(aside[1].Body) > 256<<10 {
		t.Errorf("set aside with %d bytes, cut %v, %v", len(aside[1].Body), p.Cut, err)
	}
	if text := w.log.String(); strings.Count(text, "stream record set aside") != 2 || !strings.Contains(text, sequence) {
		t.Errorf("the log says %s", text)
	}
}

// TestFaultsAreReportedByTheLowestRecord that they hit, so that nothing before it comes again and nothing behind it is
// lost.
func TestFaultsAreReportedByTheLowestRecord(t *testing.T) {
	for _, where := range []string{"compile", "register"} {
		w := newWorld()
		faults := 2
		refuse := func(m sqs.Message) error {
			if m.Group == "b" && faults > 0 {
				faults--
				return errors.New("throttled")
			}
			return nil
		}
		map[string]*pollertest.Queue{"compile": w.compile, "register": w.register}[where].Refuse = refuse
		w.mesh("a", 1)
		w.mesh("b", 1)
		w.mesh("a", 2)
		w.mesh("b", 2)
		w.stream.Poll(t.Context(), "s")
		w.mesh("c", 1)
		w.stream.Drain(t.Context())
		for _, q := range []*pollertest.Queue{w.compile, w.register} {
			last := map[string]string{}
			for _, m := range q.Messages() {
				last[m.Group] = m.Body
			}
			if !strings.Contains(last["a"], `"generation":2`) || !strings.Contains(last["b"], `"generation":2`) || !strings.Contains(last["c"], `"generation":1`) {
				t.Errorf("%s down for a while: got %s", where, bodies(q))
			}
		}
		if w.stream.Calls != 4 || len(w.stream.GivenUp) > 0 { // three for the first batch, of which two are its last three records
			t.Errorf("%s: %d calls, given up %v", where, w.stream.Calls, w.stream.GivenUp)
		}
	}
}

// TestAQueueThatStaysDown costs bounded tries; then the stream goes on, and the on-failure destination knows where.
func TestAQueueThatStaysDown(t *testing.T) {
	w := newWorld()
	w.compile.Refuse = func(sqs.Message) error { return errors.New("down") }
	first := w.mesh("a", 1)
	w.stream.Drain(t.Context())
	if len(w.stream.GivenUp) != 1 || w.stream.GivenUp[0].First != first || w.stream.Calls != 6 {
		t.Errorf("given up %v after %d calls", w.stream.GivenUp, w.stream.Calls)
	}
	w.compile.Refuse = nil
	w.mesh("b", 1)
	w.stream.Drain(t.Context())
	if got := bodies(w.compile); got != `b{"uid":"b","generation":1}` {
		t.Errorf("compile was sent %s", got)
	}
}

// TestPoisonThatCantBeSetAside comes again: nothing is dropped unseen.
func TestPoisonThatCantBeSetAside(t *testing.T) {
	w := newWorld()
	down := true
	w.poison.Refuse = func(sqs.Message) error {
		if down {
			return errors.New("down")
		}
		return nil
	}
	w.mesh("a", 1)
	w.put("b", `{"generation":{"S":"x"}}`)
	w.stream.Poll(t.Context(), "s")
	if w.poison.Len() != 0 || len(w.stream.Shards()) == 0 {
		t.Fatal("the record is gone")
	}
	down = false
	w.stream.Drain(t.Context())
	if w.poison.Len() != 1 || bodies(w.compile) != `a{"uid":"a","generation":1}` {
		t.Errorf("%d set aside, compile was sent %s", w.poison.Len(), bodies(w.compile))
	}
}

// TestTheLowestOfAllFaults: a queue and the poison queue that fail in one batch, whichever of their records comes first.
func TestTheLowestOfAllFaults(t *testing.T) {
	down := func(sqs.Message) error { return errors.New("down") }
	for _, order := range []string{"mesh poison poison", "poison mesh poison", "fine poison poison mesh", "fine mesh fine poison"} {
		w := newWorld()
		w.compile.Refuse = func(m sqs.Message) error {
			if m.Group == "fine" {
				return nil
			}
			return down(m)
		}
		w.poison.Refuse = down
		first := ""
		for i, what := range strings.Fields(order) {
			sequence := ""
			switch what {
			case "poison":
				sequence = w.put(fmt.Sprint("p", i), `{"generation":{"S":"x"}}`)
			default:
				sequence = w.mesh(what, i+1)
			}
			if first == "" && what != "fine" {
				first = sequence
			}
		}
		handler := w.stream.Handler
		var answers []string
		w.stream.Handler = invoked(func(ctx context.Context, payload []byte) ([]byte, error) {
			out, err := handler.Invoke(ctx, payload)
			answers = append(answers, string(out))
			return out, err
		})
		w.stream.Poll(t.Context(), "s")
		if want := `{"batchItemFailures":[{"itemIdentifier":"` + first + `"}]}`; len(answers) == 0 || answers[0] != want {
			t.Errorf("%s: answered %v, want %s", order, answers, want)
		}
	}
}

type invoked func(context.Context, []byte) ([]byte, error)

func (f invoked) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return f(ctx, payload) }

func TestWhatIsNoBatchIsAnError(t *testing.T) {
	if out, err := (dispatch.Handler{}).Invoke(t.Context(), []byte(`{"Records":[{"messageId":"1"}]}`)); err == nil {
		t.Errorf("got %s", out)
	}
}
