package reconcile

import (
	"context"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/task"
)

// Directory is where services and names are made known to others, and where others register instances: Cloud Map. What
// the account lacks, what is not ours to change and what we may not do is a *endpoint.RefusalError: it ends that one thing,
// and the next sweep tries again. Other errors are faults that pass: throttling, outages.
type Directory interface {
	endpoint.Source
	// Ensure makes sure of a service. owned: this mesh made it, now or before.
	Ensure(ctx context.Context, mesh string, s endpoint.ServiceKey) (owned bool, err error)
	// Release deletes a service that the mesh made and that has no instances. gone: there is none that the mesh made,
	// now or before.
	Release(ctx context.Context, mesh string, s endpoint.ServiceKey) (gone bool, err error)
	// ARN is that of a service, if there is such a service.
	ARN(ctx context.Context, s endpoint.ServiceKey) (arn string, ok bool, err error)
	// Publish registers an instance in an owned service, Withdraw deregisters one. port 0: none.
	Publish(ctx context.Context, i endpoint.Instance, port int) error
	Withdraw(ctx context.Context, k endpoint.InstanceKey) error
	// EnsureNames makes names resolve, and takes back others that it made for the mesh in that namespace. Refusals are
	// by name, of names that can't be taken back too; those about the namespace are under "". left: not all could be taken back yet.
	EnsureNames(ctx context.Context, mesh string, n endpoint.Names) (refusals map[string]*endpoint.RefusalError, left bool, err error)
}

// Tasks is what ECS knows of tasks. What ECS won't tell is a *endpoint.RefusalError; of a cluster or service that isn't
// there, one of the kind Missing: its tasks are no more.
type Tasks interface {
	// Running lists the tasks of an ECS service that are meant to run. cluster is a name or ARN.
	Running(ctx context.Context, cluster, service string) ([]task.Task, error)
	// RunningIn lists all of a cluster's tasks that are meant to run, if so many calls are enough; all tells whether they were.
	RunningIn(ctx context.Context, cluster string, calls int) (tasks []task.Task, all bool, err error)
	// Find describes tasks by ARN, without those that ECS has forgotten.
	Find(ctx context.Context, cluster string, arns []string) ([]task.Task, error)
	// Registries are, by ECS service, the ARNs of the directory's services in which ECS itself registers its tasks.
	// Refusals are by ECS service, too. One that is in neither could not be asked about: err says why.
	Registries(ctx context.Context, cluster string, services []string) (arns map[string][]string, refusals map[string]*endpoint.RefusalError, err error)
}

// Attributes of instances that a task binding registered.
const (
	AttributeMesh    = "OWNMESH_MESH"    // the mesh's uid
	AttributeBinding = "OWNMESH_BINDING" // the binding's name
	AttributeTask    = "OWNMESH_TASK"    // the task's ARN

	attributeCluster = "ECS_CLUSTER_NAME"
	attributeFamily  = "ECS_TASK_DEFINITION_FAMILY"
	attributeService = "ECS_SERVICE_NAME" // ECS gives it to what it registers itself
)

// Versions of instances that are tasks order by the task's own version, then by the mesh's generation: so what is newer
// of the task always counts, and among equals the newer binding or node does.
const (
	generationBits = 32
	anyGeneration  = 1<<generationBits - 1
	maxTaskVersion = 1<<30 - 1
)

func versionOf(t task.Task, generation int64) int64 {
	return min(t.Version, maxTaskVersion)<<generationBits | min(generation, anyGeneration-1)
}

// goneAt is the version of a task's removal: nothing that was known of it up to then brings it back.
func goneAt(t task.Task) int64 { return min(t.Version, maxTaskVersion)<<generationBits | anyGeneration }

// registeredByECS tells whether ECS itself registered an instance.
func registeredByECS(i endpoint.Instance) bool {
	return i.Attributes[attributeService] != "" && i.Attributes[AttributeTask] == ""
}
