package aws_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/internal/whole"
	"github.com/ownmesh/ownmesh/test/aws/installation"
)

// `cdk bootstrap` and `cdk deploy` work from the repository's root, and a second `cdk deploy` finds nothing to do. The
// emulator is one without IAM: with it, it refuses cdk its own bucket.
func TestCDKDeploys(t *testing.T) {
	t.Parallel()
	installation.Get(t) // has the Lambdas built
	endpoint := emulator.WithoutIAM(t)
	s3 := awss3.New(awss3.Options{
		Region: emulator.Region, BaseEndpoint: &endpoint, UsePathStyle: true, HTTPClient: whole.Client{},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	if _, err := s3.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String("ownmesh-assets")}); err != nil { // a local stack's
		t.Fatal(err)
	}
	outputs := filepath.Join(t.TempDir(), "outputs.json")
	cdk := func(arguments ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		root := envoybin.Root()
		cmd := exec.CommandContext(ctx, filepath.Join(root, ".tools/infra/node_modules/.bin/cdk"),
			append(arguments, "--context", "local=true", "--output", filepath.Join(t.TempDir(), "cdk.out"))...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION="+emulator.Region,
			"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "CI=true")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("cdk %s: %v\n%s", strings.Join(arguments, " "), err, out)
		}
		return string(out)
	}
	cdk("bootstrap", "aws://000000000000/"+emulator.Region)
	deploy := []string{"deploy", "--require-approval", "never", "--outputs-file", outputs}
	cdk(deploy...)
	data, err := os.ReadFile(outputs)
	if err != nil {
		t.Fatal(err)
	}
	var stacks map[string]map[string]string
	if err := json.Unmarshal(data, &stacks); err != nil {
		t.Fatal(err)
	}
	if api := stacks["ownmesh"]["Api"]; !strings.HasPrefix(api, "https://") || !strings.HasSuffix(api, "/mesh/") {
		t.Errorf("the output Api is %q in %s", api, data)
	}
	if out := cdk(deploy...); !strings.Contains(out, "(no changes)") {
		t.Errorf("a second time cdk deploy said\n%s", out)
	}
}
