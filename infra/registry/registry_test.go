package registry_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/infra/registry"
)

func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// TestWhatIsInECRMayBePulled: without the right ECS says CannotPullContainerError.
func TestWhatIsInECRMayBePulled(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	for _, c := range []struct {
		uri, image string
		pulls      bool
	}{
		{"111122223333.dkr.ecr.eu-west-1.amazonaws.com/ownmesh/sidecar:1.0", "/ownmesh/sidecar:1.0", true},
		{"111122223333.dkr.ecr.eu-west-1.amazonaws.com/sidecar@" + digest, "/sidecar@" + digest, true},
		{"111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/sidecar", "/sidecar:latest", true},
		{"public.ecr.aws/ownmesh/sidecar:1.0", "public.ecr.aws/ownmesh/sidecar:1.0", false},
		{"registry.example/sidecar:1.0", "registry.example/sidecar:1.0", false},
	} {
		stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("stack"), nil)
		task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), nil)
		task.AddContainer(jsii.String("one"), &awsecs.ContainerDefinitionOptions{Image: registry.Image(stack, "Image", c.uri)})
		task.AddContainer(jsii.String("two"), &awsecs.ContainerDefinitionOptions{Image: registry.Image(stack, "Other", c.uri), Essential: jsii.Bool(false)})
		data, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
		if err != nil {
			t.Fatal(err)
		}
		template := string(data)
		if registry.Private(c.uri) != c.pulls || strings.Contains(template, `"ecr:BatchGetImage"`) != c.pulls || strings.Contains(template, ":repository/") != c.pulls {
			t.Errorf("%s: may be pulled: want %v: %s", c.uri, c.pulls, template)
		}
		if !strings.Contains(template, c.image+`"`) {
			t.Errorf("%s: no image %s in %s", c.uri, c.image, template)
		}
	}
}
