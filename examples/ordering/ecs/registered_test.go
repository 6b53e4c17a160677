package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/ownmesh/ownmesh/internal/emulator"
)

// TestECSTakesTheTaskDefinitions of both variants as CloudFormation would register them, and has all of them; and they obey
// the rules of ECS and Fargate that the emulator doesn't know.
func TestECSTakesTheTaskDefinitions(t *testing.T) {
	client := awsecs.NewFromConfig(emulator.Config(t))
	for name, template := range map[string]template{"transparent": transparent(), "explicit": explicit()} {
		definitions := template.definitions(t)
		if len(definitions) != len(services)+1 {
			t.Errorf("%s: %d task definitions", name, len(definitions))
		}
		template.makeRoles(t)
		for id, in := range definitions {
			for _, wrong := range broken(in) {
				t.Errorf("%s: %s: %s", name, aws.ToString(in.Family), wrong)
			}
			made, err := client.RegisterTaskDefinition(t.Context(), in)
			if err != nil {
				t.Errorf("%s: %s: %v", name, id, err)
				continue
			}
			out, err := client.DescribeTaskDefinition(t.Context(), &awsecs.DescribeTaskDefinitionInput{TaskDefinition: made.TaskDefinition.TaskDefinitionArn})
			if err != nil {
				t.Fatal(err)
			}
			for _, lost := range lost(plain(t, in), plain(t, out.TaskDefinition), "") {
				t.Errorf("%s: %s: ECS has not %s", name, id, lost)
			}
		}
		for _, wrong := range template.misled(t, definitions) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// makeRoles makes the template's roles, which must be there before a task definition that names them.
func (t template) makeRoles(tb testing.TB) {
	tb.Helper()
	client := iam.NewFromConfig(emulator.Config(tb))
	for id, r := range t.Resources {
		if r.Type != "AWS::IAM::Role" {
			continue
		}
		trust, err := json.Marshal(t.resolve(tb, r.Properties["AssumeRolePolicyDocument"]))
		if err != nil {
			tb.Fatal(err)
		}
		if !strings.Contains(string(trust), `"ecs-tasks.amazonaws.com"`) {
			tb.Errorf("%s is no role of tasks: %s", id, trust)
		}
		_, err = client.CreateRole(tb.Context(), &iam.CreateRoleInput{RoleName: aws.String(id), AssumeRolePolicyDocument: aws.String(string(trust))})
		if there := (*types.EntityAlreadyExistsException)(nil); err != nil && !errors.As(err, &there) { // by the other variant
			tb.Fatal(err)
		}
	}
}

// definitions are the template's task definitions by logical id, as the API takes them: its members and CloudFormation's
// have the same names but for one.
func (t template) definitions(tb testing.TB) map[string]*awsecs.RegisterTaskDefinitionInput {
	tb.Helper()
	all := map[string]*awsecs.RegisterTaskDefinitionInput{}
	for id, r := range t.Resources {
		if r.Type != "AWS::ECS::TaskDefinition" {
			continue
		}
		data, err := json.Marshal(t.resolve(tb, r.Properties))
		if err != nil {
			tb.Fatal(err)
		}
		data = bytes.ReplaceAll(data, []byte(`"ProxyConfigurationProperties":`), []byte(`"Properties":`))
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		all[id] = &awsecs.RegisterTaskDefinitionInput{}
		if err := decoder.Decode(all[id]); err != nil {
			tb.Fatalf("%s: %v in %s", id, err, data)
		}
	}
	return all
}

// resolve puts in what CloudFormation would know of a stack in eu-west-1.
func (t template) resolve(tb testing.TB, v any) any {
	tb.Helper()
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = t.resolve(tb, v[i])
		}
		return out
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			known := map[string]string{"AWS::Region": "eu-west-1", "AWS::URLSuffix": "amazonaws.com", "AWS::Partition": "aws", "AWS::AccountId": "123456789012"}
			if value, ok := known[ref]; ok {
				return value
			}
			if t.Resources[ref].Type == "" {
				tb.Fatalf("Ref %s leads nowhere", ref)
			}
			return ref
		}
		if of, ok := v["Fn::GetAtt"].([]any); ok {
			if kind := t.Resources[of[0].(string)].Type; kind != "AWS::IAM::Role" || of[1] != "Arn" {
				tb.Fatalf("Fn::GetAtt %v of %q", of, kind)
			}
			return fmt.Sprintf("arn:aws:iam::123456789012:role/%v", of[0])
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			var parts []string
			for _, part := range t.resolve(tb, join[1]).([]any) {
				parts = append(parts, part.(string))
			}
			return strings.Join(parts, join[0].(string))
		}
		out := map[string]any{}
		for key, member := range v {
			out[key] = t.resolve(tb, member)
		}
		return out
	}
	return v
}

// misled are services whose load balancer sends requests to a port that no container of the task definition has.
func (t template) misled(tb testing.TB, definitions map[string]*awsecs.RegisterTaskDefinitionInput) (wrong []string) {
	tb.Helper()
	balanced := 0
	for id, r := range t.Resources {
		balancers, _ := r.Properties["LoadBalancers"].([]any)
		if r.Type != "AWS::ECS::Service" || len(balancers) == 0 {
			continue
		}
		in := definitions[t.resolve(tb, r.Properties["TaskDefinition"]).(string)]
		for _, b := range balancers {
			balanced++
			to := b.(map[string]any)
			if in == nil || !slices.ContainsFunc(ports(in), func(p mapped) bool {
				return p.container == to["ContainerName"] && float64(p.port) == to["ContainerPort"]
			}) {
				wrong = append(wrong, fmt.Sprintf("%s: no container %v has port %v", id, to["ContainerName"], to["ContainerPort"]))
			}
		}
	}
	if balanced != 1 {
		wrong = append(wrong, fmt.Sprintf("%d services have load balancers, want the gateway", balanced))
	}
	return wrong
}

// plain is a value as JSON has it.
func plain(tb testing.TB, v any) (out any) {
	tb.Helper()
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// lost is what was sent and didn't come back.
func lost(sent, got any, path string) (all []string) {
	switch v := sent.(type) {
	case nil:
	case map[string]any:
		other, _ := got.(map[string]any)
		for key := range v {
			all = append(all, lost(v[key], other[key], path+"."+key)...)
		}
	case []any:
		other, _ := got.([]any)
		if len(other) != len(v) {
			return []string{fmt.Sprintf("%s: %v, but %v", path, sent, got)}
		}
		for i := range v {
			all = append(all, lost(v[i], other[i], fmt.Sprint(path, "[", i, "]"))...)
		}
	default:
		if empty := sent == "" || sent == false || sent == 0.0; !empty && !reflect.DeepEqual(sent, got) {
			all = append(all, fmt.Sprintf("%s: %v, but %v", path, sent, got))
		}
	}
	return all
}
