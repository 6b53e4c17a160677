package stack

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// adapt makes a template one that the emulator's IAM understands; what policies say else stays as it is.
//   - What refuses calls without TLS goes: the emulator speaks HTTP alone.
//   - Who may sqs:SendMessage may sqs:SendMessageBatch: to AWS they are one permission, to the emulator two.
//   - What anywhere names may be done to any resource: the emulator takes another for it than AWS does.
//   - What may be done to tagged services of Cloud Map may be done to all: the emulator knows no aws:ResourceTag of theirs.
//   - A key signs for its role whatever the algorithm: the emulator knows no condition kms:SigningAlgorithm.
func adapt(template []byte) ([]byte, error) {
	var t map[string]any
	if err := json.Unmarshal(template, &t); err != nil {
		return nil, err
	}
	resources, ok := t["Resources"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the template has no resources")
	}
	adaptStatements(resources)
	allowPlaintext(resources)
	allowAlgorithms(resources)
	return json.Marshal(t)
}

// anywhere are actions that the emulator checks against the cluster, or against everything, instead of the service.
var anywhere = []string{"ecs:DescribeServices", "servicediscovery:ListTagsForResource"}

// adaptStatements goes through the statements of policies, wherever they lie below a value.
func adaptStatements(value any) {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			adaptStatements(one)
		}
	case map[string]any:
		for _, one := range v {
			adaptStatements(one)
		}
		action, ok := v["Action"]
		if !ok {
			return
		}
		actions, ok := action.([]any)
		if !ok {
			actions = []any{action}
		}
		if slices.Contains(actions, any("sqs:SendMessage")) {
			v["Action"] = append(actions, "sqs:SendMessageBatch")
		}
		if strings.Contains(fmt.Sprint(v["Condition"]), "aws:ResourceTag/") && slices.Contains(actions, any("servicediscovery:RegisterInstance")) {
			delete(v, "Condition")
		}
		for _, a := range anywhere {
			if slices.Contains(actions, any(a)) {
				v["Resource"] = "*"
			}
		}
	}
}

// allowAlgorithms takes the condition from what lets a key sign.
func allowAlgorithms(resources map[string]any) {
	for _, r := range resources {
		resource, _ := r.(map[string]any)
		if resource["Type"] != "AWS::KMS::Key" {
			continue
		}
		for _, s := range statements(resource, "KeyPolicy") {
			if statement, ok := s.(map[string]any); ok && strings.Contains(fmt.Sprint(statement["Condition"]), "kms:SigningAlgorithm") {
				delete(statement, "Condition")
			}
		}
	}
}

// statements are those of a policy that is a property of a resource.
func statements(resource map[string]any, property string) []any {
	properties, _ := resource["Properties"].(map[string]any)
	policy, _ := properties[property].(map[string]any)
	all, _ := policy["Statement"].([]any)
	return all
}

// allowPlaintext deletes statements of policies, and policies that said nothing else.
func allowPlaintext(resources map[string]any) {
	empty := map[string]bool{}
	for id, r := range resources {
		resource, _ := r.(map[string]any)
		if kind := resource["Type"]; kind != "AWS::SQS::QueuePolicy" && kind != "AWS::S3::BucketPolicy" {
			continue
		}
		kept := slices.DeleteFunc(statements(resource, "PolicyDocument"), func(s any) bool {
			text := fmt.Sprint(s)
			return strings.Contains(text, "aws:SecureTransport") || strings.Contains(text, "s3:TlsVersion")
		})
		resource["Properties"].(map[string]any)["PolicyDocument"].(map[string]any)["Statement"] = kept
		empty[id] = len(kept) == 0
	}
	maps.DeleteFunc(resources, func(id string, _ any) bool { return empty[id] })
	for _, r := range resources {
		resource, _ := r.(map[string]any)
		if needs, ok := resource["DependsOn"].([]any); ok {
			resource["DependsOn"] = slices.DeleteFunc(needs, func(id any) bool { return empty[fmt.Sprint(id)] })
		}
	}
}
