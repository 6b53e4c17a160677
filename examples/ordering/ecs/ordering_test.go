package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/internal/emulator"
)

func TestMain(m *testing.M) {
	emulator.Main(m, jsii.Close, func() { _ = os.RemoveAll(scratch()) })
}

var scratch = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "ordering-*")
	if err != nil {
		panic(err)
	}
	return dir
})

// context is what README.md has users give.
func context() map[string]any {
	return map[string]any{
		"api": "https://abc123.execute-api.eu-west-1.amazonaws.com/mesh/", "vpcId": "vpc-0123456789abcdef0",
		"subnetIds":            "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
		"publicSubnetIds":      "subnet-0123456789abcdef2,subnet-0123456789abcdef3",
		"sidecarSecurityGroup": "sg-0123456789abcdef0",
		"sidecarImage":         "111122223333.dkr.ecr.eu-west-1.amazonaws.com/ownmesh/sidecar:1.0", "orderingImage": "registry.example/ordering:1",
	}
}

type resource struct {
	Type       string
	Properties map[string]any
}

type template struct {
	Resources map[string]resource
	file      string
}

var (
	transparent = sync.OnceValue(func() template { return synth(context(), "transparent") })
	explicit    = sync.OnceValue(func() template {
		c := context()
		c["explicit"] = "true"
		return synth(c, "explicit")
	})
)

func synth(c map[string]any, name string) template {
	s, err := readSettings(func(key string) any { return c[key] })
	if err != nil {
		panic(err)
	}
	dir := filepath.Join(scratch(), name)
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(dir), Context: &map[string]any{"@aws-cdk/core:validateAgainstDefaultRules": true}})
	newOrdering(app, s)
	app.Synth(nil)
	t := template{file: filepath.Join(dir, "ordering.template.json")}
	data, err := os.ReadFile(t.file)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(data, &t); err != nil {
		panic(err)
	}
	return t
}

// container is one of a task definition.
type container struct {
	Name        string
	User        string
	Command     []string
	Environment []struct{ Name, Value string }
	DependsOn   []struct{ Condition, ContainerName string }
	HealthCheck struct{ Command []string }
	StopTimeout int
}

func (c container) env(name string) string {
	for _, e := range c.Environment {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}

// task is a task definition's containers by name, and its redirect.
func (t template) task(tb testing.TB, family string) (map[string]container, string) {
	tb.Helper()
	for _, r := range t.Resources {
		if r.Type == "AWS::ECS::TaskDefinition" && r.Properties["Family"] == "ordering-"+family {
			var list []container
			data, err := json.Marshal(r.Properties["ContainerDefinitions"])
			if err == nil {
				err = json.Unmarshal(data, &list)
			}
			if err != nil {
				tb.Fatal(err)
			}
			found := map[string]container{}
			for _, c := range list {
				found[c.Name] = c
			}
			proxy, err := json.Marshal(r.Properties["ProxyConfiguration"])
			if err != nil {
				tb.Fatal(err)
			}
			return found, string(proxy)
		}
	}
	tb.Fatalf("no task definition of family ordering-%s", family)
	return nil, ""
}

func TestEachTaskIsItsVirtualNode(t *testing.T) {
	mesh, err := os.ReadFile("../mesh.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, svc := range services {
		containers, _ := transparent().task(t, svc.node)
		envoy, app := containers["envoy"], containers["app"]
		if got, want := envoy.env("APPMESH_RESOURCE_ARN"), "mesh/ordering/virtualNode/"+svc.node; got != want {
			t.Errorf("%s is %q", svc.node, got)
		}
		if !strings.Contains(string(mesh), "virtualNodeName: "+svc.node+"\n") {
			t.Errorf("the mesh has no node %s", svc.node)
		}
		if svc.calls != "" && !strings.Contains(string(mesh), "virtualServiceName: "+svc.calls) {
			t.Errorf("the mesh has no service %s", svc.calls)
		}
		if envoy.User != "1337" || strings.Join(envoy.HealthCheck.Command, " ") != "CMD sidecar health" || envoy.StopTimeout <= 20 {
			t.Errorf("%s: sidecar %+v", svc.node, envoy)
		}
		if len(app.DependsOn) != 1 || app.DependsOn[0].Condition != "HEALTHY" || app.DependsOn[0].ContainerName != "envoy" {
			t.Errorf("%s: the application doesn't wait for its sidecar: %+v", svc.node, app.DependsOn)
		}
	}
}

func TestTasksAreRedirectedAsInAppMesh(t *testing.T) {
	for _, svc := range services {
		containers, proxy := transparent().task(t, svc.node)
		for _, want := range []string{`"Type":"APPMESH"`, `"ContainerName":"envoy"`, `{"Name":"IgnoredUID","Value":"1337"}`, `{"Name":"AppPorts","Value":"8080"}`,
			`{"Name":"ProxyIngressPort","Value":"15000"}`, `{"Name":"ProxyEgressPort","Value":"15001"}`, `{"Name":"EgressIgnoredIPs","Value":"169.254.170.2,169.254.169.254"}`} {
			if !strings.Contains(proxy, want) {
				t.Errorf("%s: %s is not in %s", svc.node, want, proxy)
			}
		}
		if svc.backend != "" && containers["app"].env(svc.backend) != "http://"+svc.calls+":8080" {
			t.Errorf("%s calls %q", svc.node, containers["app"].env(svc.backend))
		}
	}
}

func TestWithoutRedirectsPortsFitTogether(t *testing.T) {
	for _, svc := range services {
		containers, proxy := explicit().task(t, svc.node)
		envoy, app := containers["envoy"], containers["app"]
		if proxy != "null" {
			t.Errorf("%s is redirected: %s", svc.node, proxy)
		}
		if envoy.env("OWNMESH_INTERCEPTION") != "explicit" || envoy.env("OWNMESH_APPLICATION") != "8080=9080" || app.env("LISTEN") != "127.0.0.1:9080" {
			t.Errorf("%s: %+v, %+v", svc.node, envoy.Environment, app.Environment)
		}
		if svc.backend == "" {
			continue
		}
		if got, want := envoy.env("OWNMESH_SERVICES"), svc.calls+":8080=7001"; got != want || app.env(svc.backend) != "http://127.0.0.1:7001" {
			t.Errorf("%s: the sidecar has %q, and the application calls %q", svc.node, got, app.env(svc.backend))
		}
	}
}

// TestTasksFetchTheirOwnTokensAlone: the role of a task names its own proxy, and no wildcard.
func TestTasksFetchTheirOwnTokensAlone(t *testing.T) {
	seen := map[string]bool{}
	for id, r := range transparent().Resources {
		if r.Type != "AWS::IAM::Policy" {
			continue
		}
		data, err := json.Marshal(r.Properties)
		if err != nil {
			t.Fatal(err)
		}
		policy := string(data)
		if !strings.Contains(policy, "execute-api:Invoke") {
			continue
		}
		if n := strings.Count(policy, "/token\""); n != 1 || strings.Contains(policy, "*") || !strings.Contains(policy, ":abc123/mesh/POST/v1/meshes/ordering/proxies/") {
			t.Errorf("%s: %d tokens: %s", id, n, policy)
		}
		for _, proxy := range []string{"virtualNode/ui/token", "virtualNode/order/token", "virtualNode/inventory-v1/token", "virtualNode/inventory-v2/token", "virtualGateway/gateway/token"} {
			if strings.Contains(policy, proxy) {
				seen[proxy] = true
			}
		}
	}
	if len(seen) != 5 {
		t.Errorf("only %v may be fetched", seen)
	}
}

func TestTheGatewayIsReachedThroughTheLoadBalancerAlone(t *testing.T) {
	containers, proxy := transparent().task(t, "gateway")
	if len(containers) != 1 || proxy != "null" || containers["envoy"].env("APPMESH_RESOURCE_ARN") != "mesh/ordering/virtualGateway/gateway" {
		t.Errorf("gateway: %+v %s", containers, proxy)
	}
	open := 0
	for id, r := range transparent().Resources {
		// The group that leads to the relays is Ownmesh's, and its members are tasks of other applications too.
		if strings.HasPrefix(r.Type, "AWS::EC2::SecurityGroup") && r.Properties["GroupId"] == context()["sidecarSecurityGroup"] {
			t.Errorf("%s opens a group that is not this stack's: %v", id, r.Properties)
		}
		data, err := json.Marshal(r.Properties)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(r.Type, "AWS::EC2::SecurityGroup") && strings.Contains(string(data), `"CidrIp":"0.0.0.0/0"`) && strings.Contains(string(data), "SecurityGroupIngress") {
			open++
			if !strings.HasPrefix(id, "LoadBalancerGroup") {
				t.Errorf("%s is open to all", id)
			}
		}
	}
	if open != 1 {
		t.Errorf("%d groups are open to all, want the load balancer's", open)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	_, err := readSettings(func(key string) any { return map[string]any{"explicit": "yes", "api": "http://127.0.0.1"}[key] })
	for _, want := range []string{`-c api="http://127.0.0.1": want the output Api`, "-c vpcId=", "-c subnetIds=", "-c publicSubnetIds=", "-c sidecarSecurityGroup=", `-c explicit="yes": want true or false`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestTemplatesAreClean(t *testing.T) {
	bin, err := filepath.Abs("../../../.tools/infra/venv/bin")
	if err != nil {
		t.Fatal(err)
	}
	// By its Python: the script's first line has the place where the checkout was when it was installed.
	lint := exec.Command(filepath.Join(bin, "python"), filepath.Join(bin, "cfn-lint"), "-i", "W3005", "--", transparent().file, explicit().file)
	out, err := lint.CombinedOutput()
	if err != nil {
		t.Errorf("%v (run `make tools-infra`?)\n%s", err, out)
	}
}
