// Package stream reads what a DynamoDB stream says of the table that adapters/dynamodb keeps: which mesh changed, up
// to which generation, and the journal's entries.
//
// It decides nothing and sends nothing: that is lambdas/dispatch. Each record is read by itself, so that one that
// can't be understood spoils no other: aws-lambda-go's event type gives up a whole batch for it. Start with Records.
package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/ownmesh/ownmesh/core/store"
)

// Record is one record of a stream, not yet understood.
type Record struct {
	SequenceNumber string // what a partial failure names it by
	Body           json.RawMessage
}

// Change is what a record says. Rows that tell nobody anything (resources, references, tags, names) have neither.
type Change struct {
	UID        string // of the mesh
	Generation int64  // of the mesh's row; 0: the record is of another row
	Entry      *store.Entry
}

// Records splits a batch as Lambda hands it over. An error means that this is no batch of a DynamoDB stream at all.
func Records(batch []byte) ([]Record, error) {
	var in struct {
		Records []json.RawMessage
	}
	if err := json.Unmarshal(batch, &in); err != nil {
		return nil, fmt.Errorf("read a batch of stream records: %w", err)
	}
	if len(in.Records) == 0 {
		return nil, errors.New("read a batch of stream records: it has no Records")
	}
	records := make([]Record, len(in.Records))
	for i, body := range in.Records {
		var r struct {
			DynamoDB struct{ SequenceNumber string } `json:"dynamodb"`
		}
		if err := json.Unmarshal(body, &r); err != nil || r.DynamoDB.SequenceNumber == "" {
			return nil, fmt.Errorf("read stream record %d of %d: it has no dynamodb.SequenceNumber", i+1, len(in.Records))
		}
		records[i] = Record{SequenceNumber: r.DynamoDB.SequenceNumber, Body: body}
	}
	return records, nil
}

// attributes are those of a row that matter here. Pointers tell a missing attribute from one of another type.
type attributes struct {
	PK *struct {
		S *string `json:"S"`
	} `json:"pk"`
	Generation *struct {
		N *string `json:"N"`
	} `json:"generation"`
	Entry *struct {
		S *string `json:"S"`
	} `json:"entry"`
}

// Change reads a record. An error means that it can't be understood, and never will be.
func (r Record) Change() (Change, error) {
	var in struct {
		EventName string `json:"eventName"`
		DynamoDB  struct {
			Keys     attributes `json:"Keys"`
			NewImage attributes `json:"NewImage"`
		} `json:"dynamodb"`
	}
	if err := json.Unmarshal(r.Body, &in); err != nil {
		return Change{}, fmt.Errorf("read stream record %s: %w", r.SequenceNumber, err)
	}
	image := in.DynamoDB.NewImage
	if in.EventName == "REMOVE" || image.Generation == nil && image.Entry == nil {
		return Change{}, nil
	}
	pk := in.DynamoDB.Keys.PK
	if pk == nil || pk.S == nil || *pk.S == "" {
		return Change{}, fmt.Errorf("read stream record %s: it has no key pk", r.SequenceNumber)
	}
	c, err := image.change(*pk.S)
	if err != nil {
		return Change{}, fmt.Errorf("read stream record %s of mesh %s: %w", r.SequenceNumber, *pk.S, err)
	}
	return c, nil
}

func (a attributes) change(uid string) (Change, error) {
	c := Change{UID: uid}
	if a.Entry != nil {
		if a.Entry.S == nil {
			return c, errors.New("attribute entry is not a string")
		}
		c.Entry = new(store.Entry)
		if err := json.Unmarshal([]byte(*a.Entry.S), c.Entry); err != nil {
			return c, fmt.Errorf("attribute entry is no journal entry: %w", err)
		}
		return c, nil
	}
	if a.Generation.N == nil {
		return c, errors.New("attribute generation is not a number")
	}
	n, err := strconv.ParseInt(*a.Generation.N, 10, 64)
	if err != nil || n < 1 {
		return c, fmt.Errorf("attribute generation must be a whole number from 1 on, got %q", *a.Generation.N)
	}
	c.Generation = n
	return c, nil
}
