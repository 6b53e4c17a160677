package main

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsservicediscovery"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/infra/registry"
)

// What ../mesh.yaml names.
const (
	meshName  = "ordering"
	namespace = "ordering.local"
	port      = 8080 // every service's, as far as callers know
)

// service is one of the application's: a virtual node of the mesh, and an ECS service.
type service struct {
	node    string // its virtual node, and its service in Cloud Map
	program string // the image's first argument
	version string
	backend string // the variable that names the service it calls; "" for none
	calls   string // that service's name in the mesh
	local   int    // where the sidecar has it, without a redirect
}

var services = []service{
	{node: "ui", program: "ui", version: "v1", backend: "ORDER_URL", calls: "order." + namespace, local: 7001},
	{node: "order", program: "order", version: "v1", backend: "INVENTORY_URL", calls: "inventory." + namespace, local: 7001},
	{node: "inventory-v1", program: "inventory", version: "v1"},
	{node: "inventory-v2", program: "inventory", version: "v2"},
}

// ordering is the stack while it is made.
type ordering struct {
	awscdk.Stack
	s         settings
	vpc       awsec2.IVpc
	subnets   *awsec2.SubnetSelection
	group     awsec2.SecurityGroup
	relays    awsec2.ISecurityGroup
	cluster   awsecs.Cluster
	namespace awsservicediscovery.PrivateDnsNamespace
	log       awslogs.LogGroup
	images    map[string]awsecs.ContainerImage
}

func newOrdering(scope constructs.Construct, s settings) awscdk.Stack {
	o := &ordering{s: s, images: map[string]awsecs.ContainerImage{}, Stack: awscdk.NewStack(scope, jsii.String("ordering"), &awscdk.StackProps{
		Description: jsii.String("The ordering application in a mesh of Ownmesh"), AnalyticsReporting: jsii.Bool(false),
	})}
	o.makeSurroundings()
	for _, svc := range services {
		o.makeService(svc)
	}
	o.makeGateway()
	return o.Stack
}

// makeSurroundings makes what all services share. Tasks reach one another, and, as members of Ownmesh's own group, the
// relays.
func (o *ordering) makeSurroundings() {
	zones := make([]*string, max(len(o.s.subnets), len(o.s.publicSubnets)))
	for i := range zones {
		zones[i] = awscdk.Fn_Select(jsii.Number(i), awscdk.Fn_GetAzs(nil)) // never used: a subnet knows its zone
	}
	tasks := zones[:len(o.s.subnets)]
	o.vpc = awsec2.Vpc_FromVpcAttributes(o.Stack, jsii.String("Vpc"), &awsec2.VpcAttributes{
		VpcId: jsii.String(o.s.vpc), AvailabilityZones: &tasks, PrivateSubnetIds: jsii.Strings(o.s.subnets...),
	})
	o.subnets = o.named("Subnet", o.s.subnets)
	// Not to be changed: all meshes' tasks are its members, and whom the load balancer may reach is no matter of theirs.
	o.relays = awsec2.SecurityGroup_FromSecurityGroupId(o.Stack, jsii.String("Relays"), jsii.String(o.s.sidecarGroup),
		&awsec2.SecurityGroupImportOptions{Mutable: jsii.Bool(false)})
	o.group = awsec2.NewSecurityGroup(o.Stack, jsii.String("Tasks"), &awsec2.SecurityGroupProps{
		Vpc: o.vpc, Description: jsii.String("Ordering: tasks"), AllowAllOutbound: jsii.Bool(true),
	})
	o.group.AddIngressRule(o.group, awsec2.Port_Tcp(jsii.Number(port)), jsii.String("from one another, by their Envoys"), nil)
	o.cluster = awsecs.NewCluster(o.Stack, jsii.String("Cluster"), &awsecs.ClusterProps{Vpc: o.vpc})
	o.namespace = awsservicediscovery.NewPrivateDnsNamespace(o.Stack, jsii.String("Namespace"), &awsservicediscovery.PrivateDnsNamespaceProps{
		Name: jsii.String(namespace), Vpc: o.vpc,
	})
	o.log = awslogs.NewLogGroup(o.Stack, jsii.String("Log"), &awslogs.LogGroupProps{
		Retention: awslogs.RetentionDays_ONE_WEEK, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
}

func (o *ordering) named(prefix string, ids []string) *awsec2.SubnetSelection {
	var subnets []awsec2.ISubnet
	for i, id := range ids {
		subnets = append(subnets, awsec2.Subnet_FromSubnetId(o.Stack, jsii.String(prefix+strconv.Itoa(i+1)), jsii.String(id)))
	}
	return &awsec2.SubnetSelection{Subnets: &subnets}
}

// makeService makes a task of two containers, application and sidecar, and a service of it that ECS registers in Cloud
// Map, where the mesh finds its instances.
func (o *ordering) makeService(svc service) {
	task := o.makeTask(svc.node, !o.s.explicit)
	sidecar, env := map[string]*string{}, map[string]*string{"VERSION": jsii.String(svc.version), "LISTEN": jsii.String("127.0.0.1:8080")}
	if svc.backend != "" {
		env[svc.backend] = jsii.String("http://" + svc.calls + ":8080")
	}
	if o.s.explicit {
		o.withoutRedirect(svc, sidecar, env)
	}
	envoy := o.addSidecar(task, "virtualNode", svc.node, sidecar)
	app := task.AddContainer(jsii.String("app"), &awsecs.ContainerDefinitionOptions{
		Image: o.image("ordering"), Command: jsii.Strings(svc.program), Environment: &env, Logging: o.logging("app"),
		Essential: jsii.Bool(true), StopTimeout: seconds(20),
	})
	startAfter(app, envoy)
	o.makeECSService(svc.node, task, &awsecs.CloudMapOptions{
		Name: jsii.String(svc.node), CloudMapNamespace: o.namespace, DnsRecordType: awsservicediscovery.DnsRecordType_A, DnsTtl: seconds(10),
	})
}

// withoutRedirect has the application and its sidecar share ports by name: the sidecar has 8080, where others call, the
// application listens on 9080 of loopback, and calls its backend on a port of loopback too.
func (o *ordering) withoutRedirect(svc service, sidecar, env map[string]*string) {
	sidecar["OWNMESH_INTERCEPTION"] = jsii.String("explicit")
	sidecar["OWNMESH_APPLICATION"] = jsii.String("8080=9080")
	env["LISTEN"] = jsii.String("127.0.0.1:9080")
	if svc.backend != "" {
		sidecar["OWNMESH_SERVICES"] = jsii.String(svc.calls + ":8080=" + strconv.Itoa(svc.local))
		env[svc.backend] = jsii.String("http://127.0.0.1:" + strconv.Itoa(svc.local))
	}
}

func (o *ordering) makeTask(id string, redirected bool) awsecs.FargateTaskDefinition {
	props := &awsecs.FargateTaskDefinitionProps{
		Family: jsii.String("ordering-" + id), Cpu: jsii.Number(256), MemoryLimitMiB: jsii.Number(512),
		RuntimePlatform: &awsecs.RuntimePlatform{CpuArchitecture: awsecs.CpuArchitecture_ARM64(), OperatingSystemFamily: awsecs.OperatingSystemFamily_LINUX()},
	}
	if redirected {
		props.ProxyConfiguration = redirect(port)
	}
	return awsecs.NewFargateTaskDefinition(o.Stack, jsii.String("Task-"+id), props)
}

func (o *ordering) makeECSService(id string, task awsecs.FargateTaskDefinition, found *awsecs.CloudMapOptions) awsecs.FargateService {
	service := awsecs.NewFargateService(o.Stack, jsii.String("Service-"+id), &awsecs.FargateServiceProps{
		Cluster: o.cluster, TaskDefinition: task, DesiredCount: jsii.Number(2), CloudMapOptions: found,
		MinHealthyPercent: jsii.Number(100), MaxHealthyPercent: jsii.Number(200),
		CircuitBreaker: &awsecs.DeploymentCircuitBreaker{Enable: jsii.Bool(true), Rollback: jsii.Bool(true)},
		SecurityGroups: &[]awsec2.ISecurityGroup{o.group, o.relays},
		VpcSubnets:     o.subnets, AssignPublicIp: jsii.Bool(o.s.publicIP),
	})
	service.Node().AddDependency(task.ExecutionRole()) // tasks that may not pull their images yet would fail
	return service
}

// image is one that the context names, or what `make images` left, which is published with the stack.
func (o *ordering) image(name string) awsecs.ContainerImage {
	if o.images[name] == nil {
		o.images[name] = awsecs.ContainerImage_FromTarball(jsii.String(o.s.tarball(name)))
		if uri := o.s.uris[name]; uri != "" {
			o.images[name] = registry.Image(o.Stack, "Repository-"+name, uri)
		}
	}
	return o.images[name]
}

func (o *ordering) logging(container string) awsecs.LogDriver {
	return awsecs.LogDriver_AwsLogs(&awsecs.AwsLogDriverProps{LogGroup: o.log, StreamPrefix: jsii.String(container)})
}
