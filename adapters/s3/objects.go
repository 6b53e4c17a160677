// Package s3 keeps artifacts (artifact.Objects) in a bucket: created by exactly one (If-None-Match: *), replaced only
// by who knows the present content (If-Match), read as a whole.
//
// The bucket must be unversioned: behind a delete marker, If-None-Match: * would let a second object in. Its readers
// need s3:ListBucket, or S3 answers 403 for what is missing, which here is a fault and never "not found".
//
// It never interprets an object. Start with Create, and with try in retry.go for what happens when S3 doesn't answer.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ownmesh/ownmesh/core/artifact"
)

// maxObject bounds what is read into memory. A full state of 10,000 virtual nodes has about 10 MB.
const maxObject = 512 << 20

// API is what Objects calls; *s3.Client has it.
type API interface {
	GetObject(context.Context, *awss3.GetObjectInput, ...func(*awss3.Options)) (*awss3.GetObjectOutput, error)
	PutObject(context.Context, *awss3.PutObjectInput, ...func(*awss3.Options)) (*awss3.PutObjectOutput, error)
	DeleteObject(context.Context, *awss3.DeleteObjectInput, ...func(*awss3.Options)) (*awss3.DeleteObjectOutput, error)
	ListObjectsV2(context.Context, *awss3.ListObjectsV2Input, ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error)
}

// Objects is artifact.Objects in one bucket.
type Objects struct {
	api    API
	bucket string
}

var _ artifact.Objects = (*Objects)(nil)

// New gives the objects in a bucket.
func New(api API, bucket string) *Objects { return &Objects{api: api, bucket: bucket} }

// Get implements artifact.Objects.
func (o *Objects) Get(ctx context.Context, key string) (data []byte, etag string, err error) {
	return o.GetIfChanged(ctx, key, "")
}

// GetIfChanged implements artifact.Objects.
func (o *Objects) GetIfChanged(ctx context.Context, key, etag string) (data []byte, newTag string, err error) {
	if err := artifact.CheckObjectKey(key); err != nil {
		return nil, "", fmt.Errorf("get %q: %w", key, err)
	}
	in := &awss3.GetObjectInput{Bucket: &o.bucket, Key: &key}
	if etag != "" {
		in.IfNoneMatch = &etag
	}
	err = try(ctx, func(ctx context.Context) (again bool, err error) {
		data, newTag, again, err = o.get(ctx, in)
		return again, err
	})
	switch statusOf(err) {
	case http.StatusNotModified:
		return nil, etag, nil
	case http.StatusNotFound:
		return nil, "", fmt.Errorf("get %s: %w", key, notFound(err))
	case http.StatusForbidden:
		return nil, "", fmt.Errorf("get %s: %w", key, forbidden(err))
	}
	if err != nil {
		return nil, "", fmt.Errorf("get %s: %w", key, err)
	}
	return data, newTag, nil
}

// get reads a whole object, once. One that breaks off, or whose bytes don't give its checksum, is worth another attempt.
func (o *Objects) get(ctx context.Context, in *awss3.GetObjectInput) (data []byte, etag string, again bool, err error) {
	out, err := o.api.GetObject(ctx, in, once)
	if err != nil {
		return nil, "", worthwhile(err), err
	}
	data, err = io.ReadAll(io.LimitReader(out.Body, maxObject+1))
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return nil, "", true, fmt.Errorf("read its content: %w", err)
	}
	if len(data) > maxObject {
		return nil, "", false, fmt.Errorf("more than %d bytes", maxObject)
	}
	return data, aws.ToString(out.ETag), false, nil
}

// Create implements artifact.Objects.
func (o *Objects) Create(ctx context.Context, key string, data []byte) (etag string, err error) {
	if err := artifact.CheckObjectKey(key); err != nil {
		return "", fmt.Errorf("create %q: %w", key, err)
	}
	etag, err = o.put(ctx, key, data, &awss3.PutObjectInput{IfNoneMatch: aws.String("*")})
	if statusOf(err) == http.StatusPreconditionFailed {
		err = artifact.ErrExists
	}
	if err != nil {
		return "", fmt.Errorf("create %s: %w", key, err)
	}
	return etag, nil
}

// Replace implements artifact.Objects.
func (o *Objects) Replace(ctx context.Context, key string, data []byte, etag string) (newTag string, err error) {
	if err := artifact.CheckObjectKey(key); err != nil {
		return "", fmt.Errorf("replace %q: %w", key, err)
	}
	if etag == "" || etag == "*" { // to S3 that means anything; no object has it
		return "", fmt.Errorf("replace %s: %w", key, artifact.ErrChanged)
	}
	newTag, err = o.put(ctx, key, data, &awss3.PutObjectInput{IfMatch: &etag})
	if status := statusOf(err); status == http.StatusPreconditionFailed || status == http.StatusNotFound && isMissing(err) {
		err = artifact.ErrChanged
	}
	if err != nil {
		return "", fmt.Errorf("replace %s: %w", key, err)
	}
	return newTag, nil
}

// put writes an object on the condition that in holds. If an answer was lost, the next attempt may find its own object
// in its way: who calls can't tell by the error alone, and looks at what is there.
func (o *Objects) put(ctx context.Context, key string, data []byte, in *awss3.PutObjectInput) (etag string, err error) {
	in.Bucket, in.Key = &o.bucket, &key
	err = try(ctx, func(ctx context.Context) (again bool, err error) {
		in.Body = bytes.NewReader(data)
		out, err := o.api.PutObject(ctx, in, once)
		if err != nil {
			return worthwhile(err), err
		}
		etag = aws.ToString(out.ETag)
		return false, nil
	})
	return etag, err
}

// Delete implements artifact.Objects.
func (o *Objects) Delete(ctx context.Context, key string) error {
	err := artifact.CheckObjectKey(key)
	if err == nil {
		err = try(ctx, func(ctx context.Context) (again bool, err error) {
			_, err = o.api.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &o.bucket, Key: &key}, once)
			return worthwhile(err), err
		})
	}
	if err != nil {
		return fmt.Errorf("delete %q: %w", key, err)
	}
	return nil
}
