// Package registry names images in a registry for task definitions. Those in a private repository of ECR, ECS pulls with
// the right of the task's execution role, which it gets here.
//
// It asks no registry whether an image is there. Start with Image.
package registry

import (
	"cmp"
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// private is an image in ECR: account, region, repository, and a tag or a digest.
var private = regexp.MustCompile(`^([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([a-z0-9._/-]+)(?::([A-Za-z0-9._-]+)|@(sha256:[0-9a-f]{64}))?$`)

// Private tells whether an image is in a private repository of ECR.
func Private(uri string) bool { return private.MatchString(uri) }

// Image is an image in a registry. id is free in scope.
func Image(scope constructs.Construct, id, uri string) awsecs.ContainerImage {
	m := private.FindStringSubmatch(uri)
	if m == nil {
		return awsecs.ContainerImage_FromRegistry(jsii.String(uri), nil)
	}
	account, region, name, version := m[1], m[2], m[3], cmp.Or(m[4], m[5], "latest")
	arn := "arn:" + *awscdk.Stack_Of(scope).Partition() + ":ecr:" + region + ":" + account + ":repository/" + name
	repository := awsecr.Repository_FromRepositoryAttributes(scope, jsii.String(id), &awsecr.RepositoryAttributes{
		RepositoryArn: jsii.String(arn), RepositoryName: jsii.String(name),
	})
	return awsecs.ContainerImage_FromEcrRepository(repository, jsii.String(version))
}
