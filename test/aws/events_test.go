package aws_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/test/aws/installation"
	"github.com/ownmesh/ownmesh/test/machine"
)

// told is an event as a target gets it.
type told struct {
	DetailType string `json:"detail-type"`
	Source     string
	Account    string
	Detail     struct {
		Version int
		Mesh    string
		UID     string `json:"meshUid"`
		Caller  string
	}
}

// A rule of a user's own on Ownmesh's bus hears of a mesh's whole life: what was changed, published, connected.
func TestEventsReachATarget(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	queue := subscribe(t, i)
	m := newShop(t)
	want := []string{"Configuration Published", "Endpoints Changed", "Proxy Connected", "Resource Changed"}
	seen := map[string]told{}
	machine.Eventually(t, "all events", func() string {
		for _, e := range queue() {
			if e.Detail.Mesh == m.Mesh {
				seen[e.DetailType] = e
			}
		}
		if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
			return fmt.Sprint(got)
		}
		return ""
	})
	for kind, e := range seen {
		if e.Source != events.Source || e.Detail.Version != 1 || e.Detail.UID == "" {
			t.Errorf("%s is told as %+v", kind, e)
		}
	}
	if got := seen["Resource Changed"].Detail.Caller; got != m.operator.ARN {
		t.Errorf("a change is told to be by %q, want %q", got, m.operator.ARN)
	}
	m.Sweep(t)
	machine.Eventually(t, "Mesh Converged", func() string {
		for _, e := range queue() {
			if e.Detail.Mesh == m.Mesh && e.DetailType == "Mesh Converged" {
				return ""
			}
		}
		m.Sweep(t)
		return "not yet"
	})
}

// subscribe makes a rule for all events of the bus with a queue as its target, and returns what takes from the queue.
func subscribe(t *testing.T, i *installation.Installation) func() []told {
	t.Helper()
	name, queues, bus := aws.String(emulator.Name(t)), sqs.NewFromConfig(i.Config), eventbridge.NewFromConfig(i.Config)
	made, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: name})
	if err != nil {
		t.Fatal(err)
	}
	arn := fmt.Sprintf("arn:aws:sqs:%s:000000000000:%s", emulator.Region, *name)
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":%q}]}`, arn)
	if _, err := queues.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: made.QueueUrl, Attributes: map[string]string{"Policy": policy}}); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.PutRule(t.Context(), &eventbridge.PutRuleInput{
		Name: name, EventBusName: aws.String(i.Outputs["Bus"]), EventPattern: aws.String(`{"source":["ownmesh"]}`),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
		Rule: name, EventBusName: aws.String(i.Outputs["Bus"]), Targets: []types.Target{{Id: aws.String("queue"), Arn: &arn}},
	}); err != nil {
		t.Fatal(err)
	}
	return func() []told {
		got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: made.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		var all []told
		for _, m := range got.Messages {
			var e told
			if err := json.Unmarshal([]byte(aws.ToString(m.Body)), &e); err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
			if _, err := queues.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: made.QueueUrl, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
}
