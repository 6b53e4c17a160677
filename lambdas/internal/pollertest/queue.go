package pollertest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/ownmesh/ownmesh/adapters/sqs"
)

// Queue is a queue and the event source mapping that reads it, with ReportBatchItemFailures. Messages of one group
// are in flight together or not at all; without a group each is its own.
type Queue struct {
	Handler    Handler
	BatchSize  int // messages a call
	Visibility int // ticks until a message that was not deleted can be received again
	MaxReceive int // receives, then it goes to the dead-letter queue

	// What goes wrong on the way in; nil: nothing.
	Refuse func(sqs.Message) error // the sender is told
	Lose   func(sqs.Message) bool  // nobody is told
	Double func(sqs.Message) bool

	Dead []sqs.Message // the dead-letter queue
	// Broken says where a handler let a message overtake one of its group.
	Broken []string
	Calls  int

	now, sent int
	messages  []*message
}

type message struct {
	sqs.Message
	id       string
	visible  int // when it can be received
	received int
}

// Send implements the sending side.
func (q *Queue) Send(_ context.Context, messages ...sqs.Message) []error {
	failed := make([]error, len(messages))
	for i, m := range messages {
		if q.Refuse != nil {
			failed[i] = q.Refuse(m)
		}
		if failed[i] != nil || q.Lose != nil && q.Lose(m) {
			continue
		}
		q.put(m)
		if q.Double != nil && q.Double(m) {
			q.put(m)
		}
	}
	return failed
}

func (q *Queue) put(m sqs.Message) {
	q.sent++
	q.messages = append(q.messages, &message{Message: m, id: fmt.Sprint("m", q.sent), visible: q.now})
}

// Len is how many messages are waiting or in flight.
func (q *Queue) Len() int { return len(q.messages) }

// Messages lists what is waiting or in flight.
func (q *Queue) Messages() []sqs.Message {
	all := make([]sqs.Message, len(q.messages))
	for i, m := range q.messages {
		all[i] = m.Message
	}
	return all
}

// Tick lets time pass.
func (q *Queue) Tick() { q.now++ }

// Drain polls and lets time pass until nothing is left.
func (q *Queue) Drain(ctx context.Context) {
	for q.Len() > 0 {
		q.Poll(ctx, nil)
		q.Tick()
	}
}

// Poll receives a batch and calls the handler once, if anything can be received. random chooses how large it is; nil: as
// large as can be.
func (q *Queue) Poll(ctx context.Context, random *rand.Rand) {
	most := q.BatchSize
	if random != nil {
		most = 1 + random.IntN(q.BatchSize)
	}
	batch := q.receive(most)
	if len(batch) == 0 {
		return
	}
	q.Calls++
	answer, err := q.Handler.Invoke(ctx, payload(batch))
	var out response
	if err != nil || json.Unmarshal(answer, &out) != nil {
		return // all come again
	}
	failed := map[string]bool{}
	for _, f := range out.BatchItemFailures {
		if !slices.ContainsFunc(batch, func(m *message) bool { return m.id == f.ItemIdentifier }) {
			return // an answer that names what was not sent counts as a failure of all
		}
		failed[f.ItemIdentifier] = true
	}
	held := map[string]bool{}
	for _, m := range batch {
		switch {
		case failed[m.id]:
			held[m.Group] = true
		case held[m.Group] && m.Group != "":
			q.Broken = append(q.Broken, fmt.Sprintf("message %s of group %s was done before one that failed", m.id, m.Group))
		}
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return slices.Contains(batch, m) && !failed[m.id] })
}

// receive takes what can be received, in order; a group of which something is in flight waits.
func (q *Queue) receive(most int) []*message {
	var batch []*message
	locked := map[string]bool{}
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool {
		dead := m.visible <= q.now && m.received >= q.MaxReceive && !locked[m.Group]
		if dead {
			q.Dead = append(q.Dead, m.Message)
		} else if m.visible > q.now && m.Group != "" {
			locked[m.Group] = true
		}
		return dead
	})
	for _, m := range q.messages {
		if len(batch) == most || m.visible > q.now || locked[m.Group] {
			continue
		}
		m.received++
		m.visible = q.now + q.Visibility
		batch = append(batch, m)
	}
	return batch
}

// payload is a batch as Lambda hands it over.
func payload(batch []*message) []byte {
	type record struct {
		MessageID      string            `json:"messageId"`
		ReceiptHandle  string            `json:"receiptHandle"`
		Body           string            `json:"body"`
		Attributes     map[string]string `json:"attributes"`
		EventSource    string            `json:"eventSource"`
		EventSourceARN string            `json:"eventSourceARN"`
	}
	records := make([]record, len(batch))
	for i, m := range batch {
		records[i] = record{
			MessageID: m.id, ReceiptHandle: m.id, Body: m.Body, EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:us-east-1:000000000000:q",
			Attributes: map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.received)},
		}
		if m.Group != "" {
			records[i].Attributes["MessageGroupId"] = m.Group
		}
	}
	return must(json.Marshal(map[string]any{"Records": records}))
}
