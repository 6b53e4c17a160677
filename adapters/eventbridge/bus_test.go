package eventbridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/ownmesh/ownmesh/adapters/eventbridge"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

func TestMain(m *testing.M) { emulator.Main(m) }

// listener is a queue that a rule on a bus of its own leads to.
type listener struct {
	t     *testing.T
	queue *awssqs.Client
	url   string
	bus   *eventbridge.Bus
}

func listen(t *testing.T, pattern string) *listener {
	t.Helper()
	config := emulator.Config(t)
	client, queues, name := awseb.NewFromConfig(config), awssqs.NewFromConfig(config), emulator.Name(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	queue, err := queues.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: &name})
	must(err)
	attributes, err := queues.GetQueueAttributes(t.Context(), &awssqs.GetQueueAttributesInput{QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"QueueArn"}})
	must(err)
	_, err = client.CreateEventBus(t.Context(), &awseb.CreateEventBusInput{Name: &name})
	must(err)
	_, err = client.PutRule(t.Context(), &awseb.PutRuleInput{Name: &name, EventBusName: &name, EventPattern: &pattern})
	must(err)
	put, err := client.PutTargets(t.Context(), &awseb.PutTargetsInput{Rule: &name, EventBusName: &name, Targets: []types.Target{
		{Id: aws.String("queue"), Arn: aws.String(attributes.Attributes["QueueArn"])},
	}})
	must(err)
	if put.FailedEntryCount > 0 {
		t.Fatalf("the rule has no target: %+v", put.FailedEntries)
	}
	return &listener{t: t, queue: queues, url: *queue.QueueUrl, bus: eventbridge.New(client, name)}
}

// hear gives the next n events, as the target received them.
func (l *listener) hear(n int) [][]byte {
	l.t.Helper()
	var all [][]byte
	for end := time.Now().Add(30 * time.Second); len(all) < n; {
		if time.Now().After(end) {
			l.t.Fatalf("heard %d events, want %d", len(all), n)
		}
		out, err := l.queue.ReceiveMessage(l.t.Context(), &awssqs.ReceiveMessageInput{QueueUrl: &l.url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
		if err != nil {
			l.t.Fatal(err)
		}
		for _, m := range out.Messages {
			all = append(all, []byte(*m.Body))
			if _, err := l.queue.DeleteMessage(l.t.Context(), &awssqs.DeleteMessageInput{QueueUrl: &l.url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				l.t.Fatal(err)
			}
		}
	}
	return all
}

// fields is an event but for what the bus itself says of it. The emulator takes no entry's time, AWS does: see
// TestEntriesSayAll.
func fields(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, own := range []string{"id", "account", "region", "time"} {
		if text, ok := all[own].(string); !ok || text == "" {
			t.Errorf("the target got no %s: %s", own, body)
		}
		delete(all, own)
	}
	return all
}

// TestTargetsReceiveSamples: each type reaches a rule's target as its sample shows.
func TestTargetsReceiveSamples(t *testing.T) {
	t.Parallel()
	l := listen(t, `{"source":["ownmesh"],"detail":{"mesh":["shop"]}}`)
	want := map[string]map[string]any{}
	var all []events.Event
	files, err := filepath.Glob("../../events/testdata/*.json")
	if err != nil || len(files) != len(events.Types) {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	for _, file := range files {
		sample, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var e events.Event
		if err := json.Unmarshal(sample, &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
		want[e.DetailType] = fields(t, sample)
	}
	if err := l.bus.Publish(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	for _, body := range l.hear(len(all)) {
		var e events.Event
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatal(err)
		}
		if got := fields(t, body); !reflect.DeepEqual(got, want[e.DetailType]) {
			t.Errorf("%s arrived as\n%v, its sample is\n%v", e.DetailType, got, want[e.DetailType])
		}
		delete(want, e.DetailType)
	}
	for left := range want {
		t.Errorf("%s did not arrive", left)
	}
}

func TestMoreThanACallTakes(t *testing.T) {
	t.Parallel()
	l := listen(t, `{"detail-type":["Mesh Converged"]}`)
	var all []events.Event
	for i := range 23 {
		all = append(all, events.MeshConverged{About: events.About{Mesh: "shop", Generation: int64(i)}}.Event(),
			events.ProxyConnected{Instance: "of no interest"}.Event())
	}
	if err := l.bus.Publish(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	seen := map[int64]bool{}
	for _, body := range l.hear(23) {
		var e events.Event
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatal(err)
		}
		about, _ := e.About()
		seen[about.Generation] = e.DetailType == events.TypeMeshConverged
	}
	if len(seen) != 23 {
		t.Errorf("%d different events arrived, want 23", len(seen))
	}
}

// picky is a bus that does what the emulator never does.
type picky struct {
	entries []types.PutEventsRequestEntry
	calls   [][]string // details of each call
	bytes   []int
	results func(detail string, try int) string // "": taken; else an error code
	tries   map[string]int
	err     error
}

func (p *picky) PutEvents(_ context.Context, in *awseb.PutEventsInput, _ ...func(*awseb.Options)) (*awseb.PutEventsOutput, error) {
	if p.err != nil {
		return nil, p.err
	}
	p.entries = append(p.entries, in.Entries...)
	out := &awseb.PutEventsOutput{}
	var call []string
	bytes := 0
	for _, e := range in.Entries {
		bytes += len(*e.Detail)
		call = append(call, *e.Detail)
		result := types.PutEventsResultEntry{EventId: aws.String("x")}
		if p.results != nil {
			p.tries[*e.Detail]++
			if code := p.results(*e.Detail, p.tries[*e.Detail]); code != "" {
				result = types.PutEventsResultEntry{ErrorCode: &code, ErrorMessage: aws.String("no")}
			}
		}
		out.Entries = append(out.Entries, result)
	}
	p.calls, p.bytes = append(p.calls, call), append(p.bytes, bytes)
	return out, nil
}

func event(detail any) events.Event {
	return events.Event{DetailType: fmt.Sprintf("T%v", detail)[:2], Source: events.Source, Detail: detail}
}

func TestOnlyWhatFailedIsSentAgain(t *testing.T) {
	t.Parallel()
	p := &picky{tries: map[string]int{}, results: func(detail string, try int) string {
		switch {
		case detail == "2" && try < 4:
			return []string{"ThrottlingException", "InternalFailure", "InternalException"}[try-1]
		case detail == "3":
			return "MalformedDetail"
		}
		return ""
	}}
	err := eventbridge.New(p, "bus").Publish(t.Context(), event(1), event(2), event(3))
	if err == nil || !strings.Contains(err.Error(), "MalformedDetail") || strings.Contains(err.Error(), "Throttling") {
		t.Errorf("got %v, want an error for the malformed one alone", err)
	}
	if want := [][]string{{"1", "2", "3"}, {"2"}, {"2"}, {"2"}}; !reflect.DeepEqual(p.calls, want) {
		t.Errorf("calls were %v, want %v", p.calls, want)
	}
}

func TestThrottlingForEverEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &picky{tries: map[string]int{}, results: func(string, int) string { return "ThrottlingException" }}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := eventbridge.New(p, "bus").Publish(ctx, event(1))
		if err == nil || !strings.Contains(err.Error(), "ThrottlingException") || time.Since(start) > 100*time.Millisecond {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func TestEntriesSayAll(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 9, 30, 0, 5, time.UTC)
	p := &picky{}
	if err := eventbridge.New(p, "shop-bus").Publish(t.Context(), events.MeshConverged{About: events.About{Time: at}}.Event("arn:a")); err != nil {
		t.Fatal(err)
	}
	e := p.entries[0]
	if *e.EventBusName != "shop-bus" || *e.Source != events.Source || *e.DetailType != events.TypeMeshConverged || !e.Time.Equal(at) || len(e.Resources) != 1 {
		t.Errorf("the entry is %+v", e)
	}
}

func TestCallsStayWithinTheirBounds(t *testing.T) {
	t.Parallel()
	p := &picky{}
	large := strings.Repeat("x", 100<<10)
	err := eventbridge.New(p, "bus").Publish(t.Context(), event(large), event(large), event(large), event(strings.Repeat("y", 256<<10)), event(1))
	if err == nil || !strings.Contains(err.Error(), "takes 262144") {
		t.Errorf("got %v, want the one that is too large named", err)
	}
	if len(p.calls) != 2 || p.bytes[0] > 256<<10 || len(p.calls[1]) != 2 {
		t.Errorf("%d calls with %v bytes", len(p.calls), p.bytes)
	}
}

func TestABusThatIsGone(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	if err := eventbridge.New(&picky{err: gone}, "shop-bus").Publish(t.Context(), event(1)); !errors.Is(err, gone) || !strings.Contains(err.Error(), "shop-bus") {
		t.Errorf("got %v", err)
	}
	if err := eventbridge.New(&picky{}, "bus").Publish(t.Context()); err != nil {
		t.Errorf("nothing to send: %v", err)
	}
}
