package options

import "time"

// option is one row: what docs/aws/options.md says, and how a value becomes a field.
type option struct {
	group    string
	name     string
	standard string // what holds where nothing is said
	help     string
	set      func(o *Options, text string) error
}

// table is every option, in the order of the docs.
var table = []option{
	{"installation", "name", "ownmesh", "Names the stack and begins the name of everything in it. Two installations in one account and region need two names.",
		matching(func(o *Options) *string { return &o.Name }, `^[a-z][a-z0-9-]{0,18}[a-z0-9]$`, "is no name: want 2 to 20 of a-z, 0-9 and -, a letter first and no - at the end")},
	{"installation", "removal", "retain", "`retain`: tables and bucket outlive the stack, and the tables refuse to be deleted. `destroy`: they go with the stack (the bucket must be emptied first). Keys, logs and queues go with it either way.",
		func(o *Options, text string) error {
			o.Destroy = text == "destroy"
			return among(text, "retain", "destroy")
		}},
	{"installation", "artifacts", "dist", "Folder with `lambdas/<architecture>/<name>.zip` and `images/relay`, as `make lambdas images` leaves them.",
		text(func(o *Options) *string { return &o.Artifacts })},
	{"installation", "logLevel", "info", "`debug`, `info`, `warn` or `error`, for Lambdas and relays. Relays say `info` in any case: alarms and autoscaling go by it.",
		func(o *Options, text string) error {
			o.LogLevel = text
			return among(text, "debug", "info", "warn", "error")
		}},
	{"installation", "logDays", "30", "For how many days logs are kept: one of the numbers that CloudWatch Logs knows (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731 …).",
		number(func(o *Options) *int { return &o.LogDays }, 1, 3653)},
	{"installation", "alarmTopicArn", "", "ARN of an SNS topic that alarms are sent to. Without one they only show in CloudWatch.",
		matching(func(o *Options) *string { return &o.AlarmTopicARN }, `^$|^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+$`, "is no ARN of an SNS topic")},
	{"installation", "local", "false", "For an emulator: leaves out NAT gateways and autoscaling, which emulators lack, and takes Lambdas for amd64.",
		boolean(func(o *Options) *bool { return &o.Local })},

	{"network", "vpcId", "", "A VPC that is there already, for the relays; needs `subnetIds`. Without it a VPC of two zones is made.",
		matching(func(o *Options) *string { return &o.VPCID }, `^$|^vpc-([0-9a-f]{8}|[0-9a-f]{17})$`, "is no VPC id: want vpc-0123…")},
	{"network", "subnetIds", "", "With `vpcId`: two or more subnets, in two or more zones, from which S3, KMS, EventBridge, CloudWatch Logs and ECR can be reached.",
		list(func(o *Options) *[]string { return &o.SubnetIDs }, `^subnet-([0-9a-f]{8}|[0-9a-f]{17})$`, "is no subnet id: want subnet-0123…")},
	{"network", "vpcCidr", "10.83.0.0/16", "Without `vpcId`: the addresses of the VPC that is made.",
		addresses(func(o *Options) *string { return &o.VPCCIDR }, 16, 24)},
	{"network", "egress", EgressNAT, "How relays reach AWS. `nat`: private subnets and NAT gateways. `public`: a public address each, no way in but port 15010 from named security groups; the cheapest. `endpoints`: private subnets with interface endpoints and no way to the internet. With `vpcId`, `public` gives relays public addresses, and the others change nothing.",
		func(o *Options, text string) error {
			o.Egress = text
			return among(text, EgressNAT, EgressPublic, EgressEndpoints)
		}},
	{"network", "natGateways", "1", "With `egress=nat` in a VPC that is made: 1, or 2 for one a zone. S3 is reached without them.",
		number(func(o *Options) *int { return &o.NATGateways }, 1, 2)},
	{"network", "clientSecurityGroupIds", "", "Security groups whose members may reach the relays, besides the one that the stack makes for sidecars.",
		list(func(o *Options) *[]string { return &o.ClientGroupIDs }, `^sg-([0-9a-f]{8}|[0-9a-f]{17})$`, "is no security group id: want sg-0123…")},
	{"network", "cluster", "", "Name of an ECS cluster that is there already, for the relays. Without it one is made.",
		matching(func(o *Options) *string { return &o.Cluster }, `^$|^[A-Za-z0-9_-]{1,255}$`, "is no name of a cluster (an ARN is not taken)")},
	{"network", "namespaceName", "", "Private DNS namespace in Cloud Map where sidecars find the relays, as `relay.<namespaceName>`. Without it `<name>.internal`.",
		matching(func(o *Options) *string { return &o.NamespaceName }, `^$|^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`, "is no DNS name in lower case")},
	{"network", "namespaceId", "", "Id of a private DNS namespace that is there already; needs `namespaceName` and `namespaceArn`. One installation a namespace: each calls its relays `relay`.",
		matching(func(o *Options) *string { return &o.NamespaceID }, `^$|^ns-[a-z0-9]+$`, "is no namespace id: want ns-…")},
	{"network", "namespaceArn", "", "Its ARN.",
		matching(func(o *Options) *string { return &o.NamespaceARN }, `^$|^arn:[a-z-]+:servicediscovery:[a-z0-9-]+:[0-9]{12}:namespace/ns-[a-z0-9]+$`, "is no ARN of a Cloud Map namespace")},
	{"network", "taskClusters", "", "ARNs of the ECS clusters whose tasks are watched. Without it those of the whole account and region.",
		list(func(o *Options) *[]string { return &o.TaskClusters }, `^arn:[a-z-]+:ecs:[a-z0-9-]+:[0-9]{12}:cluster/.+$`, "is no ARN of an ECS cluster")},

	{"relay", "relayImage", "", "Image of the relay in a registry; in a private repository of ECR, the task gets the right to pull it (another account's must let it). Without it `cdk deploy` publishes the one in `dist/images/relay`.",
		matching(func(o *Options) *string { return &o.RelayImage }, `^$|^[a-z0-9][a-z0-9._:/@-]*[a-z0-9]$`, "is no name of an image")},
	{"relay", "relayCpu", "512", "CPU units of a relay: 256, 512, 1024, 2048, 4096.",
		number(func(o *Options) *int { return &o.RelayCPU }, 256, 4096)},
	{"relay", "relayMemory", "1024", "Memory of a relay in MiB, as Fargate allows with that CPU.",
		number(func(o *Options) *int { return &o.RelayMemory }, 512, 30720)},
	{"relay", "relayMin", "2", "Relays at least; two, so that one of each zone can go.",
		number(func(o *Options) *int { return &o.RelayMin }, 1, 100)},
	{"relay", "relayMax", "10", "Relays at most.",
		number(func(o *Options) *int { return &o.RelayMax }, 1, 100)},
	{"relay", "relayCpuTarget", "60", "Average CPU, in percent, above which relays are added.",
		number(func(o *Options) *int { return &o.RelayCPUTarget }, 10, 90)},
	{"relay", "relayStreams", "2000", "Proxies a relay, on average, above which relays are added.",
		number(func(o *Options) *int { return &o.RelayStreams }, 10, 50000)},
	{"relay", "relayInterval", "1s", "How often a relay asks S3 for news of each log, `100ms` to `60s`: what an idle mesh costs, and what a change waits, depend on it.",
		interval(func(o *Options) *string { return &o.RelayInterval }, 100*time.Millisecond, time.Minute)},
	{"relay", "containerInsights", "false", "CloudWatch Container Insights for a cluster that is made; it costs extra.",
		boolean(func(o *Options) *bool { return &o.ContainerInsight })},

	{"API", "apiRate", "100", "Requests a second that API Gateway lets through.",
		number(func(o *Options) *int { return &o.APIRate }, 1, 10000)},
	{"API", "apiBurst", "200", "Requests at once that API Gateway lets through.",
		number(func(o *Options) *int { return &o.APIBurst }, 1, 5000)},
	{"API", "apiConcurrency", "0", "Reserved concurrency of the API's Lambda; 0 reserves none.",
		number(func(o *Options) *int { return &o.APIConcurrency }, 0, 1000)},
	{"API", "apiAccessLogs", "false", "Access logs of API Gateway. They need API Gateway's CloudWatch role, which is one for the whole account and region, so the stack doesn't set it.",
		boolean(func(o *Options) *bool { return &o.APIAccessLogs })},
	{"API", "compileMemory", "1769", "Memory in MiB, and with it CPU, of the Lambda that compiles; 1769 is one core.",
		number(func(o *Options) *int { return &o.CompileMemory }, 256, 10240)},
	{"API", "compileConcurrency", "10", "Meshes that are compiled, and registered, at the same time; each mesh by one handler at a time.",
		number(func(o *Options) *int { return &o.CompileConcurrency }, 2, 1000)},
	{"API", "sidecars", "", "Proxies that get a managed policy each, which lets a task's role fetch tokens as that proxy: `ordering/virtualNode/ui,ordering/virtualGateway/gateway`.",
		setProxies},
}
