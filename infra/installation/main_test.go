package installation_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/infra/installation"
	"github.com/ownmesh/ownmesh/infra/options"
)

func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	_ = os.RemoveAll(scratch())
	os.Exit(code)
}

// template is a synthesized stack: as CDK's assertions see it, and as it is.
type template struct {
	assertions.Template
	Resources map[string]resource
	Outputs   map[string]any
	file      string
}

type resource struct {
	Type           string
	Properties     map[string]any
	Metadata       map[string]any
	DeletionPolicy string
	DependsOn      []string
}

// The installations that tests look at. Making one takes a second or two, so tests share them.
var (
	standard = shared(map[string]any{"sidecars": "ordering/virtualNode/ui"})
	second   = shared(map[string]any{"name": "second"})
	local    = shared(map[string]any{"name": "local", "local": true})
	isolated = shared(map[string]any{"name": "isolated", "egress": "endpoints"})
	public   = shared(map[string]any{"name": "public", "egress": "public", "relayImage": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/ownmesh/relay:1.0"})
	// existing is an installation in what a user has already.
	existing = shared(map[string]any{
		"name": "third", "vpcId": "vpc-0123456789abcdef0", "subnetIds": []any{"subnet-0123456789abcdef0", "subnet-0123456789abcdef1"},
		"cluster": "mine", "namespaceId": "ns-abc", "namespaceName": "corp.internal",
		"namespaceArn":           "arn:aws:servicediscovery:eu-west-1:123456789012:namespace/ns-abc",
		"clientSecurityGroupIds": "sg-0123456789abcdef0,sg-0123456789abcdef1", "alarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:oncall",
		"taskClusters": "arn:aws:ecs:eu-west-1:123456789012:cluster/shop", "relayImage": "registry.example/relay:1",
		"logLevel": "error", "apiConcurrency": 20.0, "apiAccessLogs": true, "removal": "destroy",
	})
)

// scratch holds what all of them need and make.
var scratch = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "ownmesh-infra-*")
	if err != nil {
		panic(err)
	}
	writeArtifacts(filepath.Join(dir, "dist"))
	return dir
})

func shared(context map[string]any) func() template {
	return sync.OnceValue(func() template { return synth(context) })
}

// synth makes an installation.
func synth(context map[string]any) template {
	context["artifacts"] = filepath.Join(scratch(), "dist")
	o, err := options.From(context)
	if err != nil {
		panic(err)
	}
	dir := filepath.Join(scratch(), o.Name+"-"+o.Architecture())
	app := awscdk.NewApp(&awscdk.AppProps{Context: installation.Flags(), Outdir: jsii.String(dir)})
	stack, err := installation.New(app, o)
	if err != nil {
		panic(err)
	}
	t := template{file: filepath.Join(dir, o.Name+".template.json")}
	app.Synth(nil)
	data, err := os.ReadFile(t.file)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(data, &t); err != nil {
		panic(err)
	}
	t.Template = assertions.Template_FromStack(stack, nil)
	return t
}

// writeArtifacts writes stand-ins for what `make lambdas images` builds.
func writeArtifacts(dist string) {
	files := map[string]string{
		"images/relay/index.json": `{"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:` + digit("1") + `"}]}`,
		"images/relay/blobs/sha256/" + digit("1"): `{"manifests":[
			{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + digit("a") + `","platform":{"architecture":"amd64","os":"linux"}},
			{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + digit("2") + `","platform":{"architecture":"arm64","os":"linux"}}]}`,
		"images/relay/blobs/sha256/" + digit("2"): `{"config":{"digest":"sha256:` + digit("3") + `"},"layers":[{"digest":"sha256:` + digit("4") + `"}]}`,
		"images/relay/blobs/sha256/" + digit("3"): `{"architecture":"arm64"}`,
		"images/relay/blobs/sha256/" + digit("4"): `layer`,
	}
	for _, name := range []string{"api", "dispatch", "compile", "register", "sweep"} {
		for _, arch := range []string{"amd64", "arm64"} {
			files["lambdas/"+arch+"/"+name+".zip"] = "zip of " + name + " for " + arch
		}
	}
	for name, content := range files {
		path := filepath.Join(dist, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			panic(err)
		}
	}
}

func digit(d string) string { return strings.Repeat(d, 64) }

// of lists the resources of a type by logical id.
func (t template) of(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// one is the only resource of a type whose logical id starts with a prefix.
func (t template) one(tb testing.TB, kind, prefix string) (string, resource) {
	tb.Helper()
	var ids []string
	for id := range t.of(kind) {
		if strings.HasPrefix(id, prefix) {
			ids = append(ids, id)
		}
	}
	if len(ids) != 1 {
		tb.Fatalf("%d of %s begin with %q, want one: %v", len(ids), kind, prefix, ids)
	}
	return ids[0], t.Resources[ids[0]]
}

// CDK's assertions panic: a test should fail, and the next one run.
func (t template) has(tb testing.TB, kind string, properties any) {
	tb.Helper()
	defer complain(tb)
	t.HasResourceProperties(jsii.String(kind), properties)
}

func (t template) all(tb testing.TB, kind string, properties any) {
	tb.Helper()
	defer complain(tb)
	t.AllResourcesProperties(jsii.String(kind), properties)
}

func (t template) count(tb testing.TB, kind string, want int) {
	tb.Helper()
	if got := len(t.of(kind)); got != want {
		tb.Errorf("%d of %s, want %d", got, kind, want)
	}
}

func complain(tb testing.TB) {
	tb.Helper()
	if r := recover(); r != nil {
		tb.Error(r)
	}
}

// text is anything as JSON.
func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}
