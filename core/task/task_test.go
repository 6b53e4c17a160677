package task_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/task"
)

// The samples are those of ECS's and EventBridge's documentation, and of tasks that ran.
func TestParseEvent(t *testing.T) {
	const fargate = "arn:aws:ecs:us-west-2:111122223333:task/FargateCluster/c13b4cb40f1f4fe4a2971f76ae5a47ad"
	for name, want := range map[string]task.Task{
		"fargate-running": {
			ARN: fargate, Cluster: "arn:aws:ecs:us-west-2:111122223333:cluster/FargateCluster", Family: "sample-fargate", Version: 4, Running: true,
			IPv4: "10.0.0.139", Zone: "us-west-2c", Containers: []task.Container{{Name: "FargateApp", Running: true}},
		},
		"service-stopping": {
			ARN: fargate, Cluster: "arn:aws:ecs:us-west-2:111122223333:cluster/FargateCluster", Service: "cart", Family: "sample-fargate", Version: 7,
			Stopping: true, IPv4: "10.0.0.139", Zone: "us-west-2c", Containers: []task.Container{{Name: "FargateApp"}},
		},
		"spot-interrupted": { // still runs, and is told to stop
			ARN:     "arn:aws:ecs:us-east-1:111122223333:task/b99d40b3-5176-4f71-9a52-9dbd6fEXAMPLE",
			Cluster: "arn:aws:ecs:us-east-1:111122223333:cluster/default", Version: 5, Stopping: true,
		},
		"bridge-running": { // has no address of its own
			ARN:     "arn:aws:ecs:us-east-1:123456789012:task/3102878e-4af2-4b3c-b9c1-2556b95b2bbf",
			Cluster: "arn:aws:ecs:us-east-1:123456789012:cluster/cluster1", Service: "web", Family: "testTD", Version: 2, Running: true,
			Containers: []task.Container{{Name: "test", Running: true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := task.ParseEvent(body)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}

// A task of several containers has the address of the first that has one, and is unhealthy as soon as one of them is, also
// where ECS sums up no health of the task.
func TestSeveralContainers(t *testing.T) {
	const body = `{"detail-type":"ECS Task State Change","detail":{"taskArn":"arn:a/b","clusterArn":"arn:b","version":1,"lastStatus":"RUNNING","containers":[
		{"name":"log","lastStatus":"STOPPED"},
		{"name":"app","lastStatus":"RUNNING","healthStatus":"UNHEALTHY","networkInterfaces":[{"ipv6Address":"2001:db8::1"},{"privateIpv4Address":"10.0.0.1"}]},
		{"name":"envoy","lastStatus":"RUNNING","healthStatus":"HEALTHY","networkInterfaces":[{"privateIpv4Address":"10.0.0.2","ipv6Address":"2001:db8::2"}]}]}}`
	got, err := task.ParseEvent([]byte(body))
	want := task.Task{
		ARN: "arn:a/b", Cluster: "arn:b", Version: 1, Running: true, IPv4: "10.0.0.1", IPv6: "2001:db8::1", Unhealthy: true,
		Containers: []task.Container{{Name: "log"}, {Name: "app", Running: true, Unhealthy: true}, {Name: "envoy", Running: true}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestBrokenEventsAreRefused(t *testing.T) {
	for body, want := range map[string]string{
		``: "unexpected end",
		`{"detail-type":"ECS Service Action","detail":{}}`:                                                                   `"ECS Service Action"`,
		`{"detail-type":"ECS Task State Change","detail":{}}`:                                                                "is no ARN",
		`{"detail-type":"ECS Task State Change","detail":{"taskArn":"arn:a/","clusterArn":"arn:b","version":1}}`:             "is no ARN",
		`{"detail-type":"ECS Task State Change","detail":{"taskArn":"arn:a/b","clusterArn":"arn:b"}}`:                        "detail.version is 0",
		`{"detail-type":"ECS Task State Change","detail":{"taskArn":"arn:a/b","clusterArn":"arn:b","version":"1"}}`:          "version",
		`{"detail-type":"ECS Task State Change","detail":{"taskArn":"arn:a/b","clusterArn":"arn:b","containers":{"a":"b"}}}`: "containers",
	} {
		if _, err := task.ParseEvent([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
	if _, err := task.ParseEvent([]byte(`{"detail-type":"x"}`)); !errors.Is(err, task.ErrOther) {
		t.Errorf("another event: %v", err)
	}
}

func TestStates(t *testing.T) {
	for _, c := range []struct {
		last, desired     string
		running, stopping bool
	}{
		{"PROVISIONING", "RUNNING", false, false}, {"PENDING", "RUNNING", false, false}, {"ACTIVATING", "RUNNING", false, false},
		{"RUNNING", "RUNNING", true, false}, {"RUNNING", "STOPPED", false, true}, {"PENDING", "STOPPED", false, true},
		{"DEACTIVATING", "STOPPED", false, true}, {"STOPPING", "STOPPED", false, true}, {"DEPROVISIONING", "STOPPED", false, true},
		{"STOPPED", "STOPPED", false, true}, {"STOPPED", "RUNNING", false, true},
		// Each is enough by itself, whatever is still wanted.
		{"DEACTIVATING", "RUNNING", false, true}, {"STOPPING", "RUNNING", false, true}, {"DEPROVISIONING", "RUNNING", false, true},
		{"DELETED", "RUNNING", false, true}, {"RUNNING", "", true, false},
	} {
		var got task.Task
		if got.States(c.last, c.desired); got.Running != c.running || got.Stopping != c.stopping {
			t.Errorf("%s, wanted %s: %+v", c.last, c.desired, got)
		}
	}
}

func TestFit(t *testing.T) {
	one := task.Task{Unhealthy: true, Containers: []task.Container{{Name: "app", Running: true}, {Name: "log", Running: true, Unhealthy: true}, {Name: "gone"}}}
	for container, want := range map[string]bool{"": false, "app": true, "log": false, "gone": false, "none": false} {
		if one.Fit(container) != want {
			t.Errorf("by %q: %v", container, !want)
		}
	}
}

func TestNamesInARNs(t *testing.T) {
	one := task.Task{ARN: "arn:aws:ecs:eu-west-1:123456789012:task/shop/abc", Cluster: "arn:aws:ecs:eu-west-1:123456789012:cluster/shop"}
	if one.ID() != "abc" || !one.In("shop") || !one.In(one.Cluster) || one.In("sho") || one.In("arn:aws:ecs:eu-west-2:123456789012:cluster/shop") {
		t.Errorf("%+v", one)
	}
	if task.ServiceOf("service:cart") != "cart" || task.ServiceOf("family:cart") != "" || task.FamilyOf("arn:aws:ecs:a:b:task-definition/cart:7") != "cart" {
		t.Error("a group or a definition is misread")
	}
}

func TestNewest(t *testing.T) {
	at := func(arn string, version int64, stopping bool) task.Task {
		return task.Task{ARN: arn, Version: version, Stopping: stopping}
	}
	got := task.Newest([]task.Task{at("a", 2, false), at("b", 1, false), at("a", 5, true), at("a", 3, false), at("b", 1, true), at("b", 1, false)})
	if diff := cmp.Diff([]task.Task{at("a", 5, true), at("b", 1, true)}, got); diff != "" {
		t.Error(diff)
	}
}
