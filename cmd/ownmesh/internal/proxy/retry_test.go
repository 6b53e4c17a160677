package proxy_test

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"github.com/aws/smithy-go"

	"github.com/ownmesh/ownmesh/internal/whole"
)

// said is how API Gateway itself answers, without asking the Lambda.
type said struct {
	status     int
	kind, text string
}

var (
	throttled = said{http.StatusTooManyRequests, "TooManyRequestsException", `{"message":"Too Many Requests"}`}
	late      = said{http.StatusGatewayTimeout, "InternalServerErrorException", `{"message":"Endpoint request timed out"}`}
	crashed   = said{http.StatusBadGateway, "InternalServerErrorException", `{"message": "Internal server error"}`}
	tooLarge  = said{http.StatusRequestEntityTooLarge, "RequestTooLargeException", `{"message":"Request Too Long"}`}
)

// gateway answers so many requests by itself, and hands the others on.
func (s said) gateway(times int64, next http.Handler) (http.Handler, *atomic.Int64) {
	var asked atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > times {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Amzn-Errortype", s.kind)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(s.status)
		_, _ = w.Write([]byte(s.text))
	}), &asked
}

// TestWhatPassesIsTriedAgain: clients take API Gateway's own refusals for what App Mesh would have said, and try those
// again that pass.
func TestWhatPassesIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]said{"throttled": throttled, "late": late, "crashed": crashed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next, asked := s.gateway(1, mesh(t))
			w := proxied(t, next, good)
			client := appmesh.NewFromConfig(aws.Config{
				Region: region, Credentials: awscredentials.NewStaticCredentialsProvider("nobody", "x", ""), BaseEndpoint: &w.url, HTTPClient: whole.Client{},
			})
			if _, err := client.CreateMesh(t.Context(), &appmesh.CreateMeshInput{MeshName: aws.String("shop")}); err != nil || asked.Load() != 2 {
				t.Errorf("Go's SDK, after %d requests: %v", asked.Load(), err)
			}
			next, asked = s.gateway(1, mesh(t))
			w = proxied(t, next, good)
			if out, err := output(t, clean(t), awsCLI(t), "appmesh", "create-mesh", "--mesh-name", "shop", "--endpoint-url", w.url); err != nil || asked.Load() != 2 {
				t.Errorf("the AWS CLI, after %d requests: %v: %s", asked.Load(), err, out)
			}
		})
	}
}

// TestWhatLastsIsTold: with the name and the sentence that API Gateway gave.
func TestWhatLastsIsTold(t *testing.T) {
	t.Parallel()
	next, asked := tooLarge.gateway(10, nil)
	w := proxied(t, next, good)
	client := appmesh.NewFromConfig(aws.Config{
		Region: region, Credentials: awscredentials.NewStaticCredentialsProvider("nobody", "x", ""), BaseEndpoint: &w.url, HTTPClient: whole.Client{},
	})
	_, err := client.CreateMesh(t.Context(), &appmesh.CreateMeshInput{MeshName: aws.String("shop")})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "RequestTooLargeException" || api.ErrorMessage() != "Request Too Long" || asked.Load() != 1 {
		t.Errorf("too large, after %d requests: %v", asked.Load(), err)
	}
	next, _ = throttled.gateway(10, nil)
	w = proxied(t, next, good)
	client = appmesh.NewFromConfig(aws.Config{
		Region: region, Credentials: awscredentials.NewStaticCredentialsProvider("nobody", "x", ""), BaseEndpoint: &w.url, RetryMaxAttempts: 1,
	})
	var many *types.TooManyRequestsException
	if _, err = client.ListMeshes(t.Context(), &appmesh.ListMeshesInput{}); !errors.As(err, &many) {
		t.Errorf("throttled: %v", err)
	}
}
