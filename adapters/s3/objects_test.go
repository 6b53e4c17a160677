package s3_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ownmesh/ownmesh/adapters/s3"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

func TestMain(m *testing.M) { emulator.Main(m) }

func TestContract(t *testing.T) {
	client := awss3.NewFromConfig(emulator.Config(t), func(o *awss3.Options) { o.UsePathStyle = true })
	artifacttest.RunObjects(t, func(t *testing.T) artifact.Objects {
		bucket := emulator.Name(t)
		if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
			t.Fatal(err)
		}
		return s3.New(client, bucket)
	})
}
