package s3

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/ownmesh/ownmesh/internal/attempts"
)

// An attempt may be a full state of 10 MB, and more.
var limits = attempts.Limits{Patience: 15 * time.Second, Attempt: 15 * time.Second}

// once keeps the SDK from trying again by itself, for it doesn't know all that is worth it here, such as a body that breaks
// off; and has it check what it writes and reads, whatever its client was made with.
func once(o *awss3.Options) {
	o.Retryer = aws.NopRetryer{}
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
	o.DisableLogOutputChecksumValidationSkipped = true
}

// try makes a call, again with jitter as long as S3 is throttling, failing or not to be heard.
func try(ctx context.Context, attempt func(context.Context) (again bool, err error)) error {
	return attempts.Do(ctx, limits, attempt)
}

// worthwhile tells whether a call may go better the next time. When two conditional writes of a key met, S3 answers 409
// to both of them, and neither has won.
func worthwhile(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) && (api.ErrorCode() == "ConditionalRequestConflict" || api.ErrorCode() == "OperationAborted") {
		return true
	}
	return attempts.IsWorthwhile(err)
}
