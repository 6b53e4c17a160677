package installation

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsservicediscovery"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/infra/layout"
	"github.com/ownmesh/ownmesh/infra/options"
)

// relayPort is where relays serve xDS.
const relayPort = 15010

// mesh is the stack while it is made: each part finds here those that came before it.
type mesh struct {
	awscdk.Stack
	o options.Options

	tokenKey, relayCAKey awskms.Key
	table, instances     awsdynamodb.Table
	bucket               awss3.Bucket
	queues               queues
	bus                  awsevents.EventBus
	eventLog             awslogs.LogGroup
	functions            map[string]awslambda.Function
	api                  awsapigateway.RestApi
	network              network
	namespace            awsservicediscovery.IPrivateDnsNamespace
	relay                awsecs.FargateService
	relayLog             awslogs.LogGroup
	relayGroup, clients  awsec2.SecurityGroup
}

// New makes an installation. Its artifacts must be there: Lambdas, and the relay's image.
func New(scope constructs.Construct, o options.Options) (awscdk.Stack, error) {
	if err := CheckArtifacts(o); err != nil {
		return nil, err
	}
	if usesLayout(o) {
		if err := layout.Pack(layoutPath(o), "arm64", "ownmesh/relay", tarballPath(o)); err != nil {
			return nil, fmt.Errorf("relay's image: %w", err)
		}
	}
	m := &mesh{o: o, Stack: awscdk.NewStack(scope, jsii.String(o.Name), &awscdk.StackProps{
		Description:        jsii.String("Ownmesh: a service mesh that speaks AWS App Mesh's API"),
		Synthesizer:        synthesizer(o),
		AnalyticsReporting: jsii.Bool(false),
	})}
	awscdk.Tags_Of(m.Stack).Add(jsii.String("ownmesh:installation"), jsii.String(o.Name), nil)

	m.makeTables()
	m.makeBucket()
	m.makeQueues()
	m.makeBus()
	m.makeNetwork()   // before what names the relays' address
	m.makeFunctions() // roles first: the keys' policies name them
	m.makeAPI()
	m.makeRelay()
	m.makeKeys()
	m.grantAll()
	m.makeTriggers()
	m.makePolicies()
	m.makeAlarms()
	m.makeOutputs()
	return m.Stack, nil
}

// Flags are the behaviours of CDK that the stack counts on, whatever a cdk.json says.
func Flags() *map[string]any {
	return &map[string]any{
		"@aws-cdk/core:validateAgainstDefaultRules":     true,
		"@aws-cdk/aws-iam:minimizePolicies":             true,
		"@aws-cdk/core:enablePartitionLiterals":         true,
		"@aws-cdk/aws-ecs:removeDefaultDeploymentAlarm": true,
		"@aws-cdk/aws-apigateway:disableCloudWatchRole": true,
	}
}

// synthesizer says where assets go. An emulator has no bootstrap stack, so there they go into a bucket that the test makes.
func synthesizer(o options.Options) awscdk.IStackSynthesizer {
	if !o.Local {
		return awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{})
	}
	return awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{
		FileAssetsBucketName:         jsii.String(LocalAssets),
		GenerateBootstrapVersionRule: jsii.Bool(false),
	})
}

// LocalAssets is the bucket that a local stack takes its assets from.
const LocalAssets = "ownmesh-assets"

// named is the name of something in this installation.
func (m *mesh) named(part string) *string { return jsii.String(m.o.Name + "-" + part) }

// removal is what becomes of what holds a user's data when the stack is deleted.
func (m *mesh) removal() awscdk.RemovalPolicy {
	if m.o.Destroy {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}

// arn names something of AWS in the stack's own account and region.
func (m *mesh) arn(service, resource string) *string {
	return jsii.String("arn:" + *m.Partition() + ":" + service + ":" + *m.Region() + ":" + *m.Account() + ":" + resource)
}

// log makes a log group whose entries end after a while.
func (m *mesh) log(id, name string) awslogs.LogGroup {
	group := awslogs.NewLogGroup(m.Stack, jsii.String(id), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String("/ownmesh/" + m.o.Name + "/" + name),
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	group.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(jsii.Number(m.o.LogDays))
	return group
}

// makeOutputs tells what a user needs to go on.
func (m *mesh) makeOutputs() {
	output := func(id, what string, value *string) {
		// Under a path of its own: outputs are called as the parts that they tell of.
		awscdk.NewCfnOutput(m.Stack, jsii.String("Output"+id), &awscdk.CfnOutputProps{Value: value, Description: jsii.String(what)}).
			OverrideLogicalId(jsii.String(id))
	}
	output("Api", "The API: OWNMESH_ENDPOINT of `ownmesh`, OWNMESH_API of sidecars", m.api.Url())
	output("ApiArn", "What execute-api:Invoke is allowed on", m.api.ArnForExecuteApi(jsii.String("*"), jsii.String("/*"), jsii.String(stageName)))
	output("ApiId", "Id of the API in API Gateway", m.api.RestApiId())
	output("Relay", "What sidecars dial", jsii.String(m.relayAddress()))
	output("SidecarSecurityGroup", "Members may reach the relays", m.clients.SecurityGroupId())
	output("RelaySecurityGroup", "The relays' own", m.relayGroup.SecurityGroupId())
	output("Vpc", "Where the relays are", m.network.id)
	output("Namespace", "Cloud Map namespace of the relays", m.namespace.NamespaceName())
	output("NamespaceId", "Its id", m.namespace.NamespaceId())
	output("Bus", "Event bus", m.bus.EventBusName())
	output("Table", "DynamoDB table of meshes and their journal", m.table.TableName())
	output("InstancesTable", "DynamoDB table of instances", m.instances.TableName())
	output("Bucket", "Artifacts", m.bucket.BucketName())
	output("TokenKey", "KMS key that signs stream tokens", m.tokenKey.KeyArn())
	output("RelayCaKey", "KMS key of the relays' CA", m.relayCAKey.KeyArn())
	output("CompileQueue", "FIFO queue of meshes to compile", m.queues.compile.QueueUrl())
	output("RegisterQueue", "FIFO queue of meshes and services whose instances changed", m.queues.register.QueueUrl())
	output("TaskQueue", "Queue of ECS task events", m.queues.tasks.QueueUrl())
	output("PoisonQueue", "Stream records that could not be understood", m.queues.poison.QueueUrl())
}
