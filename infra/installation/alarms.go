package installation

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// alarm is something that a person should look at: what it means is in its description, with what to do.
type alarm struct {
	name      string
	metric    awscloudwatch.IMetric
	above     float64
	of        float64 // minutes that are looked at
	atLeast   float64 // of which so many must be above
	missing   awscloudwatch.TreatMissingData
	means     string
	whatToDo  string
	belowThis bool // compare with < instead
}

// alarms are in the order of the flow.
func (m *mesh) alarms() []alarm {
	quiet := awscloudwatch.TreatMissingData_NOT_BREACHING
	list := []alarm{
		{name: "api-errors", metric: m.api.MetricServerError(metricOf("Sum", 1)), above: 0, of: 5, atLeast: 2, missing: quiet,
			means: "The API answered with 5xx.", whatToDo: "See the log group of the function api."},
		{name: "dispatch-late", metric: m.functions["dispatch"].Metric(jsii.String("IteratorAge"), metricOf("Maximum", 1)), above: 60_000, of: 5, atLeast: 3, missing: quiet,
			means: "Changes wait for more than a minute in the table's stream: no mesh is told of its changes.", whatToDo: "See the log group of the function dispatch."},
		{name: "poison", metric: waiting(m.queues.poison), above: 0, of: 1, atLeast: 1, missing: quiet,
			means: "A stream record could not be understood or handled, and was set aside with its cause.", whatToDo: "Read the poison queue; the sweep repairs the mesh within five minutes."},
	}
	for _, name := range []string{"compile", "register"} {
		queue, dead := m.queues.compile, m.queues.compileDead
		if name == "register" {
			queue, dead = m.queues.register, m.queues.registerDead
		}
		list = append(list,
			alarm{name: name + "-failing", metric: m.functions[name].MetricErrors(metricOf("Sum", 1)), above: 0, of: 5, atLeast: 3, missing: quiet,
				means: "The function " + name + " failed in three of five minutes.", whatToDo: "See its log group."},
			alarm{name: name + "-late", metric: oldest(queue), above: 120, of: 3, atLeast: 3, missing: quiet,
				means: "A mesh has waited for " + name + " for more than two minutes.", whatToDo: "See the function's log group; one mesh that fails holds up no other."},
			alarm{name: name + "-dead", metric: waiting(dead), above: 0, of: 1, atLeast: 1, missing: quiet,
				means: fmt.Sprintf("A message of %s failed %d times.", name, attempts), whatToDo: "See the function's log group; the sweep asks again every five minutes, so the message itself may be deleted."})
	}
	list = append(list,
		alarm{name: "tasks-late", metric: oldest(m.queues.tasks), above: 60, of: 3, atLeast: 3, missing: quiet,
			means: "Tasks that started or stopped are not known to the mesh after a minute.", whatToDo: "See the log group of the function register."},
		alarm{name: "tasks-dead", metric: waiting(m.queues.tasksDead), above: 0, of: 1, atLeast: 1, missing: quiet,
			means: "A task event could not be handled.", whatToDo: "See the log group of the function register; the sweep repairs what it missed."},
		alarm{name: "sweep-failing", metric: m.functions["sweep"].MetricErrors(metricOf("Sum", 5)), above: 2, of: 3, atLeast: 3, missing: quiet,
			means: "The sweep, which repairs what got lost, fails.", whatToDo: "See its log group."},
		alarm{name: "collect-failing", metric: m.functions["sweep"].MetricErrors(metricOf("Sum", 60)), above: 0, of: 3, atLeast: 3, missing: quiet,
			means: "The sweep has failed in each of three hours: what nobody needs any more may not be deleted.", whatToDo: "See its log group, at 17 minutes past an hour."},
		alarm{name: "relay-behind", metric: m.logMetric(metricBehind, "Maximum"), above: 60, of: 3, atLeast: 3, missing: quiet,
			means: "A relay has not read what is published for more than a minute: proxies keep their last configuration.", whatToDo: "See the relay's log group: S3's answers are there."},
		alarm{name: "relay-silent", metric: m.logMetric(metricStreams, "SampleCount"), above: 1, of: 5, atLeast: 5, belowThis: true,
			missing: awscloudwatch.TreatMissingData_BREACHING,
			means:   "No relay has said how it is for five minutes.", whatToDo: "See the ECS service's events: tasks that don't start say why. Running proxies keep their configuration."},
		alarm{name: "configuration-rejected", metric: m.logMetric(metricRejected, "Sum"), above: 0, of: 1, atLeast: 1, missing: quiet,
			means: "A proxy refused configuration (NACK).", whatToDo: "`ownmesh status` says which proxy, resource and generation, and Envoy's reason."},
	)
	return list
}

// makeAlarms makes the alarms, and the dashboard that shows what they look at.
func (m *mesh) makeAlarms() {
	m.makeLogMetrics()
	var topic awssns.ITopic
	if m.o.AlarmTopicARN != "" {
		topic = awssns.Topic_FromTopicArn(m.Stack, jsii.String("AlarmTopic"), jsii.String(m.o.AlarmTopicARN))
	}
	var made []interfacesawscloudwatch.IAlarmRef
	for _, a := range m.alarms() {
		comparison := awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD
		if a.belowThis {
			comparison = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
		}
		alarm := awscloudwatch.NewAlarm(m.Stack, jsii.String("Alarm-"+a.name), &awscloudwatch.AlarmProps{
			AlarmName: m.named(a.name), AlarmDescription: jsii.String(a.means + " " + a.whatToDo + " docs/aws/troubleshooting.md has more."),
			Metric: a.metric, Threshold: jsii.Number(a.above), EvaluationPeriods: jsii.Number(a.of), DatapointsToAlarm: jsii.Number(a.atLeast),
			ComparisonOperator: comparison, TreatMissingData: a.missing,
		})
		if topic != nil {
			alarm.AddAlarmAction(awscloudwatchactions.NewSnsAction(topic))
		}
		made = append(made, alarm)
	}
	m.makeDashboard(made)
}
