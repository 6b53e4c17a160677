package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/ownmesh/ownmesh/adapters/sqs"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

func TestMain(m *testing.M) { emulator.Main(m) }

// queue makes a queue on the emulator.
func queue(t *testing.T, client *awssqs.Client, fifo bool) string {
	t.Helper()
	in := &awssqs.CreateQueueInput{QueueName: aws.String(emulator.Name(t))}
	if fifo {
		in.QueueName = aws.String(*in.QueueName + ".fifo")
		in.Attributes = map[string]string{"FifoQueue": "true"}
	}
	out, err := client.CreateQueue(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueueUrl
}

// drain takes all messages out of a queue, as "group body".
func drain(t *testing.T, client *awssqs.Client, url string) []string {
	t.Helper()
	var all []string
	for {
		out, err := client.ReceiveMessage(t.Context(), &awssqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			all = append(all, m.Attributes["MessageGroupId"]+" "+*m.Body)
			if _, err := client.DeleteMessage(t.Context(), &awssqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestSendInGroups: more than a call takes, equal bodies too, in the order of each group.
func TestSendInGroups(t *testing.T) {
	t.Parallel()
	client := awssqs.NewFromConfig(emulator.Config(t))
	url := queue(t, client, true)
	var messages []sqs.Message
	want := map[string][]string{}
	for i := range 25 {
		m := sqs.Message{Group: fmt.Sprint("mesh", i%3), Body: fmt.Sprint("body", i/6)}
		messages = append(messages, m)
		want[m.Group] = append(want[m.Group], m.Body)
	}
	if err := errors.Join(sqs.New(client, url).Send(t.Context(), messages...)...); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, m := range drain(t, client, url) {
		group, body, _ := strings.Cut(m, " ")
		got[group] = append(got[group], body)
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSendToAStandardQueue(t *testing.T) {
	t.Parallel()
	client := awssqs.NewFromConfig(emulator.Config(t))
	url := queue(t, client, false)
	long := strings.Repeat("x", 200<<10) // two of them are more than a call takes
	if err := errors.Join(sqs.New(client, url).Send(t.Context(), sqs.Message{Body: long}, sqs.Message{Body: long}, sqs.Message{Group: "ignored", Body: "b"})...); err != nil {
		t.Fatal(err)
	}
	if got := drain(t, client, url); len(got) != 3 {
		t.Errorf("%d messages arrived, want 3", len(got))
	}
}

func TestAMissingQueueFailsEachMessage(t *testing.T) {
	t.Parallel()
	client := awssqs.NewFromConfig(emulator.Config(t))
	url := queue(t, client, false) + "-that-is-not-there"
	for i, err := range sqs.New(client, url).Send(t.Context(), sqs.Message{Body: "a"}, sqs.Message{Body: "b"}) {
		if err == nil || !strings.Contains(err.Error(), url) {
			t.Errorf("message %d: %v, want an error that names the queue", i, err)
		}
	}
}

// picky is a queue that refuses what the emulator never does: "throttled" twice, "broken" for ever.
type picky struct {
	calls int
	tries map[string]int
	taken []string
}

func (p *picky) SendMessageBatch(_ context.Context, in *awssqs.SendMessageBatchInput, _ ...func(*awssqs.Options)) (*awssqs.SendMessageBatchOutput, error) {
	p.calls++
	out := &awssqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		p.tries[*e.MessageBody]++
		switch {
		case *e.MessageBody == "broken":
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("InvalidMessageContents"), SenderFault: true})
		case *e.MessageBody == "throttled" && p.tries["throttled"] < 3:
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("RequestThrottled")})
		default:
			p.taken = append(p.taken, *e.MessageBody)
			out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id})
		}
	}
	return out, nil
}

func TestWhatWasNotTakenIsSentAgain(t *testing.T) {
	p := &picky{tries: map[string]int{}}
	errs := sqs.New(p, "https://sqs/q.fifo").Send(t.Context(), sqs.Message{Body: "a"}, sqs.Message{Body: "throttled"}, sqs.Message{Body: "broken"}, sqs.Message{Body: "b"})
	if errs[0] != nil || errs[1] != nil || errs[3] != nil || errs[2] == nil || !strings.Contains(errs[2].Error(), "InvalidMessageContents") {
		t.Errorf("got %v, want the third alone to fail", errs)
	}
	if want := []string{"a", "b", "throttled"}; !slices.Equal(p.taken, want) || p.tries["broken"] != 1 || p.calls != 3 {
		t.Errorf("taken %v (want %v), broken tried %d times, %d calls", p.taken, want, p.tries["broken"], p.calls)
	}
}

// TestCallsStayWithinTheirBounds: AWS refuses a call of more than ten messages, and the oldest queues one of more than 256 KB.
func TestCallsStayWithinTheirBounds(t *testing.T) {
	var calls []string
	p := bounded(func(in *awssqs.SendMessageBatchInput) {
		size := 0
		for _, e := range in.Entries {
			size += len(*e.MessageBody)
		}
		if size > 256<<10 || len(in.Entries) > 10 {
			t.Errorf("a call has %d messages and %d bytes", len(in.Entries), size)
		}
		calls = append(calls, fmt.Sprint(len(in.Entries)))
	})
	var all []sqs.Message
	for _, kb := range []int{128, 128, 1, 200, 100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1} {
		all = append(all, sqs.Message{Body: strings.Repeat("x", kb<<10)})
	}
	if err := errors.Join(sqs.New(p, "https://sqs/q").Send(t.Context(), all...)...); err != nil {
		t.Error(err)
	}
	if got := strings.Join(calls, " "); got != "2 2 10 1" {
		t.Errorf("calls had %s messages", got)
	}
}

type bounded func(*awssqs.SendMessageBatchInput)

func (f bounded) SendMessageBatch(_ context.Context, in *awssqs.SendMessageBatchInput, _ ...func(*awssqs.Options)) (*awssqs.SendMessageBatchOutput, error) {
	f(in)
	out := &awssqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

func TestBatch(t *testing.T) {
	batch, err := sqs.Batch([]byte(`{"Records":[
		{"messageId":"1","receiptHandle":"r","body":"{}","attributes":{"ApproximateReceiveCount":"2","MessageGroupId":"u"},"eventSource":"aws:sqs"},
		{"messageId":"2","body":"x","attributes":{"ApproximateReceiveCount":"1"}}]}`))
	if want := []sqs.Received{{ID: "1", Group: "u", Body: "{}", Tries: 2}, {ID: "2", Body: "x", Tries: 1}}; err != nil || !slices.Equal(batch, want) {
		t.Errorf("got %+v, %v, want %+v", batch, err, want)
	}
	for _, bad := range []string{``, `{}`, `{"Records":[]}`, `{"Records":[{"body":"x"}]}`, `{"Records":3}`} {
		if got, err := sqs.Batch([]byte(bad)); err == nil {
			t.Errorf("%s: got %v", bad, got)
		}
	}
}

// TestFailuresKeepOrder: what comes after a failed message of its group comes again behind it; other groups go on.
func TestFailuresKeepOrder(t *testing.T) {
	batch := []sqs.Received{{ID: "1", Group: "a"}, {ID: "2", Group: "b"}, {ID: "3", Group: "a"}, {ID: "4", Group: "b"}, {ID: "5"}, {ID: "6"}}
	failing := func(ids ...string) string {
		r := sqs.Failures(batch, func(m sqs.Received) bool { return slices.Contains(ids, m.ID) })
		return fmt.Sprint(r.BatchItemFailures)
	}
	for want, got := range map[string]string{
		"[]":            failing(),
		"[{1} {3}]":     failing("1"),
		"[{3}]":         failing("3"),
		"[{2} {4} {5}]": failing("2", "5"),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
