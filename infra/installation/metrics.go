package installation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// metricSpace holds the metrics that are made of log lines.
func (m *mesh) metricSpace() *string { return jsii.String("Ownmesh/" + m.o.Name) }

// The metrics made of log lines. Once a minute each relay says how it is: {"msg":"relay state","streams":…,"behindSeconds":…}.
const (
	metricStreams  = "RelayStreams"
	metricBehind   = "RelayBehindSeconds"
	metricRejected = "ConfigurationRejected"
)

// makeLogMetrics makes metrics of what relays log, and of events. It costs no calls from them, and no rights.
func (m *mesh) makeLogMetrics() {
	state := awslogs.FilterPattern_StringValue(jsii.String("$.msg"), jsii.String("="), jsii.String("relay state"))
	filter := func(id, metric, value string, group awslogs.LogGroup, pattern awslogs.IFilterPattern) {
		awslogs.NewMetricFilter(m.Stack, jsii.String(id), &awslogs.MetricFilterProps{
			LogGroup: group, FilterPattern: pattern, MetricNamespace: m.metricSpace(), MetricName: jsii.String(metric), MetricValue: jsii.String(value),
		})
	}
	filter("StreamsMetric", metricStreams, "$.streams", m.relayLog, state)
	filter("BehindMetric", metricBehind, "$.behindSeconds", m.relayLog, state)
	filter("RejectedMetric", metricRejected, "1", m.eventLog,
		awslogs.FilterPattern_StringValue(jsii.String("$.detail-type"), jsii.String("="), jsii.String(detailRejected)))
}

func (m *mesh) logMetric(name, statistic string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: m.metricSpace(), MetricName: jsii.String(name), Statistic: jsii.String(statistic), Period: minutes(1),
	})
}

// relayStreams is how many proxies a relay serves: "Average" over relays, or "Sum" of all.
func (m *mesh) relayStreams(statistic string) awscloudwatch.Metric {
	return m.logMetric(metricStreams, statistic)
}

func minutes(n float64) awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(n)) }

func metricOf(statistic string, period float64) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Statistic: jsii.String(statistic), Period: minutes(period)}
}

func waiting(q awssqs.Queue) awscloudwatch.Metric {
	return q.MetricApproximateNumberOfMessagesVisible(metricOf("Maximum", 1))
}

func oldest(q awssqs.Queue) awscloudwatch.Metric {
	return q.MetricApproximateAgeOfOldestMessage(metricOf("Maximum", 1))
}
