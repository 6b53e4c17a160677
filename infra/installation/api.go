package installation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
)

// stageName is the first segment of the API's URL.
const stageName = "mesh"

// makeAPI makes a REST API with one method for all paths, which core/api tells apart. It is no HTTP API: that decodes
// paths before IAM and the Lambda see them, and names may hold slashes.
func (m *mesh) makeAPI() {
	stage := &awsapigateway.StageOptions{
		StageName:            jsii.String(stageName),
		ThrottlingRateLimit:  jsii.Number(m.o.APIRate),
		ThrottlingBurstLimit: jsii.Number(m.o.APIBurst),
		MetricsEnabled:       jsii.Bool(false), // by method, for money; those of the API as a whole are there without
	}
	if m.o.APIAccessLogs {
		stage.AccessLogDestination = awsapigateway.NewLogGroupLogDestination(m.log("ApiAccessLog", "api-access"))
		stage.AccessLogFormat = awsapigateway.AccessLogFormat_JsonWithStandardFields(nil)
	}
	m.api = awsapigateway.NewRestApi(m.Stack, jsii.String("RestApi"), &awsapigateway.RestApiProps{
		RestApiName:    jsii.String(m.o.Name),
		Description:    jsii.String("Ownmesh: App Mesh's API and Ownmesh's own"),
		EndpointTypes:  &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		CloudWatchRole: jsii.Bool(false), // one for the whole account and region: not ours to set
		DeployOptions:  stage,
	})
	// Not AddProxy: that adds a method without authorization to the root.
	paths := m.api.Root().AddResource(jsii.String("{proxy+}"), nil)
	method := paths.AddMethod(jsii.String("ANY"), awsapigateway.NewLambdaIntegration(m.functions["api"], &awsapigateway.LambdaIntegrationOptions{
		Proxy: jsii.Bool(true), AllowTestInvoke: jsii.Bool(false),
	}), &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_IAM})
	accept(method, "AwsSolutions-COG4", "Callers are IAM's users and roles, as App Mesh's were.")
	m.acceptAPI()
}

func (m *mesh) acceptAPI() {
	stage := m.api.DeploymentStage()
	if !m.o.APIAccessLogs {
		accept(stage, "AwsSolutions-APIG1", "Access logs need a role that is set for the whole account and region: the option apiAccessLogs switches them on. Who changed what is in the journal.")
	}
	accept(stage, "AwsSolutions-APIG6", "API Gateway's own execution logs need the same role; the Lambda logs each call that fails.")
	accept(stage, "AwsSolutions-APIG3", "Every call is signed with IAM and throttled; a web application firewall in front is the user's choice, and costs more than the API.")
	accept(m.api, "AwsSolutions-APIG2", "core/api checks every member of every request against the API's description, and names what is wrong; a schema here could not.")
}
