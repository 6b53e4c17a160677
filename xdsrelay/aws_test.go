package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ownmesh/ownmesh/adapters/s3"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

func TestMain(m *testing.M) { emulator.Main(m) }

// said is the line with which a relay says that it is ready.
type said struct {
	Msg, XDS, Admin string
	TLS             bool
}

// startCommand runs the command until stop is called.
func startCommand(t *testing.T, env map[string]string) (ready said, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := command(ctx, nil, func(name string) string { return env[name] }, io.Discard, in)
		_ = in.Close()
		ended <- err
	}()
	t.Cleanup(cancel)
	for lines := bufio.NewScanner(out); ready.Msg != "ready"; {
		if !lines.Scan() {
			t.Fatalf("it did not start: %v", <-ended)
		}
		t.Log(lines.Text())
		if err := json.Unmarshal(lines.Bytes(), &ready); err != nil {
			t.Fatal(err)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return ready, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestInAWS: the relay as it runs on ECS, by variables alone: a bucket, keys of KMS, all interfaces. Two start at the
// same moment and agree on the authority; one starts again while the bucket is gone.
func TestInAWS(t *testing.T) {
	cfg := emulator.Config(t)
	t.Setenv("AWS_ENDPOINT_URL", aws.ToString(cfg.BaseEndpoint))
	t.Setenv("AWS_REGION", emulator.Region)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	client := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = true })
	bucket := emulator.Name(t)
	if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	key := func() string {
		out, err := awskms.NewFromConfig(cfg).CreateKey(t.Context(), &awskms.CreateKeyInput{KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify})
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(out.KeyMetadata.Arn)
	}
	env := map[string]string{
		"OWNMESH_BUCKET": bucket, "OWNMESH_BUS": "ownmesh", "OWNMESH_RELAY": "relay.shop.internal:15010",
		"OWNMESH_TOKEN_KEY": key(), "OWNMESH_RELAY_CA_KEY": key(), "OWNMESH_CACHE": t.TempDir(),
		"OWNMESH_XDS": "0.0.0.0:0", "OWNMESH_ADMIN": "127.0.0.1:0", "OWNMESH_DRAIN": "0s",
	}
	second := map[string]string{}
	for name, value := range env {
		second[name] = value
	}
	second["OWNMESH_CACHE"] = t.TempDir()
	others := make(chan func(), 1)
	go func() { _, stop := startCommand(t, second); others <- stop }()
	ready, stop := startCommand(t, env)
	(<-others)()
	if !ready.TLS {
		t.Error("it serves without TLS")
	}
	if _, _, err := s3.New(client, bucket).Get(t.Context(), events.RelayCAPath); err != nil {
		t.Error(err)
	}
	if text := get(t, "http://"+ready.Admin+"/readyz"); text != "ready\n" {
		t.Errorf("readiness is %q", text)
	}
	var health strings.Builder
	if err := command(t.Context(), []string{"health", "-ready"}, func(string) string { return ready.Admin }, &health, io.Discard); err != nil || health.String() != "ready\n" {
		t.Errorf("health says %q, %v", health.String(), err)
	}
	stop()
	if err := command(t.Context(), []string{"health"}, func(string) string { return ready.Admin }, &health, io.Discard); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("health of a relay that has stopped: %v", err)
	}

	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
	started := time.Now()
	ready, stop = startCommand(t, env)
	t.Logf("without the bucket it started in %v", time.Since(started))
	if text := get(t, "http://"+ready.Admin+"/readyz"); !strings.HasPrefix(text, "ready, from the cache: the artifact store can't be read") {
		t.Errorf("readiness is %q", text)
	}
	stop()
}
