package installation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"
)

// manage is what the account may do with a key: all but sign with it, which no IAM policy can then allow. Nor grants, by
// which who may make them lets anybody sign.
var manage = []string{"kms:CreateAlias", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*", "kms:Revoke*",
	"kms:Disable*", "kms:Get*", "kms:Delete*", "kms:TagResource", "kms:UntagResource", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"}

// makeKeys makes the key that signs stream tokens, which the API alone may use, and the one of the CA that signs the
// relays' certificates, which relays alone may use.
func (m *mesh) makeKeys() {
	api, relay := m.functions["api"].Role(), m.relay.TaskDefinition().TaskRole()
	m.tokenKey = m.makeKey("TokenKey", "token", "Ownmesh: signs stream tokens", api)
	m.relayCAKey = m.makeKey("RelayCaKey", "relay-ca", "Ownmesh: signs the relays' TLS certificates", relay)
	m.functions["api"].AddEnvironment(jsii.String("OWNMESH_TOKEN_KEY"), m.tokenKey.KeyArn(), nil)
	container := m.relay.TaskDefinition().DefaultContainer()
	container.AddEnvironment(jsii.String("OWNMESH_TOKEN_KEY"), m.tokenKey.KeyArn())
	container.AddEnvironment(jsii.String("OWNMESH_RELAY_CA_KEY"), m.relayCAKey.KeyArn())
}

func (m *mesh) makeKey(id, alias, description string, signer awsiam.IRole) awskms.Key {
	policy := awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
		awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: jsii.String("ManageButNeverSign"), Principals: &[]awsiam.IPrincipal{awsiam.NewAccountRootPrincipal()},
			Actions: jsii.Strings(manage...), Resources: jsii.Strings("*"),
		}),
		awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: jsii.String("Sign"), Principals: &[]awsiam.IPrincipal{awsiam.NewArnPrincipal(signer.RoleArn())},
			Actions: jsii.Strings("kms:Sign"), Resources: jsii.Strings("*"),
			Conditions: &map[string]any{"StringEquals": map[string]any{"kms:SigningAlgorithm": "ECDSA_SHA_256"}},
		}),
	}})
	return awskms.NewKey(m.Stack, jsii.String(id), &awskms.KeyProps{
		Alias:         jsii.String(m.o.Name + "/" + alias),
		Description:   jsii.String(description),
		KeySpec:       awskms.KeySpec_ECC_NIST_P256,
		KeyUsage:      awskms.KeyUsage_SIGN_VERIFY,
		Policy:        policy,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY, // holds no data: a new key signs new tokens
		PendingWindow: awscdk.Duration_Days(jsii.Number(7)),
	})
}
