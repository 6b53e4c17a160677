// Package sqs sends messages to a queue, and reads the batches of them that Lambda hands over.
//
// In a FIFO queue messages of one group (a mesh's uid) are handed over one after the other; groups don't wait for each
// other. It never looks into a message, and never takes one for a double of another: doubles do no harm, a dropped one
// does. Start with Queue.Send; batch.go is the receiving side.
package sqs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/cenkalti/backoff/v5"
)

// API is what Queue calls; *sqs.Client has it.
type API interface {
	SendMessageBatch(context.Context, *awssqs.SendMessageBatchInput, ...func(*awssqs.Options)) (*awssqs.SendMessageBatchOutput, error)
}

const (
	batchMax = 10        // messages a call
	bytesMax = 256 << 10 // of a call's bodies together: what every queue takes
	// patience is how long messages are tried again that SQS did not take. The SDK retries calls that fail as a whole.
	patience = 5 * time.Second
)

// Queue is one queue; FIFO if its URL says so.
type Queue struct {
	api  API
	url  string
	fifo bool
}

// New gives the queue with this URL.
func New(api API, url string) *Queue {
	return &Queue{api: api, url: url, fifo: strings.HasSuffix(url, ".fifo")}
}

// Message is what is sent. Group is a mesh's uid; a queue that is not FIFO has no use for it.
type Message struct {
	Group string
	Body  string
}

// Send sends messages, and says of each why it could not be sent: the answer is as long as messages, and nil for what
// was sent. A message that can't be sent holds up no other.
func (q *Queue) Send(ctx context.Context, messages ...Message) []error {
	failed := make([]error, len(messages))
	for from := 0; from < len(messages); {
		to, size := from, 0
		for to < len(messages) && to-from < batchMax && (to == from || size+len(messages[to].Body) <= bytesMax) {
			size += len(messages[to].Body)
			to++
		}
		q.sendBatch(ctx, messages[from:to], failed[from:to])
		from = to
	}
	return failed
}

// errLeft says that SQS took the call, but not all of its messages.
var errLeft = errors.New("some messages were not taken")

// sendBatch sends what one call holds, and again what of it failed for no fault of ours.
func (q *Queue) sendBatch(ctx context.Context, messages []Message, failed []error) {
	left := q.entries(messages)
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 20*time.Millisecond, time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		out, err := q.api.SendMessageBatch(ctx, &awssqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: left})
		if err != nil {
			return struct{}{}, backoff.Permanent(err)
		}
		again := map[string]bool{}
		for _, f := range out.Failed {
			i, err := strconv.Atoi(aws.ToString(f.Id))
			if err != nil || i < 0 || i >= len(failed) {
				return struct{}{}, backoff.Permanent(fmt.Errorf("SQS answered for a message %q that was not sent", aws.ToString(f.Id)))
			}
			failed[i] = fmt.Errorf("send to %s: %s: %s", q.url, aws.ToString(f.Code), aws.ToString(f.Message))
			again[aws.ToString(f.Id)] = !f.SenderFault
		}
		for _, s := range out.Successful {
			if i, err := strconv.Atoi(aws.ToString(s.Id)); err == nil && i >= 0 && i < len(failed) {
				failed[i] = nil
			}
		}
		var rest []types.SendMessageBatchRequestEntry
		for _, e := range left {
			if again[*e.Id] {
				rest = append(rest, e)
			}
		}
		if left = rest; len(left) > 0 {
			return struct{}{}, errLeft
		}
		return struct{}{}, nil
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(patience))
	if err == nil || errors.Is(err, errLeft) {
		return
	}
	for _, e := range left {
		i, _ := strconv.Atoi(*e.Id)
		failed[i] = fmt.Errorf("send to %s: %w", q.url, err)
	}
}

func (q *Queue) entries(messages []Message) []types.SendMessageBatchRequestEntry {
	entries := make([]types.SendMessageBatchRequestEntry, len(messages))
	for i, m := range messages {
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(m.Body)}
		if q.fifo {
			entries[i].MessageGroupId = aws.String(m.Group)
			entries[i].MessageDeduplicationId = aws.String(rand.Text())
		}
	}
	return entries
}
