package resource

import "regexp"

// This file: Ownmesh's own kind that says which tasks are instances of a virtual node.

// TaskBindingSpec makes the running tasks of an ECS service instances of a virtual node that is found in Cloud Map,
// where ECS itself does not register them.
type TaskBindingSpec struct {
	Cluster   string `json:"cluster"`   // name or ARN
	Service   string `json:"service"`   // the ECS service's name
	Container string `json:"container"` // whose health counts; "": that of the whole task
	// Port is where a task takes what is meant for the virtual node's listener; 0: the listener's own port.
	Port        int                    `json:"port"`
	VirtualNode TaskBindingVirtualNode `json:"virtualNode"`
}

// TaskBindingVirtualNode names the virtual node.
type TaskBindingVirtualNode struct {
	VirtualNodeName string `json:"virtualNodeName"`
}

// A cluster's ARN or name: arn:aws:ecs:eu-west-1:123456789012:cluster/shop, or shop.
var clusterReference = regexp.MustCompile(`^(arn:[^:/]+:ecs:[^:/]+:[0-9]{12}:cluster/)?[a-zA-Z0-9_-]+$`)

func checkTaskBinding(c *checker, p *path, spec node) {
	if cluster := spec.get("cluster"); cluster.kind == stringNode && !clusterReference.MatchString(cluster.text) {
		c.add(p.member("cluster"), "must be the name of an ECS cluster, or its ARN (arn:aws:ecs:REGION:ACCOUNT:cluster/NAME)", cluster.shown())
	}
}
