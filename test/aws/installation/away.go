package installation

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// This file: parts of the installation taken away, and put back. Each returns what puts it back, which the test's end does
// in any case. A test that does this is not parallel.

// gates are between the Lambdas, the relays and what they stand on. The emulator itself goes by no gate: what it polls for
// Lambdas, and what tests look at, is there all the time.
type gates struct {
	s3, dynamodb, eventbridge *Gate
}

func (i *Installation) openGates(ctx context.Context, emulator string) error {
	for gate, variable := range map[**Gate]string{
		&i.gates.s3: "AWS_ENDPOINT_URL_S3", &i.gates.dynamodb: "AWS_ENDPOINT_URL_DYNAMODB", &i.gates.eventbridge: "AWS_ENDPOINT_URL_EVENTBRIDGE",
	} {
		var err error
		if *gate, err = NewGate(emulator); err != nil {
			return err
		}
		for _, f := range functions {
			if err := i.SetVariables(ctx, f, map[string]string{variable: "http://" + (*gate).Address()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// WithoutFunction has a Lambda answer nobody, as if it were deleted: no call of it starts.
func (i *Installation) WithoutFunction(tb testing.TB, name string) (back func()) {
	tb.Helper()
	client, function := lambda.NewFromConfig(i.Config), aws.String(i.Name+"-"+name)
	_, err := client.PutFunctionConcurrency(tb.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: function, ReservedConcurrentExecutions: aws.Int32(0)})
	if err != nil {
		tb.Fatalf("take %s away: %v", name, err)
	}
	return once(tb, func() error {
		_, err := client.DeleteFunctionConcurrency(context.Background(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: function})
		return err
	})
}

// WithoutDynamoDB has no Lambda reach DynamoDB.
func (i *Installation) WithoutDynamoDB(tb testing.TB) (back func()) {
	return without(tb, i.gates.dynamodb)
}

// WithoutS3 has neither Lambdas nor relays reach the bucket.
func (i *Installation) WithoutS3(tb testing.TB) (back func()) { return without(tb, i.gates.s3) }

// WithoutEventBridge has neither Lambdas nor relays reach the bus.
func (i *Installation) WithoutEventBridge(tb testing.TB) (back func()) {
	return without(tb, i.gates.eventbridge)
}

func without(tb testing.TB, g *Gate) (back func()) {
	g.Shut()
	return once(tb, func() error { g.Open(); return nil })
}

// once gives a function that does something the first time, at the latest when the test ends.
func once(tb testing.TB, do func() error) func() {
	done := false
	f := func() {
		if done {
			return
		}
		done = true
		if err := do(); err != nil {
			tb.Errorf("put it back: %v", err)
		}
	}
	tb.Cleanup(f)
	return f
}
