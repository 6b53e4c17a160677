package reconcile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/task"
)

// binding is a task binding that has an effect: the tasks of an ECS service are instances of a service in the registry.
type binding struct {
	name string
	spec resource.TaskBindingSpec
	node nodeService
	port int // listener port that spec.Port stands for; 0: none, ports are themselves
}

// of is the ECS service whose tasks are bound.
func (b binding) of() ecsService { return ecsService{b.spec.Cluster, b.spec.Service} }

// matches tells whether the task is one of the binding's.
func (b binding) matches(t task.Task) bool {
	return t.Service == b.spec.Service && t.In(b.spec.Cluster)
}

// publicPort is the port that the directory names for the binding's tasks; 0: none.
func (b binding) publicPort() int {
	if b.spec.Port != 0 || len(b.node.ports) == 0 {
		return b.spec.Port
	}
	return b.node.ports[0]
}

// bound are the mesh's bindings that have an effect, by name, and what is wrong with the others.
func (w *warmEndpoints) bound() ([]binding, []resource.Finding) {
	var all []binding
	var found []resource.Finding
	for _, key := range slices.SortedFunc(maps.Keys(w.bindings), resource.Key.Compare) {
		spec := w.bindings[key]
		note := func(path, code, message, hint string) {
			found = append(found, resource.Finding{Resource: key, Path: path, Code: code, Message: message, Hint: hint})
		}
		node, ok := w.nodes[resource.Key{Kind: resource.KindVirtualNode, Name: spec.VirtualNode.VirtualNodeName}]
		if !ok {
			note("spec.virtualNode", "task-binding-without-cloud-map",
				fmt.Sprintf("virtual node %q is not found in Cloud Map: its instances are not looked up, and no task is bound to it", spec.VirtualNode.VirtualNodeName),
				"give the node serviceDiscovery.awsCloudMap")
			continue
		}
		b := binding{name: key.Name, spec: spec, node: node}
		if i := slices.IndexFunc(all, func(o binding) bool {
			return o.node.service == node.service && o.spec.Service == spec.Service && sameCluster(o.spec.Cluster, spec.Cluster)
		}); i >= 0 {
			note("spec", "task-binding-duplicate", fmt.Sprintf("task binding %q binds the same tasks to the same Cloud Map service: that one counts", all[i].name), "remove one of them")
			continue
		}
		switch {
		case spec.Port == 0 || len(node.ports) == 1:
			if spec.Port != 0 && spec.Port != node.ports[0] {
				b.port = node.ports[0]
			}
		case !slices.Contains(node.ports, spec.Port):
			note("spec.port", "task-binding-port",
				fmt.Sprintf("virtual node %q has %d listeners, and none has port %d: nothing says which one it stands for, and each listener's own port is used", spec.VirtualNode.VirtualNodeName, len(node.ports), spec.Port),
				"leave port out, or bind a node with one listener")
		}
		all = append(all, b)
	}
	return all, found
}

// sameCluster compares clusters given by name or ARN.
func sameCluster(a, b string) bool {
	named := func(c string) string { return task.Task{Cluster: c}.ClusterName() }
	return named(a) == named(b)
}

// instance is a running task as an instance of what it is bound to.
func (w *warmEndpoints) instance(b binding, t task.Task) endpoint.Instance {
	attributes := maps.Clone(b.node.attributes)
	attributes[attributeCluster] = t.ClusterName()
	attributes[AttributeMesh], attributes[AttributeBinding], attributes[AttributeTask] = w.mesh.UID, b.name, t.ARN
	if t.Family != "" {
		attributes[attributeFamily] = t.Family
	}
	maps.Copy(attributes, b.node.attributes) // what the node asks for is what it gets
	i := endpoint.Instance{
		Namespace: b.node.service.Namespace, Service: b.node.service.Service, ID: t.ID(), IPv4: t.IPv4, IPv6: t.IPv6, Zone: t.Zone,
		Attributes: attributes, Unhealthy: !t.Fit(b.spec.Container), Version: versionOf(t, w.generation),
	}
	if b.port != 0 {
		i.Ports = map[int]int{b.port: b.spec.Port}
	}
	return i
}
