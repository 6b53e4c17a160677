package s3

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/ownmesh/ownmesh/core/artifact"
)

// statusOf is the HTTP status of an answer that is an error, 0 without one.
func statusOf(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// isMissing tells a missing object from what else S3 answers 404 to: a missing bucket is a fault.
func isMissing(err error) bool {
	var missing *types.NoSuchKey
	if errors.As(err, &missing) {
		return true
	}
	var api smithy.APIError
	return errors.As(err, &api) && (api.ErrorCode() == "NoSuchKey" || api.ErrorCode() == "NotFound")
}

// notFound is the error of a 404.
func notFound(err error) error {
	if isMissing(err) {
		return artifact.ErrNotFound
	}
	return fmt.Errorf("is the bucket there? %w", err)
}

// forbidden is the error of a 403 to a reader, which it also gets for a missing object if it may not list.
func forbidden(err error) error {
	return fmt.Errorf("may the role s3:GetObject, and s3:ListBucket, without which a missing object looks like this? %w", err)
}
