package coldstart_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/lambdas/internal/coldstart"
)

func TestMain(m *testing.M) { emulator.Main(m) }

// runs is how often each is started. The first is not counted: it fills the disk's cache, which AWS has no part in.
const runs = 10

// firsts is the least that each Lambda can be asked for, and what its answer holds. Those that read a table read one row.
var firsts = map[string][2]string{
	"api":      {`{"httpMethod":"GET","path":"/v1/version","requestContext":{}}`, `"statusCode":200`},
	"dispatch": {`{"Records":[{"eventName":"INSERT","dynamodb":{"SequenceNumber":"1","Keys":{"pk":{"S":"u"}},"NewImage":{}}}]}`, `"batchItemFailures":[]`},
	"compile":  {`{"Records":[{"messageId":"1","body":"{\"uid\":\"u\",\"generation\":1}","attributes":{"MessageGroupId":"u"}}]}`, `"batchItemFailures":[]`},
	"register": {`{"Records":[{"messageId":"1","body":"{\"meshChanged\":{\"uid\":\"u\",\"generation\":1}}","attributes":{"MessageGroupId":"u"}}]}`, `"batchItemFailures":[]`},
	"sweep":    {`{"time":"2026-01-01T00:01:00Z"}`, `null`},
}

// TestColdStart starts each Lambda from its program alone, with the variables that it gets in AWS, and prints how long its
// first answer took: go test -v ./lambdas/internal/coldstart
func TestColdStart(t *testing.T) {
	environment := variables(t)
	dir := t.TempDir()
	for _, name := range []string{"api", "dispatch", "compile", "register", "sweep"} {
		program := filepath.Join(dir, name)
		build := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", program, "./lambdas/"+name)
		build.Dir, build.Env = envoybin.Root(), append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
		var took []time.Duration
		var memory int64
		for run := range runs + 1 {
			r, err := coldstart.Run(t.Context(), program, environment, firsts[name][0])
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !strings.Contains(r.Answer, firsts[name][1]) {
				t.Fatalf("%s answered %s", name, r.Answer)
			}
			if run > 0 {
				took, memory = append(took, r.Took), max(memory, r.Memory)
			}
		}
		slices.Sort(took)
		t.Logf("%-8s median %v, slowest %v of %d, at most %d MB resident", name, took[runs/2].Round(time.Millisecond), took[runs-1].Round(time.Millisecond), runs, memory>>20)
	}
}

// TestAMissingVariableEndsTheStart, with its name in the log.
func TestAMissingVariableEndsTheStart(t *testing.T) {
	program := filepath.Join(t.TempDir(), "dispatch")
	build := exec.Command("go", "build", "-o", program, "./lambdas/dispatch")
	build.Dir = envoybin.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, err := coldstart.Run(t.Context(), program, []string{"AWS_REGION=us-east-1"}, `{}`)
	if err == nil || !strings.Contains(err.Error(), "OWNMESH_POISON_QUEUE must be set") || !strings.Contains(err.Error(), "OWNMESH_TABLE must be set") {
		t.Errorf("got %v", err)
	}
}

// variables are what the Lambdas are told, with a table and a bucket that are there.
func variables(t *testing.T) []string {
	t.Helper()
	cfg, name := emulator.Config(t), emulator.Name(t)
	_, err := awsdynamodb.NewFromConfig(cfg).CreateTable(t.Context(), &awsdynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("sk"), AttributeType: types.ScalarAttributeTypeB},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return []string{
		"AWS_REGION=" + emulator.Region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_ENDPOINT_URL=" + *cfg.BaseEndpoint,
		"OWNMESH_TABLE=" + name, "OWNMESH_INSTANCES_TABLE=" + name + "-instances", "OWNMESH_BUCKET=" + name, "OWNMESH_BUS=" + name, "OWNMESH_ACCOUNT=123456789012",
		"OWNMESH_COMPILE_QUEUE=" + *cfg.BaseEndpoint + "/000000000000/compile.fifo", "OWNMESH_REGISTER_QUEUE=" + *cfg.BaseEndpoint + "/000000000000/register.fifo",
		"OWNMESH_POISON_QUEUE=" + *cfg.BaseEndpoint + "/000000000000/poison",
	}
}
