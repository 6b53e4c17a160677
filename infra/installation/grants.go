package installation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/infra/registry"
)

// Anywhere is what AWS allows on "*" alone, and why a part needs it. The test of least privilege reads it: no other action
// may be allowed on "*".
var Anywhere = map[string]string{
	"dynamodb:ListStreams":            "a stream mapping asks for it; it has no resource",
	"ecr:GetAuthorizationToken":       "it has no resource",
	"ecs:ListTasks":                   "tasks of a service are listed by the container instances they are on, and Fargate's have none",
	"servicediscovery:ListNamespaces": "it has no resource",
	"servicediscovery:ListServices":   "it has no resource",
}

// allow lets a role do things to resources.
func allow(role awsiam.IRole, actions []string, resources ...*string) {
	allowIf(role, nil, actions, resources...)
}

func allowIf(role awsiam.IRole, conditions *map[string]any, actions []string, resources ...*string) {
	role.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(actions...), Resources: &resources, Conditions: conditions,
	}))
}

// What can be done with a table.
var (
	readRows  = []string{"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
	writeRows = []string{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"}
)

// grantAll lets each part do what it does, and no more.
func (m *mesh) grantAll() {
	m.grantAPI(m.functions["api"].Role())
	m.grantDispatch(m.functions["dispatch"].Role())
	m.grantCompile(m.functions["compile"].Role())
	m.grantRegister(m.functions["register"].Role())
	m.grantSweep(m.functions["sweep"].Role())
	m.grantRelay(m.relay.TaskDefinition().TaskRole())
	for _, name := range functionNames {
		acceptWild(m.functions[name].Role())
	}
	acceptWild(m.relay.TaskDefinition().TaskRole())
	if usesLayout(m.o) || registry.Private(m.o.RelayImage) { // ECR's login
		acceptWild(m.relay.TaskDefinition().ExecutionRole())
	}
}

// acceptWild accepts wildcards in a role's policy: a test of ours knows better which there may be.
func acceptWild(role awsiam.IRole) {
	policy := role.Node().TryFindChild(jsii.String("DefaultPolicy"))
	if policy != nil {
		accept(policy, "AwsSolutions-IAM5", "Objects, tasks, services and zones of meshes that users make later are named by prefix; "+
			"what is allowed on * has no narrower resource in AWS. TestNothingIsAllowedAnywhereThatAWSAllowsMoreNarrowly holds this.")
	}
}

// grantAPI: writes meshes and instances, reads what was compiled and what relays say, signs tokens.
func (m *mesh) grantAPI(role awsiam.IRole) {
	allow(role, append(readRows[:len(readRows):len(readRows)], writeRows...), m.table.TableArn())
	m.grantInstances(role)
	allow(role, []string{"dynamodb:Scan"}, m.instances.TableArn()) // lists services
	m.grantRead(role)
	allow(role, []string{"sqs:SendMessage"}, m.queues.register.QueueArn())
	allow(role, []string{"kms:Sign", "kms:GetPublicKey"}, m.tokenKey.KeyArn())
}

// grantDispatch: tells of changes, and never touches what it tells of.
func (m *mesh) grantDispatch(role awsiam.IRole) {
	allow(role, []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}, m.table.TableStreamArn())
	allow(role, []string{"dynamodb:ListStreams"}, jsii.String("*"))
	allow(role, []string{"dynamodb:GetItem"}, m.table.TableArn()) // names of meshes, for events
	allow(role, []string{"sqs:SendMessage"}, m.queues.compile.QueueArn(), m.queues.register.QueueArn(), m.queues.poison.QueueArn())
	m.grantEvents(role)
}

// grantCompile: reads meshes, writes logs.
func (m *mesh) grantCompile(role awsiam.IRole) {
	m.grantConsume(role, m.queues.compile.QueueArn())
	allow(role, []string{"dynamodb:GetItem", "dynamodb:Query"}, m.table.TableArn())
	m.grantRead(role)
	m.grantWrite(role, "meshes/*", "names/*")
	m.grantEvents(role)
}

// grantRegister: as compile, and instances, Cloud Map and tasks.
func (m *mesh) grantRegister(role awsiam.IRole) {
	m.grantConsume(role, m.queues.register.QueueArn(), m.queues.tasks.QueueArn())
	allow(role, readRows, m.table.TableArn())
	m.grantInstances(role)
	m.grantRead(role)
	m.grantWrite(role, "meshes/*")
	m.grantEvents(role)
	m.grantCloudMap(role)
	allow(role, []string{"ecs:ListTasks"}, jsii.String("*"))
	allow(role, []string{"ecs:DescribeTasks", "ecs:DescribeServices"}, m.arn("ecs", "task/*"), m.arn("ecs", "service/*"))
}

// grantSweep: asks for another look, remembers what it told of, and alone may delete from the bucket.
func (m *mesh) grantSweep(role awsiam.IRole) {
	allow(role, readRows, m.table.TableArn())
	m.grantRead(role)
	m.grantWrite(role, "meshes/*/converged")
	allow(role, []string{"s3:DeleteObject"}, m.bucket.ArnForObjects(jsii.String("meshes/*")))
	allow(role, []string{"sqs:SendMessage"}, m.queues.compile.QueueArn(), m.queues.register.QueueArn())
	m.grantEvents(role)
}

// grantRelay: reads logs, writes its status and, the first one, the CA's certificate.
func (m *mesh) grantRelay(role awsiam.IRole) {
	m.grantRead(role)
	m.grantWrite(role, "meshes/*/status/*", "relay/ca.pem")
	m.grantEvents(role)
	allow(role, []string{"kms:GetPublicKey"}, m.tokenKey.KeyArn())
	allow(role, []string{"kms:Sign", "kms:GetPublicKey"}, m.relayCAKey.KeyArn())
}

// mark is the tag of services that Ownmesh made in Cloud Map.
const mark = "ownmesh:mesh"

// grantCloudMap: reads all, and changes only services that carry our tag. Registering changes the private zone's records
// with the caller's own rights: Cloud Map has Route 53 check them.
func (m *mesh) grantCloudMap(role awsiam.IRole) {
	services, namespaces := m.arn("servicediscovery", "service/*"), m.arn("servicediscovery", "namespace/*")
	allow(role, []string{"servicediscovery:ListNamespaces", "servicediscovery:ListServices"}, jsii.String("*"))
	allow(role, []string{"servicediscovery:ListInstances", "servicediscovery:GetInstancesHealthStatus", "servicediscovery:ListTagsForResource"}, services)
	allowIf(role, &map[string]any{"Null": map[string]any{"aws:RequestTag/" + mark: "false"}},
		[]string{"servicediscovery:CreateService", "servicediscovery:TagResource"}, namespaces, services)
	allowIf(role, &map[string]any{"Null": map[string]any{"aws:ResourceTag/" + mark: "false"}},
		[]string{"servicediscovery:RegisterInstance", "servicediscovery:DeregisterInstance", "servicediscovery:DeleteService"}, services)
	zones := jsii.String("arn:" + *m.Partition() + ":route53:::hostedzone/*")
	allow(role, []string{"route53:GetHostedZone", "route53:ChangeResourceRecordSets"}, zones)
}

func (m *mesh) grantInstances(role awsiam.IRole) {
	allow(role, []string{"dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"},
		m.instances.TableArn())
}

// grantRead lets a role read objects, and list them: without that S3 says 403 of what isn't there.
func (m *mesh) grantRead(role awsiam.IRole) {
	allow(role, []string{"s3:ListBucket"}, m.bucket.BucketArn())
	allow(role, []string{"s3:GetObject"}, m.bucket.ArnForObjects(jsii.String("*")))
}

func (m *mesh) grantWrite(role awsiam.IRole, patterns ...string) {
	for _, p := range patterns {
		allow(role, []string{"s3:PutObject"}, m.bucket.ArnForObjects(jsii.String(p)))
	}
}

func (m *mesh) grantEvents(role awsiam.IRole) {
	allow(role, []string{"events:PutEvents"}, m.bus.EventBusArn())
}

func (m *mesh) grantConsume(role awsiam.IRole, queues ...*string) {
	allow(role, []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"}, queues...)
}
