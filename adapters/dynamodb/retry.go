package dynamodb

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/cenkalti/backoff/v5"
)

// errCondition says that a condition of a transaction did not hold: nothing happened.
var errCondition = errors.New("a condition did not hold")

// patience is how long transactions that meet each other are tried again. Who gives up gets an error, and nothing
// happened.
const patience = 10 * time.Second

// write runs a transaction, again if it met another one. What the SDK retries, it retries with one and the same
// token: so a transaction whose answer was lost is not done twice.
func (s *Store) write(ctx context.Context, writes []types.TransactWriteItem) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		_, err := s.api.TransactWriteItems(ctx, &awsdynamodb.TransactWriteItemsInput{TransactItems: writes})
		return struct{}{}, classify(err)
	}, retries()...)
	return err
}

// retries waits between 5 and 400 ms, with jitter.
func retries() []backoff.RetryOption {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval, wait.RandomizationFactor = 10*time.Millisecond, 400*time.Millisecond, 0.5
	return []backoff.RetryOption{backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(patience)}
}

// classify makes errors permanent but for those of transactions that met another one or were throttled.
func classify(err error) error {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		var conflict *types.TransactionConflictException
		var progress *types.TransactionInProgressException
		if err == nil || errors.As(err, &conflict) || errors.As(err, &progress) {
			return err
		}
		return backoff.Permanent(err)
	}
	again := false
	for _, r := range cancelled.CancellationReasons {
		switch aws.ToString(r.Code) {
		case "ConditionalCheckFailed":
			return backoff.Permanent(errCondition)
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			again = true
		}
	}
	if again {
		return err
	}
	return backoff.Permanent(err)
}
