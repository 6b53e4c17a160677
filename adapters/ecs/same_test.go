package ecs_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/adapters/ecs"
	"github.com/ownmesh/ownmesh/core/task"
)

// described is an ECS that knows one task.
type described struct {
	ecs.API
	one types.Task
}

func (d described) DescribeTasks(context.Context, *awsecs.DescribeTasksInput, ...func(*awsecs.Options)) (*awsecs.DescribeTasksOutput, error) {
	return &awsecs.DescribeTasksOutput{Tasks: []types.Task{d.one}}, nil
}

// TestAnEventAndAnAnswerSayTheSame of one task: else each sweep would change what an event told. The emulator's tasks have
// neither network nor health.
func TestAnEventAndAnAnswerSayTheSame(t *testing.T) {
	one := types.Task{
		TaskArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:task/shop/abc"), ClusterArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:cluster/shop"),
		TaskDefinitionArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:task-definition/cart:7"), Group: aws.String("service:cart"), Version: 5,
		LastStatus: aws.String("RUNNING"), DesiredStatus: aws.String("RUNNING"), AvailabilityZone: aws.String("eu-west-1b"),
		Containers: []types.Container{
			{Name: aws.String("log"), LastStatus: aws.String("STOPPED")},
			{Name: aws.String("app"), LastStatus: aws.String("RUNNING"), HealthStatus: types.HealthStatusUnhealthy, NetworkInterfaces: []types.NetworkInterface{
				{Ipv6Address: aws.String("2001:db8::1")}, {PrivateIpv4Address: aws.String("10.0.0.1")}}},
			{Name: aws.String("envoy"), LastStatus: aws.String("RUNNING"), HealthStatus: types.HealthStatusHealthy, NetworkInterfaces: []types.NetworkInterface{
				{PrivateIpv4Address: aws.String("10.0.0.2"), Ipv6Address: aws.String("2001:db8::2")}}},
		},
	}
	for _, health := range []types.HealthStatus{"", types.HealthStatusUnknown, types.HealthStatusHealthy, types.HealthStatusUnhealthy} {
		for _, app := range []types.HealthStatus{types.HealthStatusHealthy, types.HealthStatusUnhealthy} {
			one.HealthStatus, one.Containers[1].HealthStatus = health, app
			got, err := ecs.New(described{one: one}, time.Now).Find(t.Context(), "shop", []string{*one.TaskArn})
			if err != nil || len(got) != 1 {
				t.Fatal(got, err)
			}
			told, err := task.ParseEvent(event(t, one))
			if diff := cmp.Diff(told, got[0]); err != nil || diff != "" || !told.Running || told.IPv4 != "10.0.0.1" || told.IPv6 != "2001:db8::1" {
				t.Errorf("task %q, container %q: %v %s\n%+v", health, app, err, diff, told)
			}
			if bad := health == types.HealthStatusUnhealthy || app == types.HealthStatusUnhealthy; told.Unhealthy != bad {
				t.Errorf("task %q, container %q: unhealthy is %v", health, app, told.Unhealthy)
			}
		}
	}
}

// event is what EventBridge delivers of a task: the members that ECS's API has, their names in lower case.
func event(t *testing.T, one types.Task) []byte {
	t.Helper()
	containers := []map[string]any{}
	for _, c := range one.Containers {
		interfaces := []map[string]any{}
		for _, i := range c.NetworkInterfaces {
			interfaces = append(interfaces, map[string]any{"privateIpv4Address": i.PrivateIpv4Address, "ipv6Address": i.Ipv6Address})
		}
		containers = append(containers, map[string]any{"name": c.Name, "lastStatus": c.LastStatus, "healthStatus": c.HealthStatus, "networkInterfaces": interfaces})
	}
	body, err := json.Marshal(map[string]any{"detail-type": "ECS Task State Change", "detail": map[string]any{
		"taskArn": one.TaskArn, "clusterArn": one.ClusterArn, "taskDefinitionArn": one.TaskDefinitionArn, "group": one.Group, "version": one.Version,
		"lastStatus": one.LastStatus, "desiredStatus": one.DesiredStatus, "availabilityZone": one.AvailabilityZone, "healthStatus": one.HealthStatus,
		"containers": containers,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}
