package aws_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ownmesh/ownmesh/adapters/dynamodb"
	"github.com/ownmesh/ownmesh/adapters/s3"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/test/aws/installation"
)

// bucket is a client of the artifacts' bucket.
func bucket(i *installation.Installation) *awss3.Client {
	return awss3.NewFromConfig(i.Config, func(o *awss3.Options) { o.UsePathStyle = true })
}

func objects(i *installation.Installation) *s3.Objects {
	return s3.New(bucket(i), i.Outputs["Bucket"])
}

// meshes is the table, read past the API.
func meshes(i *installation.Installation) *dynamodb.Store {
	return dynamodb.New(awsdynamodb.NewFromConfig(i.Config), i.Outputs["Table"])
}

// configLog waits until a mesh's config log is at a generation, and gives its state.
func configLog(t *testing.T, i *installation.Installation, uid string, generation int64) *artifact.Config {
	t.Helper()
	var state *artifact.Config
	eventually(t, fmt.Sprintf("generation %d in the config log", generation), func() bool {
		r := artifact.NewReader(objects(i), uid, artifact.ConfigLog, artifact.ReaderOptions{})
		_, err := r.Poll(t.Context())
		state = r.State()
		return err == nil && r.Exists() && state.Generation >= generation
	})
	return state
}

// instancesLog waits until a mesh's endpoints log knows so many instances of a service, and gives them by id.
func instancesLog(t *testing.T, i *installation.Installation, uid string, service endpoint.ServiceKey, count int) map[string]endpoint.Instance {
	t.Helper()
	var known map[string]endpoint.Instance
	eventually(t, fmt.Sprintf("%d instances in the endpoints log", count), func() bool {
		r := artifact.NewReader(objects(i), uid, artifact.EndpointsLog, artifact.ReaderOptions{})
		if _, err := r.Poll(t.Context()); err != nil || !r.Exists() {
			return false
		}
		var named bool
		known, named = r.State().Services[service]
		return named && len(known) == count
	})
	return known
}

// eventually waits until something holds that happens by itself; that takes a second or two.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
