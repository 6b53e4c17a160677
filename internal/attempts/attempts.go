// Package attempts makes calls to AWS again, with jitter, as long as that is worth it and the caller has time.
//
// The SDK does so too, but three times at most, from one budget that a process shares; and it doesn't tell whether an
// answer was lost on the way, which who writes on a condition must know. So adapters switch the SDK's retries off (their
// clients' calls take aws.NopRetryer) and call Do. It never logs, and knows no service. Start with Do.
package attempts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/cenkalti/backoff/v5"
)

// Limits are how long a call is made again, if its context lasts that long, and how long one attempt waits for its
// answer: one that didn't come is as good as lost.
type Limits struct {
	Patience time.Duration
	Attempt  time.Duration
}

// Do makes attempts until one succeeds, or says that there need be no other. attempt gives its error as it is to be told.
// The error of a call that had no more time wraps that of its last attempt.
func Do(ctx context.Context, l Limits, attempt func(context.Context) (again bool, err error)) error {
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		one, cancel := context.WithTimeout(ctx, l.Attempt)
		defer cancel()
		again, err := attempt(one)
		switch {
		case err == nil:
			return struct{}{}, nil
		case ctx.Err() != nil: // the attempt's error may be no more than that
			return struct{}{}, backoff.Permanent(errors.Join(context.Cause(ctx), err))
		}
		last = err
		if again || one.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
			return struct{}{}, err
		}
		return struct{}{}, backoff.Permanent(err)
	}, backoff.WithBackOff(Pauses()), backoff.WithMaxElapsedTime(l.Patience))
	if err != nil && last != nil && !errors.Is(err, last) {
		return fmt.Errorf("%w, after: %w", err, last)
	}
	return err
}

// Pauses between attempts are 5 ms to 1.2 s, with jitter.
func Pauses() *backoff.ExponentialBackOff {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval, wait.RandomizationFactor = 10*time.Millisecond, 800*time.Millisecond, 0.5
	return wait
}

var (
	throttles = retry.IsErrorThrottles(retry.DefaultThrottles)
	worth     = retry.IsErrorRetryables(retry.DefaultRetryables)
)

// IsThrottle tells whether a service refused a call because there were too many, before it did anything.
func IsThrottle(err error) bool { return throttles.IsErrorThrottle(err) == aws.TrueTernary }

// IsWorthwhile tells whether a call may go better the next time: a service was throttling or failing, or the connection
// broke, be it in the middle of the answer.
func IsWorthwhile(err error) bool {
	return worth.IsErrorRetryable(err) == aws.TrueTernary || errors.Is(err, io.ErrUnexpectedEOF)
}

// Codes of answers that say the caller may not, and of those that say no such thing of what was asked: our own credentials
// or clock are amiss, which passes, or something else is under way.
var (
	denials = []string{"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "NotAuthorized", "OptInRequired", "UnauthorizedOperation"}
	passing = []string{
		"ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken",
		"RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "UnrecognizedClientException",
		"ConflictException", "DuplicateRequest", "ResourceInUse", "ServiceAlreadyExists",
	}
)

// IsRefusal tells whether a service has answered that it won't do what was asked, and would answer the same again: it was
// neither throttling nor failing, and knew who asked.
func IsRefusal(err error) bool {
	var answer smithy.APIError
	if !errors.As(err, &answer) || IsThrottle(err) || IsWorthwhile(err) || slices.Contains(passing, answer.ErrorCode()) {
		return false
	}
	return answer.ErrorFault() == smithy.FaultClient || slices.Contains(denials, answer.ErrorCode()) || status(err)/100 == 4
}

// IsDenied tells of a refusal whether it is because the caller may not.
func IsDenied(err error) bool {
	var answer smithy.APIError
	return IsRefusal(err) && errors.As(err, &answer) && (slices.Contains(denials, answer.ErrorCode()) || status(err) == http.StatusForbidden)
}

// Refused gives the API's name of the operation that was refused, and what the service said: never a request's id, so
// that the same refusal reads the same.
func Refused(err error) (operation, message string) {
	var call *smithy.OperationError
	if errors.As(err, &call) {
		operation = call.OperationName
	}
	var answer smithy.APIError
	if errors.As(err, &answer) {
		if message = answer.ErrorCode(); answer.ErrorMessage() != "" {
			message += ": " + answer.ErrorMessage()
		}
	}
	if len(message) > maxSaid {
		message = strings.ToValidUTF8(message[:maxSaid], "") + "…"
	}
	return operation, message
}

// maxSaid bounds what is told of an answer, in bytes.
const maxSaid = 400

// status is that of the answer; 0: none.
func status(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}
