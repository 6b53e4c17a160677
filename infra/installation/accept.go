package installation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// accept writes beside a resource, in the template, that a rule of cdk-nag is not followed there, and why.
func accept(c constructs.IConstruct, rule, reason string) {
	resource, ok := c.Node().DefaultChild().(awscdk.CfnResource)
	if !ok {
		resource = c.(awscdk.CfnResource)
	}
	suppressions := []any{}
	if before, ok := resource.GetMetadata(jsii.String("cdk_nag")).(map[string]any); ok {
		suppressions = before["rules_to_suppress"].([]any)
	}
	suppressions = append(suppressions, map[string]any{"id": rule, "reason": reason})
	resource.AddMetadata(jsii.String("cdk_nag"), map[string]any{"rules_to_suppress": suppressions})
}
