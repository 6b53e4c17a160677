package pollertest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Stream is a DynamoDB stream and the event source mapping that reads it, with ReportBatchItemFailures and
// BisectBatchOnFunctionError.
type Stream struct {
	Handler   Handler
	BatchSize int // records a call
	Retries   int // of a batch that fails, before it is given up
	// Filter says which records the handler is called for, as the mapping's filter does; nil: all.
	Filter func(record json.RawMessage) bool

	GivenUp []GivenUp // what the on-failure destination was sent
	Calls   int

	sequence int
	shards   map[string]*shard
}

// GivenUp is what an on-failure destination learns of a batch: where it lies, not what is in it.
type GivenUp struct {
	Shard, First, Last string
	Records            int
}

type record struct {
	sequence string
	body     json.RawMessage
}

// shard is read in order: what is pending goes first, and nothing else goes on before it.
type shard struct {
	records []record
	pending []piece
}

// piece is a batch, or what is left of one.
type piece struct {
	records []record
	tries   int
}

// Put appends a record to a shard, and gives its sequence number. body is a record's JSON with a dynamodb member.
func (s *Stream) Put(in string, body []byte) string {
	s.sequence++
	sequence := fmt.Sprintf("%021d", s.sequence)
	var r map[string]json.RawMessage
	var inner map[string]json.RawMessage
	if err := json.Unmarshal(body, &r); err != nil {
		panic(err)
	}
	if err := json.Unmarshal(r["dynamodb"], &inner); err != nil {
		panic(err)
	}
	inner["SequenceNumber"] = must(json.Marshal(sequence))
	r["dynamodb"] = must(json.Marshal(inner))
	whole := must(json.Marshal(r))
	if s.shards == nil {
		s.shards = map[string]*shard{}
	}
	if s.shards[in] == nil {
		s.shards[in] = &shard{}
	}
	s.shards[in].records = append(s.shards[in].records, record{sequence, whole})
	return sequence
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// Shards lists the shards in which something is left to read.
func (s *Stream) Shards() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.shards)), func(name string) bool {
		return len(s.shards[name].pending) == 0 && len(s.shards[name].records) == 0
	})
}

// Drain polls every shard until nothing is left.
func (s *Stream) Drain(ctx context.Context) {
	for shards := s.Shards(); len(shards) > 0; shards = s.Shards() {
		for _, name := range shards {
			s.Poll(ctx, name)
		}
	}
}

// Poll reads a shard on, with at most one call of the handler.
func (s *Stream) Poll(ctx context.Context, name string) {
	sh := s.shards[name]
	if sh == nil {
		return
	}
	if len(sh.pending) == 0 {
		n := min(s.BatchSize, len(sh.records))
		batch := slices.Clone(sh.records[:n])
		sh.records = sh.records[n:]
		batch = slices.DeleteFunc(batch, func(r record) bool { return s.Filter != nil && !s.Filter(r.body) })
		if len(batch) == 0 {
			return
		}
		sh.pending = []piece{{records: batch}}
	}
	p := sh.pending[0]
	sh.pending = sh.pending[1:]
	rest, cut := s.call(ctx, p)
	switch {
	case len(rest) == 0:
	case cut: // to cut a batch in halves is no retry
		half := len(rest) / 2
		sh.pending = append([]piece{{rest[:half], p.tries}, {rest[half:], p.tries}}, sh.pending...)
	case p.tries >= s.Retries:
		s.GivenUp = append(s.GivenUp, GivenUp{name, rest[0].sequence, rest[len(rest)-1].sequence, len(rest)})
	default:
		sh.pending = append([]piece{{rest, p.tries + 1}}, sh.pending...)
	}
}

// call gives what must come again, and whether it is to be cut in halves: so after an error, or an answer that can't be
// understood. After a partial failure it is what lies from the lowest failed record on.
func (s *Stream) call(ctx context.Context, p piece) (rest []record, cut bool) {
	s.Calls++
	bodies := make([]json.RawMessage, len(p.records))
	for i, r := range p.records {
		bodies[i] = r.body
	}
	answer, err := s.Handler.Invoke(ctx, must(json.Marshal(map[string]any{"Records": bodies})))
	var out response
	if err != nil || json.Unmarshal(answer, &out) != nil {
		return p.records, len(p.records) > 1
	}
	lowest := len(p.records)
	for _, f := range out.BatchItemFailures {
		i := slices.IndexFunc(p.records, func(r record) bool { return r.sequence == f.ItemIdentifier })
		if i < 0 {
			return p.records, len(p.records) > 1
		}
		lowest = min(lowest, i)
	}
	return p.records[lowest:], false
}
