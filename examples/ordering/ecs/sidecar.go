package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// The ports and the user of App Mesh's Envoy image, which Ownmesh kept.
const (
	ingressPort = 15000
	egressPort  = 15001
	sidecarUser = 1337
	readyPort   = 9902
)

// redirect is what sends a task's connections through Envoy: the task definition's own property, as App Mesh had it.
func redirect(appPort float64) awsecs.ProxyConfiguration {
	return awsecs.NewAppMeshProxyConfiguration(&awsecs.AppMeshProxyConfigurationConfigProps{
		ContainerName: jsii.String("envoy"),
		Properties: &awsecs.AppMeshProxyConfigurationProps{
			AppPorts:         &[]*float64{jsii.Number(appPort)},
			ProxyIngressPort: jsii.Number(ingressPort),
			ProxyEgressPort:  jsii.Number(egressPort),
			IgnoredUID:       jsii.Number(sidecarUser), // what Envoy itself sends
			// The task's credentials and metadata: the sidecar and the application ask for them before there is a mesh.
			EgressIgnoredIPs: jsii.Strings("169.254.170.2", "169.254.169.254"),
		},
	})
}

// addSidecar adds the one container that makes a task a proxy of the mesh, and lets the task fetch that proxy's tokens,
// and no other's.
func (o *ordering) addSidecar(task awsecs.FargateTaskDefinition, kind, name string, more map[string]*string) awsecs.ContainerDefinition {
	env := map[string]*string{
		"APPMESH_RESOURCE_ARN": jsii.String("mesh/" + meshName + "/" + kind + "/" + name),
		"OWNMESH_API":          jsii.String(o.s.api),
	}
	for k, v := range more {
		env[k] = v
	}
	proxy := fmt.Sprintf("v1/meshes/%s/proxies/%s/%s/", meshName, kind, name)
	task.TaskRole().AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("execute-api:Invoke"),
		Resources: &[]*string{o.apiPath("POST", proxy+"token"), o.apiPath("GET", proxy+"addresses")},
	}))
	return task.AddContainer(jsii.String("envoy"), &awsecs.ContainerDefinitionOptions{
		Image:                o.image("sidecar"),
		Essential:            jsii.Bool(true),
		User:                 jsii.String(fmt.Sprint(sidecarUser)),
		MemoryReservationMiB: jsii.Number(128),
		Environment:          &env,
		HealthCheck: &awsecs.HealthCheck{
			Command: jsii.Strings("CMD", "sidecar", "health"), Interval: seconds(5), Timeout: seconds(5), Retries: jsii.Number(3),
			StartPeriod: seconds(30),
		},
		StopTimeout: seconds(30), // longer than LISTENER_DRAIN_WAIT_TIME_S, 20 s: requests in flight end
		Logging:     o.logging("envoy"),
	})
}

// startAfter has a container start when the sidecar is healthy, and stop before it does.
func startAfter(app, sidecar awsecs.ContainerDefinition) {
	app.AddContainerDependencies(&awsecs.ContainerDependency{Container: sidecar, Condition: awsecs.ContainerDependencyCondition_HEALTHY})
}

// apiPath is a method and path of Ownmesh's API, for IAM.
func (o *ordering) apiPath(method, path string) *string {
	return jsii.String("arn:" + *o.Partition() + ":execute-api:" + *o.Region() + ":" + *o.Account() + ":" + o.s.apiID + "/" + o.s.stage + "/" + method + "/" + path)
}

func seconds(n float64) awscdk.Duration { return awscdk.Duration_Seconds(jsii.Number(n)) }
