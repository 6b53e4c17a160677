package installation_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
)

type object = map[string]any

func TestMeshesAreStreamedAndInstancesAreNot(t *testing.T) {
	tpl := standard()
	_, meshes := tpl.one(t, "AWS::DynamoDB::Table", "Meshes")
	_, instances := tpl.one(t, "AWS::DynamoDB::Table", "Instances")
	if got := text(meshes.Properties["StreamSpecification"]); got != `{"StreamViewType":"NEW_AND_OLD_IMAGES"}` {
		t.Errorf("meshes: stream %s", got)
	}
	if instances.Properties["StreamSpecification"] != nil {
		t.Error("instances are streamed: each task would wake the compiler")
	}
	if got := text(instances.Properties["TimeToLiveSpecification"]); got != `{"AttributeName":"expires","Enabled":true}` {
		t.Errorf("instances: time to live %s", got)
	}
	for name, table := range map[string]resource{"meshes": meshes, "instances": instances} {
		p := table.Properties
		if p["BillingMode"] != "PAY_PER_REQUEST" || p["DeletionProtectionEnabled"] != true || table.DeletionPolicy != "Retain" ||
			text(p["PointInTimeRecoverySpecification"]) != `{"PointInTimeRecoveryEnabled":true}` {
			t.Errorf("%s: on demand, protected, kept and recoverable: %s %s", name, table.DeletionPolicy, text(p))
		}
	}
	if got := text(meshes.Properties["AttributeDefinitions"]); got != `[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"B"}]` {
		t.Errorf("meshes: keys %s", got)
	}
}

func TestTheBucketKeepsLogsAsTheyAre(t *testing.T) {
	tpl := standard()
	_, bucket := tpl.one(t, "AWS::S3::Bucket", "Artifacts")
	p := bucket.Properties
	if p["VersioningConfiguration"] != nil {
		t.Error("versioned: a delete marker would let a second object follow the same position")
	}
	if p["LifecycleConfiguration"] != nil {
		t.Error("a lifecycle rule would delete what relays start from")
	}
	if p["BucketEncryption"] == nil || bucket.DeletionPolicy != "Retain" {
		t.Errorf("encrypted and kept: %s %s", bucket.DeletionPolicy, text(p))
	}
	if got := text(p["PublicAccessBlockConfiguration"]); strings.Count(got, "true") != 4 {
		t.Errorf("public access: %s", got)
	}
	_, policy := tpl.one(t, "AWS::S3::BucketPolicy", "Artifacts")
	if got := text(policy.Properties); !strings.Contains(got, `"aws:SecureTransport":"false"`) || !strings.Contains(got, `"Deny"`) {
		t.Errorf("not TLS only: %s", got)
	}
}

func TestEveryPathOfTheAPIWantsASignature(t *testing.T) {
	methods := standard().of("AWS::ApiGateway::Method")
	if len(methods) != 1 {
		t.Errorf("%d methods, want one for all paths", len(methods))
	}
	for id, m := range methods {
		if m.Properties["AuthorizationType"] != "AWS_IAM" || m.Properties["HttpMethod"] != "ANY" {
			t.Errorf("%s: %s", id, text(m.Properties))
		}
	}
	standard().has(t, "AWS::ApiGateway::Resource", &object{"PathPart": "{proxy+}"})
}

func TestFunctionsAreSmallAndTheirLogsEnd(t *testing.T) {
	tpl := standard()
	functions := tpl.of("AWS::Lambda::Function")
	if len(functions) != 5 {
		t.Errorf("%d functions, want 5 and no custom resources", len(functions))
	}
	for id, f := range functions {
		if f.Properties["Runtime"] != "provided.al2023" || text(f.Properties["Architectures"]) != `["arm64"]` || f.Properties["Handler"] != "bootstrap" {
			t.Errorf("%s: %s", id, text(f.Properties))
		}
		if f.Properties["LoggingConfig"] == nil {
			t.Errorf("%s logs to a group that AWS makes, and never ends", id)
		}
	}
	for id, g := range tpl.of("AWS::Logs::LogGroup") {
		if g.Properties["RetentionInDays"] != 30.0 {
			t.Errorf("%s keeps logs for %v days", id, g.Properties["RetentionInDays"])
		}
	}
}

// variables is the contract: what each part reads.
var variables = map[string][]string{
	"Api":      {"OWNMESH_ACCOUNT", "OWNMESH_BUCKET", "OWNMESH_INSTANCES_TABLE", "OWNMESH_LOG_LEVEL", "OWNMESH_REGISTER_QUEUE", "OWNMESH_RELAY", "OWNMESH_TABLE", "OWNMESH_TOKEN_KEY"},
	"Dispatch": {"OWNMESH_BUS", "OWNMESH_COMPILE_QUEUE", "OWNMESH_LOG_LEVEL", "OWNMESH_POISON_QUEUE", "OWNMESH_REGISTER_QUEUE", "OWNMESH_TABLE"},
	"Compile":  {"OWNMESH_BUCKET", "OWNMESH_BUS", "OWNMESH_LOG_LEVEL", "OWNMESH_TABLE"},
	"Register": {"OWNMESH_BUCKET", "OWNMESH_BUS", "OWNMESH_INSTANCES_TABLE", "OWNMESH_LOG_LEVEL", "OWNMESH_TABLE"},
	"Sweep":    {"OWNMESH_BUCKET", "OWNMESH_BUS", "OWNMESH_COMPILE_QUEUE", "OWNMESH_LOG_LEVEL", "OWNMESH_REGISTER_QUEUE", "OWNMESH_TABLE"},
}

func TestFunctionsGetTheirVariables(t *testing.T) {
	for name, want := range variables {
		_, f := standard().one(t, "AWS::Lambda::Function", name+"Function")
		var got []string
		for v := range f.Properties["Environment"].(object)["Variables"].(object) {
			got = append(got, v)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s reads %v, want %v", name, got, want)
		}
	}
}

func TestQueuesGiveUpInTheEndAndKeepMeshesInOrder(t *testing.T) {
	tpl := standard()
	for queue, fn := range map[string]string{"CompileQueue": "Compile", "RegisterQueue": "Register", "TasksQueue": "Register"} {
		_, q := tpl.one(t, "AWS::SQS::Queue", queue)
		_, f := tpl.one(t, "AWS::Lambda::Function", fn+"Function")
		if got, want := q.Properties["VisibilityTimeout"].(float64), 6*f.Properties["Timeout"].(float64); got != want {
			t.Errorf("%s: visibility timeout %v, want six times the function's: %v", queue, got, want)
		}
		if got := text(q.Properties["RedrivePolicy"]); !strings.Contains(got, `"maxReceiveCount":5`) {
			t.Errorf("%s: %s", queue, got)
		}
		if fifo := q.Properties["FifoQueue"] == true; fifo == (queue == "TasksQueue") {
			t.Errorf("%s: FIFO is %v", queue, fifo)
		}
	}
	for id, q := range tpl.of("AWS::SQS::Queue") {
		if q.Properties["SqsManagedSseEnabled"] != true {
			t.Errorf("%s is not encrypted", id)
		}
	}
}

func TestTheStreamMappingGivesUpInTheEnd(t *testing.T) {
	_, m := standard().one(t, "AWS::Lambda::EventSourceMapping", "StreamMapping")
	p := m.Properties
	if p["MaximumRetryAttempts"] != 5.0 || p["BisectBatchOnFunctionError"] != true || text(p["FunctionResponseTypes"]) != `["ReportBatchItemFailures"]` {
		t.Errorf("mapping: %s", text(p))
	}
	if got := text(p["DestinationConfig"]); !strings.Contains(got, "Poison") {
		t.Errorf("what is left goes to %s", got)
	}
	if got := text(p["FilterCriteria"]); !strings.Contains(got, `generation`) || !strings.Contains(got, `entry`) {
		t.Errorf("filter: %s", got)
	}
	for id, m := range standard().of("AWS::Lambda::EventSourceMapping") {
		if text(m.Properties["FunctionResponseTypes"]) != `["ReportBatchItemFailures"]` {
			t.Errorf("%s: one message that fails would fail its batch", id)
		}
	}
}

func TestRelaysAreReachedByNamedSecurityGroupsAlone(t *testing.T) {
	for name, c := range map[string]struct {
		template
		groups int
	}{"standard": {standard(), 1}, "existing": {existing(), 3}} {
		_, group := c.one(t, "AWS::EC2::SecurityGroup", "RelayGroup")
		rules := list(group.Properties["SecurityGroupIngress"])
		if len(rules) != c.groups {
			t.Errorf("%s: %d rules, want %d", name, len(rules), c.groups)
		}
		for _, r := range rules {
			rule := r.(object)
			if rule["SourceSecurityGroupId"] == nil || rule["CidrIp"] != nil || rule["FromPort"] != 15010.0 || rule["ToPort"] != 15010.0 {
				t.Errorf("%s: %s", name, text(rule))
			}
		}
		if len(c.of("AWS::EC2::SecurityGroupIngress")) > 0 {
			t.Errorf("%s: rules besides", name)
		}
		for id, g := range c.of("AWS::EC2::SecurityGroup") {
			if got := text(g.Properties["SecurityGroupIngress"]); strings.Contains(got, "0.0.0.0/0") {
				t.Errorf("%s: %s is open to all", name, id)
			}
		}
	}
}

func TestRelaysRunInTwoZonesAndAreFoundByName(t *testing.T) {
	tpl := standard()
	_, service := tpl.one(t, "AWS::ECS::Service", "Relay")
	network := service.Properties["NetworkConfiguration"].(object)["AwsvpcConfiguration"].(object)
	if len(list(network["Subnets"])) != 2 || network["AssignPublicIp"] != "DISABLED" {
		t.Errorf("network: %s", text(network))
	}
	if service.Properties["LaunchType"] != "FARGATE" {
		t.Errorf("service: %s", text(service.Properties))
	}
	// A count in the template would take back, at each deployment, what autoscaling added.
	if got := service.Properties["DesiredCount"]; got != nil {
		t.Errorf("the template says how many: %v", got)
	}
	tpl.has(t, "AWS::ApplicationAutoScaling::ScalableTarget", &object{"MinCapacity": 2, "MaxCapacity": 10})
	_, found := tpl.one(t, "AWS::ServiceDiscovery::Service", "Relay")
	if found.Properties["Name"] != "relay" {
		t.Errorf("found as %v", found.Properties["Name"])
	}
	_, api := tpl.one(t, "AWS::Lambda::Function", "ApiFunction")
	if got := text(api.Properties["Environment"]); !strings.Contains(got, `"OWNMESH_RELAY":"relay.ownmesh.internal:15010"`) {
		t.Errorf("the API tells sidecars %s", got)
	}
	_, task := tpl.one(t, "AWS::ECS::TaskDefinition", "RelayTask")
	if got := text(task.Properties["RuntimePlatform"]); !strings.Contains(got, "ARM64") {
		t.Errorf("platform: %s", got)
	}
	for _, want := range []string{"OWNMESH_BUCKET", "OWNMESH_BUS", "OWNMESH_RELAY", "OWNMESH_TOKEN_KEY", "OWNMESH_RELAY_CA_KEY"} {
		if !strings.Contains(text(task.Properties["ContainerDefinitions"]), `"Name":"`+want+`"`) {
			t.Errorf("the relay lacks %s", want)
		}
	}
	tpl.count(t, "AWS::ApplicationAutoScaling::ScalingPolicy", 2)
	tpl.has(t, "AWS::ApplicationAutoScaling::ScalingPolicy", &object{
		"TargetTrackingScalingPolicyConfiguration": object{"CustomizedMetricSpecification": object{"MetricName": "RelayStreams", "Statistic": "Average"}, "TargetValue": 2000},
	})
}

// TestRelaysStartOnceTheyCan: what leads out of a new VPC takes minutes to make, and tasks that fail meanwhile take the
// deployment back.
func TestRelaysStartOnceTheyCan(t *testing.T) {
	for name, c := range map[string]struct {
		template
		ways []string // prefixes of logical ids
	}{
		"nat":       {standard(), []string{"RelayExecutionRoleDefaultPolicy", "RelayTaskTaskRoleDefaultPolicy", "VpcprivateSubnet1DefaultRoute", "VpcprivateSubnet2DefaultRoute"}},
		"public":    {public(), []string{"RelayExecutionRoleDefaultPolicy", "VpcpublicSubnet1DefaultRoute", "VpcpublicSubnet2DefaultRoute"}},
		"endpoints": {isolated(), []string{"RelayExecutionRoleDefaultPolicy", "VpcEcr", "VpcEcrDocker", "VpcLogs", "VpcKms", "VpcEvents"}},
		"existing":  {existing(), []string{"RelayExecutionRoleDefaultPolicy"}},
	} {
		_, service := c.one(t, "AWS::ECS::Service", "Relay")
		for _, way := range c.ways {
			if !slices.ContainsFunc(service.DependsOn, func(id string) bool { return strings.HasPrefix(id, way) }) {
				t.Errorf("%s: relays don't wait for %s: %v", name, way, service.DependsOn)
			}
		}
	}
}

// TestRelaysSayHowTheyAre: at a level above info no line would be there to make metrics of.
func TestRelaysSayHowTheyAre(t *testing.T) {
	for name, tpl := range map[string]template{"info": standard(), "error": existing()} {
		_, task := tpl.one(t, "AWS::ECS::TaskDefinition", "RelayTask")
		if got := text(task.Properties["ContainerDefinitions"]); !strings.Contains(got, `{"Name":"OWNMESH_LOG_LEVEL","Value":"info"}`) {
			t.Errorf("logLevel=%s: %s", name, got)
		}
	}
	existing().has(t, "AWS::Lambda::Function", &object{"Environment": object{"Variables": object{"OWNMESH_LOG_LEVEL": "error"}}})
}

// TestRelaysImageMayBePulled: from ECR, where ECS takes it with the right of the task's execution role.
func TestRelaysImageMayBePulled(t *testing.T) {
	for _, s := range public().statements() {
		if strings.HasPrefix(s.in, "RelayExecutionRole") && slices.Contains(s.actions, "ecr:BatchGetImage") && strings.Contains(text(s.resources), ":ecr:eu-west-1:111122223333:repository/ownmesh/relay") {
			return
		}
	}
	t.Error("the execution role may not pull relayImage")
}

func TestTasksOfECSAreHeard(t *testing.T) {
	standard().has(t, "AWS::Events::Rule", &object{
		"EventPattern": object{"source": []any{"aws.ecs"}, "detail-type": []any{"ECS Task State Change"}},
	})
	standard().has(t, "AWS::Events::Rule", &object{"ScheduleExpression": "rate(1 minute)"})
	existing().has(t, "AWS::Events::Rule", &object{
		"EventPattern": object{"detail": object{"clusterArn": []any{"arn:aws:ecs:eu-west-1:123456789012:cluster/shop"}}},
	})
}

func TestWhatIsThereIsUsed(t *testing.T) {
	tpl := existing()
	for _, kind := range []string{"AWS::EC2::VPC", "AWS::EC2::NatGateway", "AWS::ECS::Cluster", "AWS::ServiceDiscovery::PrivateDnsNamespace"} {
		tpl.count(t, kind, 0)
	}
	tpl.has(t, "AWS::ECS::Service", &object{"Cluster": "mine",
		"NetworkConfiguration": object{"AwsvpcConfiguration": object{"Subnets": []any{"subnet-0123456789abcdef0", "subnet-0123456789abcdef1"}}}})
	tpl.has(t, "AWS::ServiceDiscovery::Service", &object{"NamespaceId": "ns-abc"})
	tpl.has(t, "AWS::Lambda::Function", &object{"FunctionName": "third-api", "ReservedConcurrentExecutions": 20,
		"Environment": object{"Variables": object{"OWNMESH_RELAY": "relay.corp.internal:15010"}}})
	tpl.all(t, "AWS::CloudWatch::Alarm", &object{"AlarmActions": []any{"arn:aws:sns:eu-west-1:123456789012:oncall"}})
	for id, table := range tpl.of("AWS::DynamoDB::Table") {
		if table.DeletionPolicy != "Delete" || table.Properties["DeletionProtectionEnabled"] != false {
			t.Errorf("removal=destroy: %s is kept", id)
		}
	}
}

func TestWaysOutOfANewVPC(t *testing.T) {
	for _, c := range []struct {
		name                      string
		template                  template
		nat, interfaces, gateways int
		publicIP                  string
	}{
		{"nat", standard(), 1, 0, 1, "DISABLED"},
		{"public", public(), 0, 0, 1, "ENABLED"},
		{"endpoints", isolated(), 0, 5, 0, "DISABLED"}, // no way to the internet at all
	} {
		t.Run(c.name, func(t *testing.T) {
			c.template.count(t, "AWS::EC2::NatGateway", c.nat)
			c.template.count(t, "AWS::EC2::InternetGateway", c.gateways)
			c.template.count(t, "AWS::EC2::VPCEndpoint", c.interfaces+1) // and S3's, which is a gateway
			_, service := c.template.one(t, "AWS::ECS::Service", "Relay")
			if got := text(service.Properties["NetworkConfiguration"]); !strings.Contains(got, `"AssignPublicIp":"`+c.publicIP+`"`) {
				t.Errorf("network: %s", got)
			}
		})
	}
}

// reference tells a name that is another resource's, or made by CloudFormation.
func reference(v any) bool {
	m, ok := v.(object)
	return ok && (m["Ref"] != nil || m["Fn::GetAtt"] != nil)
}

// TestTwoInstallationsDoNotMeet: no name that AWS wants to be unique is in both.
func TestTwoInstallationsDoNotMeet(t *testing.T) {
	names := func(tpl template) map[string]bool {
		found := map[string]bool{}
		for _, r := range tpl.Resources {
			for _, property := range []string{"FunctionName", "QueueName", "TableName", "BucketName", "Name", "LogGroupName", "AliasName", "AlarmName", "RoleName", "ManagedPolicyName", "ClusterName", "DashboardName", "PolicyName"} {
				if v := r.Properties[property]; v != nil && !reference(v) && r.Type != "AWS::ServiceDiscovery::Service" && r.Type != "AWS::IAM::Policy" {
					found[r.Type+" "+text(v)] = true
				}
			}
		}
		return found
	}
	second := names(second())
	for name := range names(standard()) {
		if second[name] {
			t.Errorf("both have %s", name)
		}
	}
}

func TestTheLocalTemplateHasOnlyWhatEmulatorsKnow(t *testing.T) {
	tpl := local()
	for _, kind := range []string{"AWS::EC2::NatGateway", "AWS::EC2::EIP", "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy", "AWS::EC2::SecurityGroupIngress"} {
		tpl.count(t, kind, 0)
	}
	tpl.all(t, "AWS::Lambda::Function", &object{"Architectures": []any{"x86_64"}})
	if _, found := tpl.Resources["CheckBootstrapVersion"]; found {
		t.Error("wants a bootstrap stack")
	}
}

func TestAlarmsSayWhatToDo(t *testing.T) {
	alarms := standard().of("AWS::CloudWatch::Alarm")
	var names []string
	for id, a := range alarms {
		names = append(names, strings.TrimPrefix(a.Properties["AlarmName"].(string), "ownmesh-"))
		if d := a.Properties["AlarmDescription"].(string); len(d) < 60 {
			t.Errorf("%s: %q says too little", id, d)
		}
	}
	docs, err := os.ReadFile(filepath.Join("../../docs/aws/troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.Contains(string(docs), "`"+name+"`") {
			t.Errorf("docs/aws/troubleshooting.md says nothing of the alarm %s", name)
		}
	}
	for _, want := range []string{"poison", "compile-failing", "compile-late", "compile-dead", "register-dead", "relay-behind", "relay-silent", "configuration-rejected", "api-errors"} {
		if !slices.Contains(names, want) {
			t.Errorf("no alarm %s among %v", want, names)
		}
	}
}

// TestRefusedConfigurationIsCountedByTheEventsOwnName: the metric's pattern is what the sample of the event carries.
func TestRefusedConfigurationIsCountedByTheEventsOwnName(t *testing.T) {
	sample, err := os.ReadFile("../../events/testdata/proxy-rejected-configuration.json")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(sample), `"Proxy Rejected Configuration"`) || !strings.Contains(string(sample), `"ownmesh"`) {
		t.Errorf("the sample carries another type or source: %s", sample)
	}
	standard().has(t, "AWS::Logs::MetricFilter", &object{
		"FilterPattern": assertions.Match_StringLikeRegexp(jsii.String(`detail-type = "Proxy Rejected Configuration"`)),
	})
	standard().has(t, "AWS::Events::Rule", &object{"EventPattern": object{"source": []any{"ownmesh"}}})
}
