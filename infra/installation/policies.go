package installation

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/infra/options"
)

// makePolicies makes what a user attaches to people and tasks: who changes meshes, who looks at them, and, for each proxy
// that was named, who may fetch its tokens.
func (m *mesh) makePolicies() {
	m.makePolicy("Operators", "Change and read every mesh, and read what Ownmesh knows; no tokens of proxies",
		m.path("*", "v20190125/*"), m.path("GET", "v1/*"), m.path("PUT", "v1/*"), m.path("DELETE", "v1/*"))
	m.makePolicy("Readers", "Read every mesh, and what Ownmesh knows", m.path("GET", "v20190125/*"), m.path("GET", "v1/*"))
	for _, p := range m.o.Sidecars {
		m.makePolicy("Sidecar"+logicalID(p), "Fetch stream tokens as "+p.Mesh+"/"+p.Kind+"/"+p.Name, m.tokenPath(p), m.addressesPath(p))
	}
}

// tokenPath is what a sidecar may call; addressesPath is for those without a redirect.
func (m *mesh) tokenPath(p options.Proxy) *string {
	return m.path("POST", "v1/meshes/"+p.Mesh+"/proxies/"+p.Kind+"/"+p.Name+"/token")
}

func (m *mesh) addressesPath(p options.Proxy) *string {
	return m.path("GET", "v1/meshes/"+p.Mesh+"/proxies/"+p.Kind+"/"+p.Name+"/addresses")
}

// path is the ARN of a method and path of the API, for IAM.
func (m *mesh) path(method, path string) *string {
	return m.api.ArnForExecuteApi(jsii.String(method), jsii.String("/"+path), jsii.String(stageName))
}

func (m *mesh) makePolicy(id, description string, resources ...*string) {
	policy := awsiam.NewManagedPolicy(m.Stack, jsii.String(id), &awsiam.ManagedPolicyProps{
		Description: jsii.String("Ownmesh: " + description),
		Statements: &[]awsiam.PolicyStatement{awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("execute-api:Invoke"), Resources: &resources,
		})},
	})
	accept(policy, "AwsSolutions-IAM5", "It is for every mesh: paths hold names that users choose later.")
	awscdk.NewCfnOutput(m.Stack, jsii.String(id+"Policy"), &awscdk.CfnOutputProps{
		Value: policy.ManagedPolicyArn(), Description: jsii.String(description),
	})
}

// logicalID makes a name that CloudFormation takes: letters and digits, each word's first letter a capital. What it drops is
// told apart by CDK's own hash of the path.
func logicalID(p options.Proxy) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(p.Mesh+"-"+p.Kind+"-"+p.Name, func(r rune) bool { return r == '-' || r == '_' }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
