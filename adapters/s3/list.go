package s3

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// maxPage is what S3 lists at a time.
const maxPage = 1000

// List implements artifact.Objects. S3 lists in the order of bytes, as the port wants it.
func (o *Objects) List(ctx context.Context, prefix, after string, limit int) (keys []string, err error) {
	if limit < 1 {
		return nil, errors.New("limit must be at least 1")
	}
	for len(keys) < limit {
		in := &awss3.ListObjectsV2Input{Bucket: &o.bucket, MaxKeys: aws.Int32(int32(min(limit-len(keys), maxPage)))}
		if prefix != "" {
			in.Prefix = &prefix
		}
		if after != "" {
			in.StartAfter = &after
		}
		var out *awss3.ListObjectsV2Output
		err := try(ctx, func(ctx context.Context) (again bool, err error) {
			out, err = o.api.ListObjectsV2(ctx, in, once)
			return worthwhile(err), err
		})
		if err != nil {
			return nil, fmt.Errorf("list %q after %q: %w", prefix, after, err)
		}
		for _, c := range out.Contents {
			keys = append(keys, aws.ToString(c.Key))
		}
		if !aws.ToBool(out.IsTruncated) || len(out.Contents) == 0 {
			break
		}
		after = keys[len(keys)-1]
	}
	return keys, nil
}
