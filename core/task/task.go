// Package task knows tasks of Amazon ECS as far as the registry of instances needs them: where one is, whether it
// runs, and how new what is known of it is.
//
// It is pure: events come in as the JSON that EventBridge delivers. It never asks ECS; adapters/ecs does. Start with
// Task and ParseEvent.
package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Task is one task at one time.
type Task struct {
	ARN     string
	Cluster string // ARN
	Service string // the ECS service that it belongs to; "": none
	Family  string // of its task definition
	// Version orders what is known of the task: ECS raises it with each change, and gives it in events and answers alike.
	Version    int64
	Running    bool   // runs, and is meant to
	Stopping   bool   // will stop, is stopping or has stopped: it never runs again
	IPv4, IPv6 string // of its own network interface; both "": it has none, as in bridge and host mode
	Zone       string // availability zone
	Unhealthy  bool   // a health check of one of its containers failed
	Containers []Container
}

// Container is a container of a task.
type Container struct {
	Name      string
	Running   bool
	Unhealthy bool
}

// ID is the last part of the task's ARN. Under it ECS registers tasks in Cloud Map, too.
func (t Task) ID() string { return last(t.ARN) }

// ClusterName is the last part of the cluster's ARN.
func (t Task) ClusterName() string { return last(t.Cluster) }

// In tells whether the task belongs to the cluster, given by name or ARN.
func (t Task) In(cluster string) bool { return cluster == t.Cluster || cluster == t.ClusterName() }

// Has tells whether the task has a container of that name.
func (t Task) Has(container string) bool {
	return slices.ContainsFunc(t.Containers, func(c Container) bool { return c.Name == container })
}

// Fit tells whether the task can take requests, by the word of one container's health, or of all for "".
func (t Task) Fit(container string) bool {
	if container == "" {
		return !t.Unhealthy
	}
	for _, c := range t.Containers {
		if c.Name == container {
			return c.Running && !c.Unhealthy
		}
	}
	return false
}

// stopped are the states from which a task never comes back: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
var stopped = map[string]bool{"DEACTIVATING": true, "STOPPING": true, "DEPROVISIONING": true, "STOPPED": true, "DELETED": true}

// States sets Running and Stopping from what ECS calls the last and the desired status.
func (t *Task) States(last, desired string) {
	t.Stopping = stopped[last] || stopped[desired]
	t.Running = last == "RUNNING" && !t.Stopping
}

// ServiceOf reads the name of an ECS service from a task's group: service:cart. Tasks that nobody's service started have
// other groups.
func ServiceOf(group string) string {
	name, ok := strings.CutPrefix(group, "service:")
	if !ok {
		return ""
	}
	return name
}

// FamilyOf reads the family from a task definition's ARN: …:task-definition/cart:7.
func FamilyOf(definition string) string {
	family, _, _ := strings.Cut(last(definition), ":")
	return family
}

func last(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// detailType is what EventBridge calls these events.
const detailType = "ECS Task State Change"

// event is the part of an event that is read.
type event struct {
	DetailType string `json:"detail-type"`
	Detail     struct {
		TaskARN           string `json:"taskArn"`
		ClusterARN        string `json:"clusterArn"`
		TaskDefinitionARN string `json:"taskDefinitionArn"`
		Group             string `json:"group"`
		LastStatus        string `json:"lastStatus"`
		DesiredStatus     string `json:"desiredStatus"`
		HealthStatus      string `json:"healthStatus"`
		AvailabilityZone  string `json:"availabilityZone"`
		Version           int64  `json:"version"`
		Containers        []struct {
			Name              string `json:"name"`
			LastStatus        string `json:"lastStatus"`
			HealthStatus      string `json:"healthStatus"`
			NetworkInterfaces []struct {
				IPv4 string `json:"privateIpv4Address"`
				IPv6 string `json:"ipv6Address"`
			} `json:"networkInterfaces"`
		} `json:"containers"`
	} `json:"detail"`
}

// unhealthy is ECS's word for a failed health check.
const unhealthy = "UNHEALTHY"

// ErrOther says that an event is none of a task's state: it may be dropped.
var ErrOther = errors.New("it is no ECS Task State Change")

// ParseEvent reads an event as EventBridge delivers it, an ECS Task State Change. What it doesn't know it ignores.
func ParseEvent(body []byte) (Task, error) {
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return Task{}, fmt.Errorf("read a task event: %w", err)
	}
	d := e.Detail
	switch {
	case e.DetailType != detailType:
		return Task{}, fmt.Errorf("read a task event: its detail-type is %.100q: %w", e.DetailType, ErrOther)
	case !strings.HasPrefix(d.TaskARN, "arn:") || last(d.TaskARN) == "" || !strings.HasPrefix(d.ClusterARN, "arn:"):
		return Task{}, fmt.Errorf("read a task event: taskArn %.100q or clusterArn %.100q is no ARN", d.TaskARN, d.ClusterARN)
	case d.Version < 1:
		return Task{}, fmt.Errorf("read the event of task %s: detail.version is %d, and must be at least 1", d.TaskARN, d.Version)
	}
	t := Task{
		ARN: d.TaskARN, Cluster: d.ClusterARN, Service: ServiceOf(d.Group), Family: FamilyOf(d.TaskDefinitionARN), Version: d.Version,
		Zone: d.AvailabilityZone, Unhealthy: d.HealthStatus == unhealthy,
	}
	t.States(d.LastStatus, d.DesiredStatus)
	for _, c := range d.Containers {
		failed := c.HealthStatus == unhealthy
		t.Containers = append(t.Containers, Container{Name: c.Name, Running: c.LastStatus == "RUNNING", Unhealthy: failed})
		t.Unhealthy = t.Unhealthy || failed
		for _, i := range c.NetworkInterfaces {
			t.Address(i.IPv4, i.IPv6)
		}
	}
	return t, nil
}

// Address notes an address of the task's network interface; the first of each family counts.
func (t *Task) Address(ipv4, ipv6 string) {
	if t.IPv4 == "" {
		t.IPv4 = ipv4
	}
	if t.IPv6 == "" {
		t.IPv6 = ipv6
	}
}

// Newest keeps the newest of what is known of each task, in the order in which the tasks first appear.
func Newest(tasks []Task) []Task {
	var out []Task
	at := map[string]int{}
	for _, t := range tasks {
		i, known := at[t.ARN]
		switch {
		case !known:
			at[t.ARN] = len(out)
			out = append(out, t)
		case t.Version > out[i].Version || t.Version == out[i].Version && t.Stopping:
			out[i] = t
		}
	}
	return out
}
