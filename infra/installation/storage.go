package installation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
)

// makeTables makes what users wrote, streamed; and instances, never streamed, so that tasks that come and go wake no
// compiler.
func (m *mesh) makeTables() {
	m.table = m.makeTable("Meshes", awsdynamodb.AttributeType_BINARY, func(p *awsdynamodb.TableProps) {
		p.Stream = awsdynamodb.StreamViewType_NEW_AND_OLD_IMAGES
	})
	m.instances = m.makeTable("Instances", awsdynamodb.AttributeType_STRING, func(p *awsdynamodb.TableProps) {
		p.TimeToLiveAttribute = jsii.String("expires")
	})
}

func (m *mesh) makeTable(id string, sort awsdynamodb.AttributeType, change func(*awsdynamodb.TableProps)) awsdynamodb.Table {
	props := awsdynamodb.TableProps{
		PartitionKey:                     &awsdynamodb.Attribute{Name: jsii.String("pk"), Type: awsdynamodb.AttributeType_STRING},
		SortKey:                          &awsdynamodb.Attribute{Name: jsii.String("sk"), Type: sort},
		BillingMode:                      awsdynamodb.BillingMode_PAY_PER_REQUEST,
		DeletionProtection:               jsii.Bool(!m.o.Destroy),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: jsii.Bool(true)},
		RemovalPolicy:                    m.removal(),
	}
	change(&props)
	return awsdynamodb.NewTable(m.Stack, jsii.String(id), &props)
}

// makeBucket makes where the logs lie. It has no versions: a delete marker would let a second object follow the same
// position. It has no lifecycle rule: a rule knows no age of a log, and would delete what relays start from; the collector
// deletes what nobody needs.
func (m *mesh) makeBucket() {
	m.bucket = awss3.NewBucket(m.Stack, jsii.String("Artifacts"), &awss3.BucketProps{
		Versioned:         jsii.Bool(false),
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		RemovalPolicy:     m.removal(),
	})
	accept(m.bucket, "AwsSolutions-S1", "Objects hold no secrets and are written by this stack's roles alone; who changed a mesh is in its journal. "+
		"Relays ask for each log once a second: access logs would cost more than the requests.")
}
