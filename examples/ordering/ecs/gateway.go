package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	elb "github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/jsii-runtime-go"
)

// makeGateway makes the virtual gateway: tasks with a sidecar and nothing else, behind a load balancer. Nothing is
// redirected there: Envoy listens on the gateway's own port.
func (o *ordering) makeGateway() {
	task := o.makeTask("gateway", false)
	envoy := o.addSidecar(task, "virtualGateway", "gateway", map[string]*string{
		"OWNMESH_METRICS_ADDRESS": jsii.String("0.0.0.0:9902"), // /ready, for the load balancer
	})
	envoy.AddPortMappings(&awsecs.PortMapping{ContainerPort: jsii.Number(port)}, &awsecs.PortMapping{ContainerPort: jsii.Number(readyPort)})
	service := o.makeECSService("gateway", task, nil)

	group := awsec2.NewSecurityGroup(o.Stack, jsii.String("LoadBalancerGroup"), &awsec2.SecurityGroupProps{
		Vpc: o.vpc, Description: jsii.String("Ordering: the load balancer"), AllowAllOutbound: jsii.Bool(false),
	})
	public := o.named("PublicSubnet", o.s.publicSubnets)
	balancer := elb.NewApplicationLoadBalancer(o.Stack, jsii.String("LoadBalancer"), &elb.ApplicationLoadBalancerProps{
		Vpc: o.vpc, VpcSubnets: public, InternetFacing: jsii.Bool(true), SecurityGroup: group, DropInvalidHeaderFields: jsii.Bool(true),
	})
	listener := balancer.AddListener(jsii.String("Http"), &elb.BaseApplicationListenerProps{Port: jsii.Number(80), Open: jsii.Bool(true)})
	listener.AddTargets(jsii.String("Gateway"), &elb.AddApplicationTargetsProps{
		Port: jsii.Number(port), Protocol: elb.ApplicationProtocol_HTTP,
		Targets: &[]elb.IApplicationLoadBalancerTarget{service.LoadBalancerTarget(&awsecs.LoadBalancerTargetOptions{
			ContainerName: jsii.String("envoy"), ContainerPort: jsii.Number(port),
		})},
		HealthCheck: &elb.HealthCheck{Path: jsii.String("/ready"), Port: jsii.String("9902"), Interval: seconds(5), Timeout: seconds(2),
			HealthyThresholdCount: jsii.Number(2), UnhealthyThresholdCount: jsii.Number(2)},
		// Shorter than the sidecar's own drain: it goes on serving until the load balancer has let go.
		DeregistrationDelay: seconds(15),
	})
	// The health check's port; that of requests CDK opens itself.
	o.group.AddIngressRule(group, awsec2.Port_Tcp(jsii.Number(readyPort)), jsii.String("health checks"), nil)
	group.AddEgressRule(o.group, awsec2.Port_Tcp(jsii.Number(readyPort)), jsii.String("health checks"), nil)
	awscdk.NewCfnOutput(o.Stack, jsii.String("Url"), &awscdk.CfnOutputProps{
		Value: jsii.String("http://" + *balancer.LoadBalancerDnsName()), Description: jsii.String("Where customers come in"),
	})
}
