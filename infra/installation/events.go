package installation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdaeventsources"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// source is what Ownmesh's events carry, and detailRejected the type of those that tell of a NACK.
const (
	source         = "ownmesh"
	detailRejected = "Proxy Rejected Configuration"
)

// makeBus makes Ownmesh's own bus. All that passes is kept in a log group for a while: it is the mesh's history, and
// what the alarm on refused configuration counts.
func (m *mesh) makeBus() {
	m.bus = awsevents.NewEventBus(m.Stack, jsii.String("Bus"), &awsevents.EventBusProps{
		EventBusName: jsii.String(m.o.Name), Description: jsii.String("Ownmesh: what happens to meshes and their proxies"),
	})
	m.eventLog = m.log("EventLog", "events")
	// The target is named without the ":*" that the group's own ARN ends with.
	rule := awsevents.NewCfnRule(m.Stack, jsii.String("KeepEvents"), &awsevents.CfnRuleProps{
		Name:         m.named("keep-events"),
		EventBusName: m.bus.EventBusName(),
		EventPattern: map[string]any{"source": []string{source}},
		Targets:      &[]any{&awsevents.CfnRule_TargetProperty{Arn: m.arn("logs", "log-group:"+*m.eventLog.LogGroupName()), Id: jsii.String("log")}},
	})
	// EventBridge writes to log groups by a policy of CloudWatch Logs, not by a role. The policy names this group alone.
	policy := awslogs.NewCfnResourcePolicy(m.Stack, jsii.String("EventLogPolicy"), &awslogs.CfnResourcePolicyProps{
		PolicyName: m.named("events-" + *m.Region()),
		PolicyDocument: m.ToJsonString(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect":    "Allow",
			"Principal": map[string]any{"Service": []string{"events.amazonaws.com", "delivery.logs.amazonaws.com"}},
			"Action":    []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			"Resource":  m.eventLog.LogGroupArn(),
		}}}, nil),
	})
	rule.AddResourceDependency(policy, nil)
}

// makeTriggers connects what happens with the functions that it wakes.
func (m *mesh) makeTriggers() {
	m.makeStreamMapping()
	queue := func(id string, function awslambda.Function, props awslambda.EventSourceMappingOptions) {
		props.ReportBatchItemFailures = jsii.Bool(true)
		mapping := awslambda.NewEventSourceMapping(m.Stack, jsii.String(id), mappingProps(function, props))
		mapping.Node().AddDependency(function.Role()) // Lambda looks whether the role may read the queue
	}
	meshes := jsii.Number(m.o.CompileConcurrency)
	queue("CompileMapping", m.functions["compile"], awslambda.EventSourceMappingOptions{
		EventSourceArn: m.queues.compile.QueueArn(), BatchSize: jsii.Number(10), MaxConcurrency: meshes,
	})
	queue("RegisterMapping", m.functions["register"], awslambda.EventSourceMappingOptions{
		EventSourceArn: m.queues.register.QueueArn(), BatchSize: jsii.Number(10), MaxConcurrency: meshes,
	})
	// Few handlers and large batches: a deployment of 200 tasks becomes a handful of log objects.
	queue("TasksMapping", m.functions["register"], awslambda.EventSourceMappingOptions{
		EventSourceArn: m.queues.tasks.QueueArn(), BatchSize: jsii.Number(500), MaxConcurrency: jsii.Number(2),
		MaxBatchingWindow: awscdk.Duration_Seconds(jsii.Number(2)),
	})
	m.makeTaskRule()
	awsevents.NewRule(m.Stack, jsii.String("SweepSchedule"), &awsevents.RuleProps{
		RuleName:    m.named("sweep"),
		Description: jsii.String("Ownmesh: each minute"),
		Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(1))),
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(m.functions["sweep"], &awseventstargets.LambdaFunctionProps{
			RetryAttempts: jsii.Number(0), MaxEventAge: awscdk.Duration_Minutes(jsii.Number(1)), // the next minute comes anyway
		})},
	})
}

// makeStreamMapping has dispatch read the table's stream: rows of meshes and of the journal alone. A batch that fails is
// halved and tried again, a few times; what is left goes to the poison queue.
func (m *mesh) makeStreamMapping() {
	exists := func(attribute, kind string) *map[string]any {
		return awslambda.FilterCriteria_Filter(&map[string]any{"dynamodb": map[string]any{"NewImage": map[string]any{
			attribute: map[string]any{kind: awslambda.FilterRule_Exists()}}}})
	}
	mapping := awslambda.NewEventSourceMapping(m.Stack, jsii.String("StreamMapping"), mappingProps(m.functions["dispatch"],
		awslambda.EventSourceMappingOptions{
			EventSourceArn:          m.table.TableStreamArn(),
			StartingPosition:        awslambda.StartingPosition_TRIM_HORIZON,
			BatchSize:               jsii.Number(100),
			BisectBatchOnError:      jsii.Bool(true),
			RetryAttempts:           jsii.Number(attempts),
			ReportBatchItemFailures: jsii.Bool(true),
			OnFailure:               awslambdaeventsources.NewSqsDlq(m.queues.poison),
			Filters:                 &[]*map[string]any{exists("generation", "N"), exists("entry", "S")},
		}))
	mapping.Node().AddDependency(m.functions["dispatch"].Role())
}

// makeTaskRule puts what ECS says of tasks on a queue. What EventBridge can't put there ends where messages end that
// can't be handled.
func (m *mesh) makeTaskRule() {
	pattern := &awsevents.EventPattern{Source: jsii.Strings("aws.ecs"), DetailType: jsii.Strings("ECS Task State Change")}
	if len(m.o.TaskClusters) > 0 {
		pattern.Detail = &map[string]any{"clusterArn": m.o.TaskClusters}
	}
	awsevents.NewRule(m.Stack, jsii.String("TaskEvents"), &awsevents.RuleProps{
		RuleName:     m.named("task-events"),
		Description:  jsii.String("Ownmesh: tasks that start and stop"),
		EventPattern: pattern,
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewSqsQueue(m.queues.tasks, &awseventstargets.SqsQueueProps{
			DeadLetterQueue: m.queues.tasksDead,
		})},
	})
}

func mappingProps(function awslambda.Function, o awslambda.EventSourceMappingOptions) *awslambda.EventSourceMappingProps {
	return &awslambda.EventSourceMappingProps{
		Target: function, EventSourceArn: o.EventSourceArn, StartingPosition: o.StartingPosition, BatchSize: o.BatchSize,
		BisectBatchOnError: o.BisectBatchOnError, RetryAttempts: o.RetryAttempts, MaxConcurrency: o.MaxConcurrency,
		ReportBatchItemFailures: o.ReportBatchItemFailures, OnFailure: o.OnFailure, Filters: o.Filters,
		MaxBatchingWindow: o.MaxBatchingWindow,
	}
}
