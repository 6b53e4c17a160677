package sqs

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Received is a message as Lambda hands it over.
type Received struct {
	ID    string // what a partial failure names it by
	Group string // "" in a queue that is not FIFO
	Body  string
	Tries int // how often it was handed over, this time included; 0 if the queue does not say
}

// Batch reads what Lambda hands over. An error means that this is no batch of an SQS queue at all.
func Batch(batch []byte) ([]Received, error) {
	var in struct {
		Records []struct {
			MessageID  string `json:"messageId"`
			Body       string `json:"body"`
			Attributes struct {
				Group string `json:"MessageGroupId"`
				Tries int    `json:"ApproximateReceiveCount,string"`
			} `json:"attributes"`
		}
	}
	if err := json.Unmarshal(batch, &in); err != nil {
		return nil, fmt.Errorf("read a batch of messages: %w", err)
	}
	if len(in.Records) == 0 {
		return nil, errors.New("read a batch of messages: it has no Records")
	}
	out := make([]Received, len(in.Records))
	for i, r := range in.Records {
		if r.MessageID == "" {
			return nil, fmt.Errorf("read a batch of messages: number %d of %d has no messageId", i+1, len(in.Records))
		}
		out[i] = Received{ID: r.MessageID, Group: r.Attributes.Group, Body: r.Body, Tries: r.Attributes.Tries}
	}
	return out, nil
}

// Failures is the answer that has Lambda hand some messages over again, and delete the others: those that failed, and,
// as order is kept within a group, all later ones of a group with one that failed.
func Failures(batch []Received, failed func(Received) bool) Response {
	r := Response{BatchItemFailures: []ItemFailure{}}
	held := map[string]bool{}
	for _, m := range batch {
		if failed(m) || m.Group != "" && held[m.Group] {
			held[m.Group] = true
			r.BatchItemFailures = append(r.BatchItemFailures, ItemFailure{ItemIdentifier: m.ID})
		}
	}
	return r
}

// Response is Lambda's form of a partial failure, for queues and for streams.
type Response struct {
	BatchItemFailures []ItemFailure `json:"batchItemFailures"`
}

// ItemFailure names one that failed: a message's id, a record's sequence number.
type ItemFailure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}
