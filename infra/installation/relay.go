package installation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapplicationautoscaling"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsservicediscovery"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/infra/options"
)

// makeRelay makes the one thing that runs all the time: the relays.
func (m *mesh) makeRelay() {
	m.relayLog = m.log("RelayLog", "relay")
	task := m.makeRelayTask()
	var count *float64 // autoscaling's to say: a number here would undo what it added, at each deployment
	if m.o.Local {
		count = jsii.Number(m.o.RelayMin)
	}
	m.relay = awsecs.NewFargateService(m.Stack, jsii.String("Relay"), &awsecs.FargateServiceProps{
		ServiceName:    jsii.String(m.o.Name + "-relay"),
		Cluster:        m.cluster(),
		TaskDefinition: task,
		DesiredCount:   count,
		// A new relay is ready before an old one goes, and one that never gets ready is taken back.
		MinHealthyPercent:           jsii.Number(100),
		MaxHealthyPercent:           jsii.Number(200),
		CircuitBreaker:              &awsecs.DeploymentCircuitBreaker{Enable: jsii.Bool(true), Rollback: jsii.Bool(true)},
		AvailabilityZoneRebalancing: awsecs.AvailabilityZoneRebalancing_ENABLED,
		AssignPublicIp:              jsii.Bool(m.o.Egress == options.EgressPublic || m.o.Local),
		SecurityGroups:              &[]awsec2.ISecurityGroup{m.relayGroup},
		VpcSubnets:                  m.network.subnets,
		PropagateTags:               awsecs.PropagatedTagSource_SERVICE,
		CloudMapOptions: &awsecs.CloudMapOptions{
			Name: jsii.String(relayName), CloudMapNamespace: m.namespace,
			DnsRecordType: awsservicediscovery.DnsRecordType_A, DnsTtl: awscdk.Duration_Seconds(jsii.Number(10)),
		},
	})
	// A task that finds no way to its image, or may not pull it yet, fails: three, and the deployment is taken back.
	m.relay.Node().AddDependency(append(m.network.ways, task.ExecutionRole())...)
	if !m.o.Local {
		m.scaleRelay()
	}
}

// relayLogLevel is never above info: what relays say once a minute is what alarms and autoscaling go by.
func (m *mesh) relayLogLevel() *string {
	if m.o.LogLevel == "debug" {
		return jsii.String("debug")
	}
	return jsii.String("info")
}

func (m *mesh) makeRelayTask() awsecs.FargateTaskDefinition {
	execution := awsiam.NewRole(m.Stack, jsii.String("RelayExecutionRole"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil), Description: jsii.String("Ownmesh: starts relays"),
	})
	task := awsecs.NewFargateTaskDefinition(m.Stack, jsii.String("RelayTask"), &awsecs.FargateTaskDefinitionProps{
		Family: m.named("relay"), Cpu: jsii.Number(m.o.RelayCPU), MemoryLimitMiB: jsii.Number(m.o.RelayMemory), ExecutionRole: execution,
		RuntimePlatform: &awsecs.RuntimePlatform{
			CpuArchitecture: awsecs.CpuArchitecture_ARM64(), OperatingSystemFamily: awsecs.OperatingSystemFamily_LINUX(),
		},
	})
	task.AddContainer(jsii.String("relay"), &awsecs.ContainerDefinitionOptions{
		Image:        m.relayImage(),
		Essential:    jsii.Bool(true),
		PortMappings: &[]*awsecs.PortMapping{{ContainerPort: jsii.Number(relayPort)}},
		Environment: &map[string]*string{
			"OWNMESH_BUCKET":    m.bucket.BucketName(),
			"OWNMESH_BUS":       m.bus.EventBusName(),
			"OWNMESH_RELAY":     jsii.String(m.relayAddress()),
			"OWNMESH_LOG_LEVEL": m.relayLogLevel(),
			"OWNMESH_INTERVAL":  jsii.String(m.o.RelayInterval),
		},
		HealthCheck: &awsecs.HealthCheck{
			Command: jsii.Strings("CMD", "/relay", "health"), Interval: seconds(10), Timeout: seconds(5), Retries: jsii.Number(3),
			StartPeriod: seconds(60),
		},
		StopTimeout: seconds(120), // streams are asked to go elsewhere, a few at a time
		Logging:     awsecs.LogDriver_AwsLogs(&awsecs.AwsLogDriverProps{LogGroup: m.relayLog, StreamPrefix: jsii.String("relay")}),
		Ulimits:     &[]*awsecs.Ulimit{{Name: awsecs.UlimitName_NOFILE, SoftLimit: jsii.Number(65535), HardLimit: jsii.Number(65535)}},
	})
	accept(task, "AwsSolutions-ECS2", "The variables name things; secrets are in none of them.")
	return task
}

// cluster is the one that was named, or a new one. Its name is all that is needed of one that is there.
func (m *mesh) cluster() awsecs.ICluster {
	if m.o.Cluster != "" {
		return awsecs.Cluster_FromClusterAttributes(m.Stack, jsii.String("Cluster"), &awsecs.ClusterAttributes{
			ClusterName: jsii.String(m.o.Cluster), Vpc: m.network.vpc,
		})
	}
	insights := awsecs.ContainerInsights_DISABLED
	if m.o.ContainerInsight {
		insights = awsecs.ContainerInsights_ENABLED
	}
	cluster := awsecs.NewCluster(m.Stack, jsii.String("Cluster"), &awsecs.ClusterProps{
		ClusterName: jsii.String(m.o.Name), Vpc: m.network.vpc, ContainerInsightsV2: insights,
	})
	if !m.o.ContainerInsight {
		accept(cluster, "AwsSolutions-ECS4", "Relays log what matters as metrics; Container Insights costs extra and is the option containerInsights.")
	}
	return cluster
}

// scaleRelay adds relays where CPU or streams grow. Streams follow slowly: they move to new relays as they come of age.
func (m *mesh) scaleRelay() {
	scaling := m.relay.AutoScaleTaskCount(&awsapplicationautoscaling.EnableScalingProps{
		MinCapacity: jsii.Number(m.o.RelayMin), MaxCapacity: jsii.Number(m.o.RelayMax),
	})
	scaling.ScaleOnCpuUtilization(jsii.String("Cpu"), &awsecs.CpuUtilizationScalingProps{
		TargetUtilizationPercent: jsii.Number(m.o.RelayCPUTarget),
		ScaleOutCooldown:         seconds(60), ScaleInCooldown: seconds(600),
	})
	scaling.ScaleToTrackCustomMetric(jsii.String("Streams"), &awsecs.TrackCustomMetricProps{
		Metric: m.relayStreams("Average"), TargetValue: jsii.Number(m.o.RelayStreams),
		ScaleOutCooldown: seconds(60), ScaleInCooldown: seconds(600),
	})
}

func seconds(n float64) awscdk.Duration { return awscdk.Duration_Seconds(jsii.Number(n)) }
