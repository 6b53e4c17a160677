// Package dispatch tells the other parts what a DynamoDB stream says: a message a mesh to each of the two queues, and an
// event for each entry of the journal.
//
// It reads keys and generations, never what changed in a mesh. A record that can't be understood is set aside with its
// cause, and those behind it go on; a fault of AWS's services is reported by the lowest sequence number that it hit, and
// the stream comes again from there. Start with Handler.Invoke.
package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/adapters/sqs"
	"github.com/ownmesh/ownmesh/adapters/stream"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// Sender is a queue; *sqs.Queue is one. It answers for each message why it could not be sent, nil for what was.
type Sender interface {
	Send(ctx context.Context, messages ...sqs.Message) []error
}

// Handler is the Lambda's handler.
type Handler struct {
	Compile, Register, Poison Sender
	// Committed is told of the journal's entries, each at least once; nil: nobody is. It never fails: what it tells of has
	// happened already.
	Committed func(ctx context.Context, entries []Committed)
	Logger    *slog.Logger
}

// Committed is an entry of a mesh's journal.
type Committed struct {
	UID   string
	Entry store.Entry
}

// changed is what a batch says of one mesh.
type changed struct {
	message events.MeshChanged
	first   int // index of its first record
}

// Invoke implements lambda.Handler.
func (h Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	records, err := stream.Records(payload)
	if err != nil {
		return nil, err
	}
	meshes, entries, lowest := h.read(ctx, records)
	if failed := h.tell(ctx, meshes); failed < lowest {
		lowest = failed
	}
	if h.Committed != nil && len(entries) > 0 {
		h.Committed(ctx, entries)
	}
	answer := sqs.Response{BatchItemFailures: []sqs.ItemFailure{}}
	if lowest < len(records) {
		answer.BatchItemFailures = []sqs.ItemFailure{{ItemIdentifier: records[lowest].SequenceNumber}}
	}
	return json.Marshal(answer)
}

// read takes a batch apart. lowest is the first record that could not even be set aside, len(records) if there is none.
func (h Handler) read(ctx context.Context, records []stream.Record) (meshes map[string]changed, entries []Committed, lowest int) {
	meshes, lowest = map[string]changed{}, len(records)
	for i, r := range records {
		c, err := r.Change()
		if err != nil {
			if h.setAside(ctx, r, err) != nil {
				lowest = min(lowest, i)
			}
			continue
		}
		if c.Entry != nil {
			entries = append(entries, Committed{UID: c.UID, Entry: *c.Entry})
		}
		if c.Generation == 0 {
			continue
		}
		m := changed{message: events.MeshChanged{UID: c.UID, Generation: c.Generation}, first: i}
		if known, ok := meshes[c.UID]; ok {
			m = changed{message: known.message.Merge(m.message), first: known.first}
		}
		meshes[c.UID] = m
	}
	return meshes, entries, lowest
}

// tell sends one message a mesh to both queues. It returns the index of the first record of the meshes that could not be
// told of to both, a huge one if all were.
func (h Handler) tell(ctx context.Context, meshes map[string]changed) (lowest int) {
	const none = int(^uint(0) >> 1)
	uids := slices.SortedFunc(maps.Keys(meshes), func(a, b string) int { return meshes[a].first - meshes[b].first })
	toCompile, toRegister := make([]sqs.Message, len(uids)), make([]sqs.Message, len(uids))
	for i, uid := range uids {
		m := meshes[uid].message
		toCompile[i], toRegister[i] = messages(m)
	}
	lowest = none
	for queue, send := range map[string]func() []error{
		"compile":  func() []error { return h.Compile.Send(ctx, toCompile...) },
		"register": func() []error { return h.Register.Send(ctx, toRegister...) },
	} {
		for i, err := range send() {
			if err != nil {
				h.Logger.Error("mesh could not be told of, its records come again", "queue", queue, "mesh", uids[i], "err", err)
				lowest = min(lowest, meshes[uids[i]].first)
			}
		}
	}
	return lowest
}

// messages are what the two queues are sent for a mesh.
func messages(m events.MeshChanged) (compile, register sqs.Message) {
	body := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // strings and numbers always marshal
		}
		return string(b)
	}
	return sqs.Message{Group: m.UID, Body: body(m)}, sqs.Message{Group: m.UID, Body: body(events.RegisterMessage{MeshChanged: &m})}
}

// maxRecord bounds what is kept of a record: a message may have 256 KB, and a record two images of 400 KB.
const maxRecord = 100 << 10

// Poison is what is set aside for people to look at.
type Poison struct {
	SequenceNumber string `json:"sequenceNumber"`
	Cause          string `json:"cause"`
	Record         string `json:"record"`        // as it came
	Cut            bool   `json:"cut,omitempty"` // it was longer
}

// setAside keeps a record that can't be understood. What it would have told is made up for by the next sweep.
func (h Handler) setAside(ctx context.Context, r stream.Record, cause error) error {
	p := Poison{SequenceNumber: r.SequenceNumber, Cause: cause.Error(), Record: string(r.Body)}
	if len(p.Record) > maxRecord {
		p.Record, p.Cut = p.Record[:maxRecord], true
	}
	var body strings.Builder
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // six bytes for one
	err := encoder.Encode(p)
	if err == nil {
		err = errors.Join(h.Poison.Send(ctx, sqs.Message{Body: body.String()})...)
	}
	if err != nil {
		h.Logger.Error("stream record can't be understood, nor set aside", "sequence", r.SequenceNumber, "cause", cause, "err", err)
		return fmt.Errorf("set aside record %s: %w", r.SequenceNumber, err)
	}
	h.Logger.Error("stream record set aside", "sequence", r.SequenceNumber, "cause", cause)
	return nil
}
