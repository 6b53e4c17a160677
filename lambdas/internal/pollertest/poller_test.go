package pollertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/adapters/sqs"
)

// handler is a toy: it logs the ids of each batch, and answers what do says of them.
type handler struct {
	log []string
	do  func(ids []string) (failed []string, err error)
}

func (h *handler) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	var in struct {
		Records []struct {
			MessageID string `json:"messageId"`
			DynamoDB  struct{ SequenceNumber string }
		}
	}
	if err := json.Unmarshal(payload, &in); err != nil {
		return nil, err
	}
	var ids []string
	for _, r := range in.Records {
		ids = append(ids, r.MessageID+strings.TrimLeft(r.DynamoDB.SequenceNumber, "0"))
	}
	h.log = append(h.log, strings.Join(ids, ""))
	failed, err := h.do(ids)
	out := sqs.Response{BatchItemFailures: []sqs.ItemFailure{}}
	for _, f := range failed {
		if len(f) == 1 {
			f = fmt.Sprintf("%021s", f)
		}
		out.BatchItemFailures = append(out.BatchItemFailures, sqs.ItemFailure{ItemIdentifier: f})
	}
	answer, _ := json.Marshal(out)
	return answer, err
}

func TestStreamPolling(t *testing.T) {
	down := errors.New("down")
	for _, c := range []struct {
		what    string
		do      func([]string) ([]string, error)
		log     string
		givenUp string
	}{
		{"all is well", func([]string) ([]string, error) { return nil, nil }, "1234 56", "[]"},
		{"a record fails for ever: checkpoint before it, given up with what is behind it in its batch",
			func(ids []string) ([]string, error) {
				if slices.Contains(ids, "3") {
					return []string{"4", "3"}, nil
				}
				return nil, nil
			}, "1234 34 34 56", "[{s 000000000000000000003 000000000000000000004 2}]"},
		{"an error: halves, until one record is left",
			func(ids []string) ([]string, error) {
				if slices.Contains(ids, "3") {
					return nil, down
				}
				return nil, nil
			}, "1234 12 34 3 3 3 4 56", "[{s 000000000000000000003 000000000000000000003 1}]"},
		{"an unknown sequence number is an error", func(ids []string) ([]string, error) {
			if len(ids) > 1 {
				return []string{"9"}, nil
			}
			return nil, nil
		}, "1234 12 1 2 34 3 4 56 5 6", "[]"},
	} {
		h := &handler{do: c.do}
		s := &Stream{Handler: h, BatchSize: 4, Retries: 2}
		for range 6 {
			s.Put("s", []byte(`{"dynamodb":{}}`))
		}
		s.Drain(t.Context())
		if got := strings.Join(h.log, " "); got != c.log || fmt.Sprint(s.GivenUp) != c.givenUp {
			t.Errorf("%s: %s, given up %v; want %s, %s", c.what, got, s.GivenUp, c.log, c.givenUp)
		}
	}
}

func TestQueuePolling(t *testing.T) {
	failing := ""
	h := &handler{do: func(ids []string) ([]string, error) {
		if slices.Contains(ids, failing) {
			return []string{failing}, nil
		}
		return nil, nil
	}}
	q := &Queue{Handler: h, BatchSize: 3, Visibility: 2, MaxReceive: 2}
	for _, group := range []string{"a", "b", "a", "b"} {
		q.Send(t.Context(), sqs.Message{Group: group, Body: group})
	}
	failing = "m3"
	q.Poll(t.Context(), nil) // m1 m2 m3: m3 fails
	q.Poll(t.Context(), nil) // m4: b has nothing in flight any more
	q.Send(t.Context(), sqs.Message{Group: "a", Body: "later"})
	q.Poll(t.Context(), nil) // a waits for m3
	q.Tick()
	q.Tick()
	q.Poll(t.Context(), nil) // m3 m5: m3 fails, and m5 overtook it
	q.Tick()
	q.Tick()
	q.Poll(t.Context(), nil) // m3 was received twice: dead
	if got := strings.Join(h.log, " "); got != "m1m2m3 m4 m3m5" || len(q.Dead) != 1 || q.Dead[0].Body != "a" || len(q.Broken) != 1 || q.Len() != 0 {
		t.Errorf("%s, dead %v, broken %v, %d left", got, q.Dead, q.Broken, q.Len())
	}
}
