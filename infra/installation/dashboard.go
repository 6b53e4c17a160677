package installation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// makeDashboard shows the flow from the top: what was asked for, what waits, what was made of it, who serves it.
func (m *mesh) makeDashboard(alarms []interfacesawscloudwatch.IAlarmRef) {
	board := awscloudwatch.NewDashboard(m.Stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DashboardName: jsii.String("ownmesh-" + m.o.Name + "-" + *m.Region()),
	})
	graph := func(title string, left ...awscloudwatch.IMetric) awscloudwatch.IWidget {
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: jsii.String(title), Width: jsii.Number(8), Left: &left})
	}
	f := m.functions
	board.AddWidgets(awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
		Title: jsii.String("Alarms"), Width: jsii.Number(24), Alarms: &alarms,
	}))
	board.AddWidgets(
		graph("API: requests, 4xx, 5xx", m.api.MetricCount(metricOf("Sum", 1)), m.api.MetricClientError(metricOf("Sum", 1)), m.api.MetricServerError(metricOf("Sum", 1))),
		graph("API: latency in ms", m.api.MetricLatency(metricOf("p50", 1)), m.api.MetricLatency(metricOf("p99", 1))),
		graph("Stream: age in ms", f["dispatch"].Metric(jsii.String("IteratorAge"), metricOf("Maximum", 1))),
	)
	board.AddWidgets(
		graph("Waiting: age of the oldest in s", oldest(m.queues.compile), oldest(m.queues.register), oldest(m.queues.tasks)),
		graph("Compile and register: ms", f["compile"].MetricDuration(metricOf("p99", 1)), f["register"].MetricDuration(metricOf("p99", 1))),
		graph("Errors", f["api"].MetricErrors(metricOf("Sum", 1)), f["dispatch"].MetricErrors(metricOf("Sum", 1)), f["compile"].MetricErrors(metricOf("Sum", 1)),
			f["register"].MetricErrors(metricOf("Sum", 1)), f["sweep"].MetricErrors(metricOf("Sum", 1))),
	)
	board.AddWidgets(
		graph("Relays: proxies served", m.relayStreams("Sum"), m.relayStreams("Average")),
		graph("Relays: behind in s; configuration refused", m.logMetric(metricBehind, "Maximum"), m.logMetric(metricRejected, "Sum")),
		graph("Relays: CPU and memory in percent", m.relay.MetricCpuUtilization(metricOf("Maximum", 1)), m.relay.MetricMemoryUtilization(metricOf("Maximum", 1))),
	)
	board.AddWidgets(graph("Set aside", waiting(m.queues.poison), waiting(m.queues.compileDead), waiting(m.queues.registerDead), waiting(m.queues.tasksDead)))
}
