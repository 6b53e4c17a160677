package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"github.com/google/uuid"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/proxy"
	"github.com/ownmesh/ownmesh/core/api"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/internal/sigv4"
	"github.com/ownmesh/ownmesh/internal/sigv4/verify"
	"github.com/ownmesh/ownmesh/internal/whole"
)

// fixed is a source of the same credentials always.
type fixed struct {
	credentials aws.Credentials
	err         error
}

func (s fixed) Retrieve(context.Context) (aws.Credentials, error) { return s.credentials, s.err }
func (fixed) Renew(context.Context, aws.Credentials) bool         { return false }

// world is a proxy before API Gateway before the API.
type world struct {
	url     string // of the proxy
	gateway *verify.Gateway

	mu  sync.Mutex
	log bytes.Buffer
}

func (w *world) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

func (w *world) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

const region = "eu-west-1"

// proxied puts a proxy with these credentials before a handler. The key "good" is let through.
func proxied(t *testing.T, next http.Handler, s fixed) *world {
	t.Helper()
	w := &world{gateway: &verify.Gateway{Stage: "/prod", Region: region, Next: next}}
	w.gateway.Allow("good", verify.Key{Secret: "secret", Session: "session"})
	w.gateway.Allow("expired", verify.Key{Secret: "secret", Expired: true})
	w.gateway.Allow("denied", verify.Key{Secret: "secret", Denied: true})
	g := httptest.NewServer(w.gateway)
	t.Cleanup(g.Close)
	target, err := url.Parse(g.URL + "/prod")
	if err != nil {
		t.Fatal(err)
	}
	p := httptest.NewServer(proxy.New(proxy.Options{
		API: target, Signed: &sigv4.Transport{Source: s, Region: region}, Profile: "dev",
		Logger: slog.New(slog.NewTextHandler(w, nil)),
	}))
	t.Cleanup(p.Close)
	w.url = p.URL
	return w
}

var good = fixed{credentials: aws.Credentials{AccessKeyID: "good", SecretAccessKey: "secret", SessionToken: "session"}}

// mesh is the real API, over a store of one machine.
func mesh(t *testing.T) http.Handler {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "mesh.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := bolt.OpenRegistry(filepath.Join(t.TempDir(), "instances.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), registry.Close()); err != nil {
			t.Error(err)
		}
	})
	return api.New(api.Options{
		Store: s, Registry: registry, Now: time.Now, NewID: uuid.NewString, Account: "123456789012", Region: region, Version: "v1",
	})
}

// Go's SDK, with credentials that nobody knows: the proxy's own count.
func TestGoSDK(t *testing.T) {
	t.Parallel()
	w := proxied(t, mesh(t), good)
	client := appmesh.NewFromConfig(aws.Config{
		Region: "us-east-1", Credentials: awscredentials.NewStaticCredentialsProvider("nobody", "x", "y"), BaseEndpoint: &w.url, HTTPClient: whole.Client{},
	})
	ctx := t.Context()
	made, err := client.CreateMesh(ctx, &appmesh.CreateMeshInput{MeshName: aws.String("shop")})
	if err != nil {
		t.Fatal(err)
	}
	if arn := aws.ToString(made.Mesh.Metadata.Arn); arn != "arn:aws:appmesh:eu-west-1:123456789012:mesh/shop" {
		t.Errorf("its ARN is %s: want the API's region, not the client's", arn)
	}
	const name = "a b/c%2F+ä"
	_, err = client.CreateVirtualService(ctx, &appmesh.CreateVirtualServiceInput{
		MeshName: aws.String("shop"), VirtualServiceName: aws.String(name), Spec: &types.VirtualServiceSpec{},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.DescribeVirtualService(ctx, &appmesh.DescribeVirtualServiceInput{MeshName: aws.String("shop"), VirtualServiceName: aws.String(name)})
	if err != nil || aws.ToString(got.VirtualService.VirtualServiceName) != name {
		t.Errorf("%q came back as %+v, %v", name, got, err)
	}
	tags, err := client.ListTagsForResource(ctx, &appmesh.ListTagsForResourceInput{ResourceArn: made.Mesh.Metadata.Arn})
	if err != nil || len(tags.Tags) != 0 {
		t.Errorf("tags: %+v, %v", tags, err)
	}
	var missing *types.NotFoundException
	if _, err = client.DescribeMesh(ctx, &appmesh.DescribeMeshInput{MeshName: aws.String("none")}); !errors.As(err, &missing) {
		t.Errorf("a mesh that is not there: %v", err)
	}
}

// awsCLI is the AWS CLI that the examples use.
func awsCLI(t *testing.T) string {
	t.Helper()
	pinned := filepath.Join(envoybin.Root(), ".tools/aws-cli/bin/aws")
	for _, path := range []string{"aws", pinned} {
		if found, err := exec.LookPath(path); err == nil && exec.Command(found, "appmesh", "create-mesh", "--generate-cli-skeleton").Run() == nil {
			return found
		}
	}
	t.Fatal("no AWS CLI that knows App Mesh: run `make tools-aws`")
	return ""
}

// clean is an environment without AWS settings of whoever runs the tests.
func clean(t *testing.T, more ...string) []string {
	t.Helper()
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") {
			env = append(env, v)
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	return append(env, append([]string{
		"AWS_CONFIG_FILE=" + none, "AWS_SHARED_CREDENTIALS_FILE=" + none, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=nobody", "AWS_SECRET_ACCESS_KEY=x", "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=",
	}, more...)...)
}

func output(t *testing.T, env []string, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The AWS CLI, by the variable that the proxy prints and by --endpoint-url.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	cli := awsCLI(t)
	w := proxied(t, mesh(t), good)
	env := clean(t, "AWS_ENDPOINT_URL_APP_MESH="+w.url)
	if out, err := output(t, env, cli, "appmesh", "create-mesh", "--mesh-name", "shop", "--tags", "key=team,value=a b"); err != nil || !strings.Contains(out, "mesh/shop") {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := output(t, env, cli, "appmesh", "create-virtual-node", "--mesh-name", "shop", "--virtual-node-name", "a/b c", "--spec", "{}"); err != nil || !strings.Contains(out, `"virtualNodeName": "a/b c"`) {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := output(t, clean(t), cli, "appmesh", "describe-virtual-node", "--mesh-name", "shop", "--virtual-node-name", "a/b c", "--endpoint-url", w.url); err != nil || !strings.Contains(out, `"ACTIVE"`) {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := output(t, env, cli, "appmesh", "describe-mesh", "--mesh-name", "none"); err == nil || !strings.Contains(out, "(NotFoundException)") {
		t.Errorf("%v: %s", err, out)
	}
}

const python = `
import sys
try:
    import boto3
    c = boto3.client("appmesh", endpoint_url=sys.argv[1])
except ModuleNotFoundError:
    import botocore.session
    c = botocore.session.get_session().create_client("appmesh", endpoint_url=sys.argv[1])
c.create_mesh(meshName="shop")
c.create_virtual_service(meshName="shop", virtualServiceName="a/b +c", spec={})
print([s["virtualServiceName"] for p in c.get_paginator("list_virtual_services").paginate(meshName="shop") for s in p["virtualServices"]])
try:
    c.describe_mesh(meshName="none")
except c.exceptions.NotFoundException as e:
    print("not found:", e.response["Error"]["Message"])
`

// boto3 where it is installed, else botocore, which is all of boto3 that matters here, and comes with the AWS CLI.
func TestBoto3(t *testing.T) {
	t.Parallel()
	w := proxied(t, mesh(t), good)
	interpreter := ""
	for _, path := range []string{"python3", filepath.Join(envoybin.Root(), ".tools/aws-cli/bin/python")} {
		if exec.Command(path, "-c", "import botocore").Run() == nil {
			interpreter = path
			break
		}
	}
	if interpreter == "" {
		t.Fatal("no Python with botocore: run `make tools-aws`")
	}
	out, err := output(t, clean(t), interpreter, "-c", python, w.url)
	if err != nil || !strings.Contains(out, "['a/b +c']") || !strings.Contains(out, "not found: Mesh with name none") {
		t.Errorf("%v: %s", err, out)
	}
}

func ask(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("X-Amzn-Errortype") + " " + string(body)
}

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestWebPagesAreRefused(t *testing.T) {
	t.Parallel()
	w := proxied(t, mesh(t), good)
	for name, change := range map[string]func(*http.Request){
		"a page":                  func(r *http.Request) { r.Header.Set("Origin", "https://example.com") },
		"a browser":               func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") },
		"a name that was rebound": func(r *http.Request) { r.Host = "example.com" },
	} {
		req := request(t, w.url+"/v20190125/meshes")
		change(req)
		if code, body := ask(t, req); code != http.StatusForbidden || !strings.HasPrefix(body, "ForbiddenException") {
			t.Errorf("%s got %d, %s", name, code, body)
		}
	}
}

func TestRefusalsAreExplained(t *testing.T) {
	t.Parallel()
	key := func(id, secret, session string) fixed {
		return fixed{credentials: aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: session}}
	}
	for name, c := range map[string]struct {
		s                 fixed
		path              string
		code              int
		answer, explained string
	}{
		"expired":       {key("expired", "secret", ""), "/v1/version", 403, "ExpiredTokenException", "aws sso login --profile dev"},
		"a wrong one":   {key("good", "guess", "session"), "/v1/version", 403, "InvalidSignatureException", "clock"},
		"no permission": {key("denied", "secret", ""), "/v1/version", 403, "AccessDeniedException", "execute-api:Invoke"},
		"none":          {fixed{err: errors.New("the SSO session has expired")}, "/v1/version", 403, "ForbiddenException", "aws sso login --profile dev"},
	} {
		w := proxied(t, mesh(t), c.s)
		code, body := ask(t, request(t, w.url+c.path))
		if code != c.code || !strings.HasPrefix(body, c.answer) || !strings.Contains(w.said(), c.explained) {
			t.Errorf("%s: %d, %s, and it said %s", name, code, body, w.said())
		}
		if strings.Contains(w.said()+body, "secret\"") || strings.Contains(w.said(), "guess") {
			t.Errorf("%s: a secret is told: %s", name, w.said())
		}
	}
	w := proxied(t, mesh(t), good)
	w.gateway.Stage = "/other"
	if code, _ := ask(t, request(t, w.url+"/v1/version")); code != 403 || !strings.Contains(w.said(), "must end with the stage") {
		t.Errorf("no stage: %d, and it said %s", code, w.said())
	}
}

func TestAnAPIThatIsGone(t *testing.T) {
	t.Parallel()
	target, err := url.Parse("http://127.0.0.1:1/prod")
	if err != nil {
		t.Fatal(err)
	}
	p := httptest.NewServer(proxy.New(proxy.Options{API: target, Signed: &sigv4.Transport{Source: good, Region: region}, Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(p.Close)
	if code, body := ask(t, request(t, p.URL+"/v1/version")); code != http.StatusServiceUnavailable || !strings.Contains(body, "can't be reached") {
		t.Errorf("got %d, %s", code, body)
	}
	large, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.URL+"/v1/x", strings.NewReader(strings.Repeat("x", sigv4.MaxBody+1)))
	if err != nil {
		t.Fatal(err)
	}
	if code, body := ask(t, large); code != http.StatusRequestEntityTooLarge || !strings.Contains(body, "6291456") {
		t.Errorf("too large: %d, %s", code, body)
	}
}

// Answers come as they are made.
func TestAnswersAreStreamed(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	w := proxied(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "one\n")
		_ = http.NewResponseController(w).Flush()
		<-goOn
		_, _ = io.WriteString(w, "two\n")
	}), good)
	res, err := http.DefaultClient.Do(request(t, w.url+"/x"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "one" {
		t.Errorf("the first line is %q", lines.Text())
	}
	close(goOn)
	if !lines.Scan() || lines.Text() != "two" {
		t.Errorf("the second line is %q", lines.Text())
	}
}
