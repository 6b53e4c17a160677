package cloudformation_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/importer/cloudformation"
)

func parse(tb testing.TB, text string) cloudformation.Template {
	tb.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) != 1 {
		tb.Fatalf("the test's own YAML: %v", err)
	}
	return cloudformation.Template{File: "t.yaml", Root: doc.Content[0]}
}

// around is a template whose mesh is named by an expression: what that gives shows how functions are evaluated.
func around(expression string) string {
	return `
Parameters:
  Env: {Type: String, Default: prod}
  Needed: {Type: String}
  Size: {Type: Number, Default: 7}
  Zones: {Type: CommaDelimitedList, Default: "a,b, c"}
  Choice: {Type: String, Default: "yes", AllowedValues: ["yes", "no"]}
  Stored: {Type: "AWS::SSM::Parameter::Value<CommaDelimitedList>", Default: /zones}
  Hosts: {Type: "AWS::SSM::Parameter::Value<List<String>>", Default: /hosts}
  Some: {Type: CommaDelimitedList, Default: "a, b", AllowedValues: [a, b, c]}
  Wrong: {Type: CommaDelimitedList, Default: "a,d", AllowedValues: [a, b, c]}
Mappings:
  M: {k: {v: mapped, list: [x, y]}}
Conditions:
  Prod: !Equals [!Ref Env, prod]
  NotProd: !Not [!Condition Prod]
  Both: !And [!Condition Prod, !Equals [!Ref Choice, "yes"]]
  Either: !Or [!Condition NotProd, !Condition Both]
  Loop: !Not [!Condition Loop]
Resources:
  Other: {Type: AWS::EC2::VPC}
  Node:
    Type: AWS::AppMesh::VirtualNode
    Properties: {MeshName: shop, VirtualNodeName: cart, Spec: {}}
  X:
    Type: AWS::AppMesh::Mesh
    Properties:
      MeshName: ` + expression + `
Outputs:
  Out: {Value: exported, Export: {Name: !Sub "${Env}-out"}}
`
}

// TestFunctions evaluates each function in its short form; a few in their long one, which is the same to the reader.
func TestFunctions(t *testing.T) {
	options := cloudformation.Options{
		Parameters: map[string]string{"AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012", "AWS::StackName": "stack", "Stored": "s1, s2"},
		Resolve:    map[string]string{"Other.Name": "net", "ImportValue.elsewhere": "imported", "{{resolve:ssm:/name}}": "stored"},
	}
	for expression, want := range map[string]string{
		`plain`:                                             "plain",
		`!Ref Env`:                                          "prod",
		`{Ref: Env}`:                                        "prod",
		`!Ref AWS::Region`:                                  "eu-west-1",
		`!Ref AWS::Partition`:                               "aws",
		`!Ref AWS::URLSuffix`:                               "amazonaws.com",
		`!Sub "${Env}-${AWS::Region}"`:                      "prod-eu-west-1",
		`!Sub ["${a}-${Env}", {a: !Ref Size}]`:              "7-prod",
		`!Sub "${!Env}"`:                                    "${Env}",
		`{"Fn::Sub": "${Env}-x"}`:                           "prod-x",
		`!Sub "${Node.VirtualNodeName}"`:                    "cart",
		`!GetAtt Node.VirtualNodeName`:                      "cart",
		`!GetAtt [Node, MeshName]`:                          "shop",
		`{"Fn::GetAtt": [Node, VirtualNodeName]}`:           "cart",
		`!Select [3, !Split [":", !Ref Node]]`:              "eu-west-1",
		`!Select [1, !Split ["/", !GetAtt Node.Arn]]`:       "shop",
		`!Join ["-", [a, !Ref Env, "7"]]`:                   "a-prod-7",
		`!Join ["", !Ref Zones]`:                            "abc",
		`!Select [2, !Ref Zones]`:                           "c",
		`!Select [1, !Ref Stored]`:                          "s2",
		`!Join ["", !Ref Some]`:                             "ab",
		`!FindInMap [M, k, v]`:                              "mapped",
		`!Select [1, !FindInMap [M, k, list]]`:              "y",
		`!FindInMap [M, none, v, {DefaultValue: fallback}]`: "fallback",
		`!If [Prod, a, b]`:                                  "a",
		`!If [NotProd, a, b]`:                               "b",
		`!If [Both, a, b]`:                                  "a",
		`!If [Either, a, b]`:                                "a",
		`!Base64 hi`:                                        "aGk=",
		`!ImportValue prod-out`:                             "exported",
		`!ImportValue elsewhere`:                            "imported",
		`{"Fn::ImportValue": !Sub "${Env}-out"}`:            "exported",
		`!GetAtt Other.Name`:                                "net",
		`"{{resolve:ssm:/name}}"`:                           "stored",
		`!Sub "${Env}-{{resolve:ssm:/name}}"`:               "prod-stored",
	} {
		r := cloudformation.Read([]cloudformation.Template{parse(t, around(expression))}, options)[0]
		var body struct{ MeshName string }
		for _, res := range r.Resources {
			if res.Logical == "X" {
				if err := json.Unmarshal(res.Body, &body); err != nil {
					t.Fatal(err)
				}
			}
		}
		if body.MeshName != want || len(r.Problems) > 0 {
			t.Errorf("%s: got %q, want %q; problems %v", expression, body.MeshName, want, r.Problems)
		}
	}
}

// TestProblems is what can't be evaluated: each says what is wrong, and what to pass if that would mend it.
func TestProblems(t *testing.T) {
	for expression, want := range map[string]struct{ message, pass string }{
		`!Ref Needed`:                 {"parameter Needed has no default", "--parameter Needed=VALUE"},
		`!Ref Nothing`:                {`there is no parameter and no resource "Nothing"`, ""},
		`!Ref AWS::Region`:            {"the template uses AWS::Region, which only a deployed stack knows", "--parameter AWS::Region=VALUE"},
		`!Ref Other`:                  {"only a deployed stack knows what Ref of Other (AWS::EC2::VPC) gives", "--resolve Other=VALUE"},
		`!GetAtt Other.CidrBlock`:     {"only a deployed stack knows Other.CidrBlock", "--resolve Other.CidrBlock=VALUE"},
		`!ImportValue nowhere`:        {"nowhere", "--resolve 'ImportValue.nowhere=VALUE'"},
		`"{{resolve:ssm:/a}}"`:        {"only AWS can resolve", "--resolve '{{resolve:ssm:/a}}=VALUE'"},
		`!Sub "${Nothing}"`:           {`"Nothing"`, ""},
		`!If [Unheard, a, b]`:         {`there is no condition "Unheard"`, ""},
		`!If [Loop, a, b]`:            {`condition "Loop" needs itself`, ""},
		`!If [Prod, a]`:               {"Fn::If takes a condition's name and two values", ""},
		`!Join [a]`:                   {"Fn::Join takes", ""},
		`!Select [9, [a]]`:            {"Fn::Select takes", ""},
		`!Select [x, [a]]`:            {"Fn::Select takes", ""},
		`!Split ["", a]`:              {"Fn::Split takes", ""},
		`!FindInMap [M, k, none]`:     {"there is no value at", ""},
		`!Base64 [a]`:                 {"Fn::Base64 takes a string", ""},
		`!Equals [a, b]`:              {"has its place in conditions only", ""},
		`!Cidr ["10.0.0.0/16", 1, 8]`: {"is not evaluated here", ""},
		`!Transform {Name: x}`:        {"is not evaluated here", ""},
		`[a, b]`:                      {"MeshName takes a string", ""},
		`!Ref Node`:                   {"MeshName is Ref of an App Mesh resource, which gives its ARN: Fn::GetAtt gives its name", ""},
		`!Sub "${Node}"`:              {"", "--parameter AWS::Region=VALUE"},
		`!Join ["", !Ref Hosts]`:      {"is read from a parameter store", "--parameter Hosts=VALUE"},
		`!Join ["", !Ref Wrong]`:      {`parameter Wrong is "a,d", and must be one of a, b, c`, "--parameter Wrong=VALUE"},
	} {
		r := cloudformation.Read([]cloudformation.Template{parse(t, around(expression))}, cloudformation.Options{})[0]
		found := slices.ContainsFunc(r.Problems, func(p cloudformation.Problem) bool {
			// Line 19 is that of the conditions, line 28 that of the expression.
			return p.Logical == "X" && (p.Line == 28 || p.Line == 19) && strings.Contains(p.Message, want.message) && p.Pass == want.pass
		})
		if !found {
			t.Errorf("%s: want %+v, got %+v", expression, want, r.Problems)
		}
		if slices.ContainsFunc(r.Resources, func(r cloudformation.Resource) bool { return r.Logical == "X" }) {
			t.Errorf("%s: the resource was read all the same", expression)
		}
	}
}

// Every member of every spec is known in CloudFormation's spelling.
func TestSpelling(t *testing.T) {
	r := cloudformation.Read([]cloudformation.Template{parse(t, `
Resources:
  N:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: shop
      VirtualNodeName: cart
      Spec:
        ServiceDiscovery: {AWSCloudMap: {NamespaceName: a, ServiceName: b, IpPreference: IPv4_ONLY}}
        Listeners:
        - PortMapping: {Port: "80", Protocol: grpc}
          ConnectionPool: {GRPC: {MaxRequests: 3}}
          Timeout: {GRPC: {PerRequest: {Unit: s, Value: "4"}}}
          TLS: {Mode: STRICT, Certificate: {ACM: {CertificateArn: "arn:x"}}}
        BackendDefaults: {ClientPolicy: {TLS: {Enforce: "true", Validation: {Trust: {File: {CertificateChain: /c}}}}}}
  R:
    Type: AWS::AppMesh::Route
    Properties:
      MeshName: shop
      VirtualRouterName: r
      RouteName: x
      Spec: {TcpRoute: {Action: {WeightedTargets: [{VirtualNode: cart, Weight: 1}]}, Timeout: {Idle: {Unit: s, Value: 1}}}}
`)}, cloudformation.Options{})[0]
	if len(r.Problems) > 0 || len(r.Resources) != 2 {
		t.Fatalf("%+v", r)
	}
	const want = `{"kind":"VirtualNode","meshName":"shop","spec":{"backendDefaults":{"clientPolicy":{"tls":{"enforce":true,"validation":{"trust":{"file":{"certificateChain":"/c"}}}}}},"listeners":[{"connectionPool":{"grpc":{"maxRequests":3}},"portMapping":{"port":80,"protocol":"grpc"},"timeout":{"grpc":{"perRequest":{"unit":"s","value":4}}},"tls":{"certificate":{"acm":{"certificateArn":"arn:x"}},"mode":"STRICT"}}],"serviceDiscovery":{"awsCloudMap":{"ipPreference":"IPv4_ONLY","namespaceName":"a","serviceName":"b"}}},"virtualNodeName":"cart"}`
	if got := string(r.Resources[0].Body); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// AWS published templates with members of a spec as the API spells them, and they could be deployed.
func TestSpellingOfTheAPI(t *testing.T) {
	r := cloudformation.Read([]cloudformation.Template{parse(t, `
Resources:
  N:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: shop
      VirtualNodeName: cart
      Spec: {Listeners: [{PortMapping: {Port: 80, Protocol: http}, OutlierDetection: {maxServerErrors: "5", maxEjectionPercent: 100,
        interval: {value: 30, unit: s}, BaseEjectionDuration: {Value: 5, unit: s}}}]}
  Twice: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: other, Spec: {EgressFilter: {Type: ALLOW_ALL, type: DROP_ALL}}}}
  Top: {Type: AWS::AppMesh::Mesh, Properties: {meshName: other}}
`)}, cloudformation.Options{})[0]
	if len(r.Resources) != 1 || len(r.Problems) != 2 {
		t.Fatalf("%+v", r)
	}
	const want = `{"kind":"VirtualNode","meshName":"shop","spec":{"listeners":[{"outlierDetection":{"baseEjectionDuration":{"unit":"s","value":5},"interval":{"unit":"s","value":30},"maxEjectionPercent":100,"maxServerErrors":5},"portMapping":{"port":80,"protocol":"http"}}]},"virtualNodeName":"cart"}`
	if got := string(r.Resources[0].Body); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for i, want := range []string{"property Spec.EgressFilter.type is there twice, in two spellings", "unknown property meshName: AWS::AppMesh::Mesh has"} {
		if !strings.Contains(r.Problems[i].Message, want) {
			t.Errorf("got %q, want %q", r.Problems[i].Message, want)
		}
	}
}

// What is no App Mesh resource, or has no counterpart, is said to be left; what is misspelt is a problem.
func TestLeftAndUnknown(t *testing.T) {
	r := cloudformation.Read([]cloudformation.Template{parse(t, `
Transform: [AWS::Serverless-2016-10-31, {Name: AWS::Include, Parameters: {Location: s3://b/x}}]
Conditions: {Never: !Equals [a, b]}
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Nested: {Type: AWS::CloudFormation::Stack}
  Off: {Type: AWS::AppMesh::Mesh, Condition: Never}
  Kept: {Type: AWS::AppMesh::Mesh, DeletionPolicy: Retain, DependsOn: Queue, Properties: {MeshName: shop}}
  Wrong: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: other, Spce: {}}}
  Deep: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: deep, Spec: {EgressFilter: {Typ: ALLOW_ALL}}}}
  Unheard: {Type: AWS::AppMesh::Thing}
  Nameless: {Type: AWS::AppMesh::VirtualService, Properties: {MeshName: shop}}
`)}, cloudformation.Options{})[0]
	var left, problems []string
	for _, l := range r.Left {
		left = append(left, fmt.Sprintf("%s %s: %s", l.Logical, l.Type, l.Reason))
	}
	for _, p := range r.Problems {
		problems = append(problems, fmt.Sprintf("%d %s: %s", p.Line, p.Logical, p.Message))
	}
	for _, want := range []string{`Transform: transforms are not run: what "AWS::Serverless-2016-10-31" would`, `what "AWS::Include" would`, "Queue AWS::SQS::Queue: it is no App Mesh resource", "Nested AWS::CloudFormation::Stack: it is a template of its own: pass that one's file too", `Off AWS::AppMesh::Mesh: its condition "Never" is false`, `Kept AWS::AppMesh::Mesh: attribute "DeletionPolicy" has no counterpart`} {
		if !strings.Contains(strings.Join(left, "\n"), want) {
			t.Errorf("left: no %q in %q", want, left)
		}
	}
	for _, want := range []string{"9 Wrong: unknown property Spce: AWS::AppMesh::Mesh has", "10 Deep: unknown property Spec.EgressFilter.Typ: there are Type", `11 Unheard: there is no resource type "AWS::AppMesh::Thing"`, "12 Nameless: "} {
		if !strings.Contains(strings.Join(problems, "\n"), want) {
			t.Errorf("problems: no %q in %q", want, problems)
		}
	}
	if len(r.Resources) != 1 || r.Resources[0].Logical != "Kept" {
		t.Errorf("read: %+v", r.Resources)
	}
}

// FuzzRead reads anything that is YAML: it ends, never panics, and what it reads is JSON with a kind that there is.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{around("!Ref Env"), around(`!Sub ["${a}", {a: !Join [",", !Ref Zones]}]`), around("!If [Loop, a, b]"), "Resources: &a {A: *a}", "{Resources: {A: {Type: AWS::AppMesh::Mesh, Properties: [1]}}}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var doc yaml.Node
		if yaml.Unmarshal([]byte(text), &doc) != nil || len(doc.Content) != 1 || !cloudformation.Is(doc.Content[0]) {
			return
		}
		r := cloudformation.Read([]cloudformation.Template{{File: "f", Root: doc.Content[0]}}, cloudformation.Options{})[0]
		for _, res := range r.Resources {
			var body struct{ Kind string }
			if err := json.Unmarshal(res.Body, &body); err != nil {
				t.Fatalf("%s: %v", res.Body, err)
			}
			if _, ok := resource.ParseKind(body.Kind); !ok {
				t.Errorf("%s has no kind", res.Body)
			}
		}
	})
}
