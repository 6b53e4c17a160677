package aws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/test/aws/installation"
)

// TestWhatCantBeUnderstoodIsSetAside: a row that nobody can understand ends in the poison queue with its cause, and what comes behind it
// goes on.
func TestWhatCantBeUnderstoodIsSetAside(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	row := emulator.Name(t)
	_, err := dynamodb.NewFromConfig(i.Config).PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String(i.Outputs["Table"]), Item: map[string]dynamodbtypes.AttributeValue{
			"pk": &dynamodbtypes.AttributeValueMemberS{Value: row}, "sk": &dynamodbtypes.AttributeValueMemberB{Value: []byte("mesh")},
			"generation": &dynamodbtypes.AttributeValueMemberN{Value: "-7"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, c := operator(t, i)
	_, uid := mesh(t, c)
	configLog(t, i, uid, 1)
	messages := receive(t, i, i.Outputs["PoisonQueue"], row)
	if !strings.Contains(messages[0], `got \"-7\"`) {
		t.Errorf("set aside without its cause: %s", messages[0])
	}
}

// receive waits for a message that holds all texts, and gives those that do.
func receive(t *testing.T, i *installation.Installation, queue string, texts ...string) (found []string) {
	t.Helper()
	client := sqs.NewFromConfig(i.Config)
	eventually(t, fmt.Sprintf("a message that says %q", texts), func() bool {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10, VisibilityTimeout: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(*m.Body, text) }) {
				found = append(found, *m.Body)
			}
		}
		return len(found) > 0
	})
	return found
}

// invoke calls a Lambda, which must succeed.
func invoke(t *testing.T, i *installation.Installation, name, payload string) {
	t.Helper()
	for _, f := range i.Resources["AWS::Lambda::Function"] {
		if !strings.HasSuffix(f, name) {
			continue
		}
		out, err := lambda.NewFromConfig(i.Config).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &f, Payload: []byte(payload)})
		if err != nil || out.FunctionError != nil {
			t.Fatalf("%s: %v %s %s", name, err, aws.ToString(out.FunctionError), out.Payload)
		}
		return
	}
	t.Fatalf("no Lambda ends with %s: %v", name, i.Resources["AWS::Lambda::Function"])
}

// TestASweepHealsWhatWasLost: the config log's objects are gone; the schedule's call alone brings them back.
func TestASweepHealsWhatWasLost(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	_, c := operator(t, i)
	name, uid := mesh(t, c)
	node(t, c, name, "cart")
	before := configLog(t, i, uid, 2)
	keys, err := objects(i).List(t.Context(), events.LogPrefix(uid, events.LogConfig), "", 100)
	if err != nil || len(keys) == 0 {
		t.Fatal(keys, err)
	}
	client := bucket(i)
	for _, key := range keys {
		if _, err := client.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String(i.Outputs["Bucket"]), Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	invoke(t, i, "sweep", `{"source":"aws.events","detail-type":"Scheduled Event","time":"2026-01-01T00:05:00Z"}`)
	after := configLog(t, i, uid, 2)
	if len(after.Resources) != len(before.Resources) {
		t.Errorf("%d resources were healed of %d", len(after.Resources), len(before.Resources))
	}
	invoke(t, i, "sweep", `{"time":"2026-01-01T00:17:00Z"}`) // collects: nothing is old enough
	configLog(t, i, uid, 2)
}
