package aws_test

import (
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/test/aws/installation"
)

func TestMain(m *testing.M) { installation.Main(m) }

func TestTheSynthesizedStackDeploys(t *testing.T) {
	s := installation.Get(t)
	for _, output := range []string{"Api", "ApiId", "Table", "InstancesTable", "Bucket", "Bus", "TokenKey", "RelayCaKey", "Relay",
		"CompileQueue", "RegisterQueue", "TaskQueue", "PoisonQueue", "OperatorsPolicy", "ReadersPolicy"} {
		if s.Outputs[output] == "" {
			t.Errorf("output %s is empty", output)
		}
	}
	if got := s.Outputs["Relay"]; got != "relay."+s.Name+".internal:15010" {
		t.Errorf("Relay is %q", got)
	}
	for kind, want := range map[string]int{"AWS::Lambda::Function": 5, "AWS::SQS::Queue": 7, "AWS::DynamoDB::Table": 2,
		"AWS::Lambda::EventSourceMapping": 4, "AWS::KMS::Key": 2, "AWS::ECS::Service": 1} {
		if got := s.Resources[kind]; len(got) != want {
			t.Errorf("%d of %s, want %d: %s", len(got), kind, want, strings.Join(got, ", "))
		}
	}
}
