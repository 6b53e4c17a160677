package installation

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsservicediscovery"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/infra/options"
)

// network is where relays are.
type network struct {
	vpc     awsec2.IVpc
	id      *string
	subnets *awsec2.SubnetSelection
	ways    []constructs.IDependable // out of a new VPC: relays start once they are there
}

// makeNetwork makes or takes the VPC, the namespace where relays are found, and who may reach them.
func (m *mesh) makeNetwork() {
	switch {
	case m.o.ExistingVPC():
		m.takeVPC()
	default:
		m.makeVPC()
	}
	m.network.id = m.network.vpc.VpcId()
	m.makeNamespace()
	m.makeGroups()
	if !m.o.ExistingVPC() && !m.o.Local && m.o.Egress == options.EgressEndpoints {
		m.makeEndpoints()
	}
}

// takeVPC names a VPC and subnets that are there. Nothing is looked up: a template comes out the same everywhere.
func (m *mesh) takeVPC() {
	zones := make([]*string, len(m.o.SubnetIDs))
	subnets := make([]awsec2.ISubnet, len(m.o.SubnetIDs))
	for i, id := range m.o.SubnetIDs {
		zones[i] = awscdk.Fn_Select(jsii.Number(i), awscdk.Fn_GetAzs(nil)) // never used: ECS reads a subnet's zone itself
		subnets[i] = awsec2.Subnet_FromSubnetId(m.Stack, jsii.String("Subnet"+strconv.Itoa(i+1)), jsii.String(id))
	}
	m.network.vpc = awsec2.Vpc_FromVpcAttributes(m.Stack, jsii.String("Vpc"), &awsec2.VpcAttributes{
		VpcId: jsii.String(m.o.VPCID), AvailabilityZones: &zones, PrivateSubnetIds: jsii.Strings(m.o.SubnetIDs...),
	})
	m.network.subnets = &awsec2.SubnetSelection{Subnets: &subnets}
}

// makeVPC makes a VPC of two zones. S3, which relays read once a second, is reached by a gateway endpoint: free, and there
// when NAT is not.
func (m *mesh) makeVPC() {
	subnets := []*awsec2.SubnetConfiguration{{Name: jsii.String("public"), SubnetType: awsec2.SubnetType_PUBLIC,
		CidrMask: jsii.Number(26), MapPublicIpOnLaunch: jsii.Bool(false)}}
	private := awsec2.SubnetType_PUBLIC
	gateways := 0
	switch {
	case m.o.Local, m.o.Egress == options.EgressPublic:
	case m.o.Egress == options.EgressNAT:
		private, gateways = awsec2.SubnetType_PRIVATE_WITH_EGRESS, m.o.NATGateways
		subnets = append(subnets, &awsec2.SubnetConfiguration{Name: jsii.String("private"), SubnetType: private})
	default:
		private = awsec2.SubnetType_PRIVATE_ISOLATED
		subnets = []*awsec2.SubnetConfiguration{{Name: jsii.String("private"), SubnetType: private}}
	}
	vpc := awsec2.NewVpc(m.Stack, jsii.String("Vpc"), &awsec2.VpcProps{
		VpcName:             jsii.String(m.o.Name),
		IpAddresses:         awsec2.IpAddresses_Cidr(jsii.String(m.o.VPCCIDR)),
		MaxAzs:              jsii.Number(2),
		NatGateways:         jsii.Number(gateways),
		SubnetConfiguration: &subnets,
		GatewayEndpoints:    &map[string]*awsec2.GatewayVpcEndpointOptions{"S3": {Service: awsec2.GatewayVpcEndpointAwsService_S3()}},
	})
	accept(vpc, "AwsSolutions-VPC7", "Relays take connections from named security groups alone, with tokens, and log what they refuse; flow logs are the user's choice.")
	m.network.vpc, m.network.subnets = vpc, &awsec2.SubnetSelection{SubnetType: private}
	m.network.ways = append(m.network.ways, vpc.SelectSubnets(m.network.subnets).InternetConnectivityEstablished)
}

// makeEndpoints makes ways to what relays need of AWS, where there is no way to the internet. Relays alone may use them.
func (m *mesh) makeEndpoints() {
	group := awsec2.NewSecurityGroup(m.Stack, jsii.String("EndpointGroup"), &awsec2.SecurityGroupProps{
		Vpc: m.network.vpc, Description: jsii.String("Ownmesh: AWS, for relays"), AllowAllOutbound: jsii.Bool(false),
	})
	allowFrom(group, 443, "HTTPS from relays", m.relayGroup.SecurityGroupId())
	for _, e := range []struct {
		id      string
		service awsec2.IInterfaceVpcEndpointService
	}{
		{"Ecr", awsec2.InterfaceVpcEndpointAwsService_ECR()},
		{"EcrDocker", awsec2.InterfaceVpcEndpointAwsService_ECR_DOCKER()},
		{"Logs", awsec2.InterfaceVpcEndpointAwsService_CLOUDWATCH_LOGS()},
		{"Kms", awsec2.InterfaceVpcEndpointAwsService_KMS()},
		{"Events", awsec2.InterfaceVpcEndpointAwsService_EVENTBRIDGE()},
	} {
		endpoint := m.network.vpc.AddInterfaceEndpoint(jsii.String(e.id), &awsec2.InterfaceVpcEndpointOptions{
			Service: e.service, Open: jsii.Bool(false), SecurityGroups: &[]awsec2.ISecurityGroup{group},
		})
		m.network.ways = append(m.network.ways, endpoint)
	}
}

// makeNamespace makes or takes the private DNS namespace where relays are found.
func (m *mesh) makeNamespace() {
	if m.o.ExistingNamespace() {
		m.namespace = awsservicediscovery.PrivateDnsNamespace_FromPrivateDnsNamespaceAttributes(m.Stack, jsii.String("Namespace"),
			&awsservicediscovery.PrivateDnsNamespaceAttributes{
				NamespaceId: jsii.String(m.o.NamespaceID), NamespaceName: jsii.String(m.o.NamespaceName), NamespaceArn: jsii.String(m.o.NamespaceARN),
			})
		return
	}
	m.namespace = awsservicediscovery.NewPrivateDnsNamespace(m.Stack, jsii.String("Namespace"), &awsservicediscovery.PrivateDnsNamespaceProps{
		Name: jsii.String(m.o.NamespaceName), Vpc: m.network.vpc, Description: jsii.String("Ownmesh: where sidecars find relays"),
	})
}

// makeGroups makes the security group that a task joins to reach relays, and the relays' own, which takes connections on
// one port from that group, and from those that the user named.
func (m *mesh) makeGroups() {
	m.clients = awsec2.NewSecurityGroup(m.Stack, jsii.String("SidecarGroup"), &awsec2.SecurityGroupProps{
		Vpc: m.network.vpc, Description: jsii.String("Ownmesh: members may reach the relays"), AllowAllOutbound: jsii.Bool(true),
	})
	m.relayGroup = awsec2.NewSecurityGroup(m.Stack, jsii.String("RelayGroup"), &awsec2.SecurityGroupProps{
		Vpc: m.network.vpc, Description: jsii.String("Ownmesh: the relays"), AllowAllOutbound: jsii.Bool(true),
	})
	allowFrom(m.relayGroup, relayPort, "xDS from sidecars", append([]*string{m.clients.SecurityGroupId()}, *jsii.Strings(m.o.ClientGroupIDs...)...)...)
}

// allowFrom lets members of groups reach a port, and nobody else: it is in the group itself, so that nothing is let in
// besides, and a reader of the template sees all.
func allowFrom(group awsec2.SecurityGroup, port float64, why string, from ...*string) {
	var rules []any
	for _, id := range from {
		rules = append(rules, &awsec2.CfnSecurityGroup_IngressProperty{
			IpProtocol: jsii.String("tcp"), FromPort: jsii.Number(port), ToPort: jsii.Number(port),
			SourceSecurityGroupId: id, Description: jsii.String(why),
		})
	}
	group.Node().DefaultChild().(awsec2.CfnSecurityGroup).SetSecurityGroupIngress(rules)
}

// relayName is the relays' service in the namespace.
const relayName = "relay"

// relayAddress is what sidecars dial, and the name in the relays' certificates.
func (m *mesh) relayAddress() string {
	return relayName + "." + m.o.NamespaceName + ":" + strconv.Itoa(relayPort)
}
