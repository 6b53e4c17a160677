package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/internal/attempts"
)

// errCondition says that a condition of a write did not hold.
var errCondition = errors.New("a condition did not hold")

var limits = attempts.Limits{Patience: 10 * time.Second, Attempt: 3 * time.Second}

// once keeps the SDK from trying again by itself: here it must be known whether an answer was lost on the way.
func once(o *awsdynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// caller is one of the client's methods.
type caller[In, Out any] func(context.Context, *In, ...func(*awsdynamodb.Options)) (*Out, error)

// try makes a call, again with jitter as long as DynamoDB is throttling, busy or not to be heard.
func try[In, Out any](ctx context.Context, call caller[In, Out], in *In) (*Out, error) {
	out, _, err := tryWrite(ctx, call, in)
	return out, err
}

// tryWrite is try, and says whether an attempt before the last one may have happened, its answer being lost. If so,
// errCondition may be that attempt's own doing.
func tryWrite[In, Out any](ctx context.Context, call caller[In, Out], in *In) (out *Out, unsure bool, err error) {
	err = attempts.Do(ctx, limits, func(ctx context.Context) (again bool, err error) {
		out, err = call(ctx, in, once)
		again, err = classify(err)
		unsure = unsure || again && !errors.Is(err, store.ErrBusy) || ctx.Err() != nil
		return again, err
	})
	return out, unsure, err
}

// classify says whether a call that ended with err is worth another attempt. It marks what nothing came of: as
// errCondition, or as store.ErrBusy.
func classify(err error) (again bool, marked error) {
	var cancelled *types.TransactionCanceledException
	var conflict *types.TransactionConflictException
	var progress *types.TransactionInProgressException
	var condition *types.ConditionalCheckFailedException
	switch {
	case err == nil:
		return false, nil
	case errors.As(err, &cancelled):
		return classifyCancelled(cancelled, err)
	case errors.As(err, &condition):
		return false, errors.Join(errCondition, err)
	case errors.As(err, &progress): // an attempt whose answer is lost is still under way
		return true, err
	case errors.As(err, &conflict), attempts.IsThrottle(err):
		return true, fmt.Errorf("%w: %w", store.ErrBusy, err)
	case attempts.IsWorthwhile(err):
		return true, err
	}
	return false, err
}

// classifyCancelled looks for why a transaction was cancelled: there is a reason for each of its actions.
func classifyCancelled(cancelled *types.TransactionCanceledException, err error) (again bool, marked error) {
	for _, r := range cancelled.CancellationReasons {
		switch aws.ToString(r.Code) {
		case "ConditionalCheckFailed":
			return false, errCondition
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			again = true
		}
	}
	if again {
		err = fmt.Errorf("%w: %w", store.ErrBusy, err)
	}
	return again, err
}

// write runs a transaction. All attempts have one token, so that DynamoDB does it once and says so, also when the first
// answer was lost. happened is asked, where even that didn't tell: whether the writes are there.
func (s *Store) write(ctx context.Context, writes []types.TransactWriteItem, happened func() (bool, error)) error {
	_, unsure, err := tryWrite(ctx, s.api.TransactWriteItems, &awsdynamodb.TransactWriteItemsInput{
		TransactItems: writes, ClientRequestToken: aws.String(uuid.NewString()),
	})
	switch {
	case !unsure || err == nil:
		return err
	case errors.Is(err, errCondition):
		done, lookErr := happened()
		if lookErr != nil {
			return fmt.Errorf("an answer was lost; look whether it happened: %w", lookErr)
		}
		if done {
			return nil
		}
		return err
	case errors.Is(err, store.ErrBusy): // the last attempt came to nothing, but not surely the one before
		return fmt.Errorf("an answer was lost: %s", err.Error())
	}
	return err
}
