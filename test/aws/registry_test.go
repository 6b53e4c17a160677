package aws_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/test/aws/installation"
	"github.com/ownmesh/ownmesh/test/machine"
)

// tasked is a mesh in which front calls back, whose instances are tasks of an ECS service, with addresses and without
// Envoys of their own.
const tasked = `
kind: Interception
interceptionName: all
spec: {mode: explicit}
---
kind: VirtualNode
virtualNodeName: back
spec:
  listeners: [{portMapping: {port: PORT, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: NAMESPACE, serviceName: SERVICE}}
---
kind: VirtualService
virtualServiceName: back.NAMESPACE
spec: {provider: {virtualNode: {virtualNodeName: back}}}
---
kind: VirtualNode
virtualNodeName: front
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: NAMESPACE, serviceName: front-SERVICE}}
  backends: [{virtualService: {virtualServiceName: back.NAMESPACE}}]
`

const binding = `
kind: TaskBinding
taskBindingName: back
spec: {cluster: CLUSTER, service: back, virtualNode: {virtualNodeName: back}}
`

// Tasks that a TaskBinding names are instances of their node from ECS's event that they run to its event that they are to
// stop: in Cloud Map, in the endpoints log, and for the Envoys that call them.
//
// It is not parallel: another test's sweep would ask the emulator's ECS, which has no tasks.
func TestTasksOfABinding(t *testing.T) {
	m := newTasked(t, binding)
	for _, task := range []string{"one", "two"} {
		m.task(t, task)
		m.says(t, task, "RUNNING", 3)
	}
	m.gets(t, "one", "two")
	if got := m.public(t); len(got) != 2 {
		t.Errorf("Cloud Map has %v, want both tasks", got)
	}
	began := time.Now()
	m.says(t, "one", "STOPPED", 4)
	m.gets(t, "two")
	t.Logf("after the event that a task is to stop no request goes to it after %v", time.Since(began).Round(time.Millisecond))
	m.says(t, "one", "RUNNING", 3) // once more, late
	m.task(t, "three")
	m.says(t, "three", "RUNNING", 3)
	m.gets(t, "two", "three")
	if got := m.public(t); len(got) != 2 {
		t.Errorf("Cloud Map has %v, want two and three", got)
	}
}

// What ECS registers by itself is read, and never changed. A task that is to stop gets no more requests, though Cloud Map
// still lists it.
func TestTasksThatECSRegisters(t *testing.T) {
	t.Parallel()
	m := newTasked(t, "")
	m.ecsService(t)
	for _, task := range []string{"one", "two"} {
		m.task(t, task)
		_, err := m.discovery.RegisterInstance(t.Context(), &servicediscovery.RegisterInstanceInput{
			ServiceId: m.service(t), InstanceId: aws.String(m.id(task)), Attributes: map[string]string{
				"AWS_INSTANCE_IPV4": m.addresses[task], "AWS_INSTANCE_PORT": strconv.Itoa(m.port), "ECS_SERVICE_NAME": "back",
				"ECS_CLUSTER_NAME": m.cluster, "ECS_TASK_DEFINITION_FAMILY": "back", "AVAILABILITY_ZONE": "us-east-1a", "AWS_INIT_HEALTH_STATUS": "HEALTHY",
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		m.says(t, task, "RUNNING", 3)
	}
	m.gets(t, "one", "two")
	m.says(t, "one", "STOPPED", 4)
	m.gets(t, "two")
	m.Sweep(t)
	m.gets(t, "two")
	if got := m.public(t); len(got) != 2 {
		t.Errorf("Cloud Map has %v: what ECS registered is ECS's to take back", got)
	}
}

// taskMesh is a mesh with tasks.
type taskMesh struct {
	*installation.Installation
	*machine.User
	discovery *servicediscovery.Client
	namespace string
	label     string // of back's service in Cloud Map: the emulator tells none apart by namespace
	cluster   string
	port      int
	addresses map[string]string // of tasks, by name
	front     *installation.Node
	back      string // as front calls it
}

func newTasked(t *testing.T, more string) *taskMesh {
	t.Helper()
	i := installation.Get(t)
	i.ShowFaults(t)
	m := &taskMesh{Installation: i, User: i.As(t, i.User(t, "Operators")), discovery: servicediscovery.NewFromConfig(i.Config),
		cluster: emulator.Name(t), label: emulator.Name(t), port: machine.FreePort(t), addresses: map[string]string{}}
	m.Mesh = emulator.Name(t)
	m.namespace = m.Mesh + ".local"
	m.back = fmt.Sprintf("back.%s:%d", m.namespace, m.port)
	_, err := m.discovery.CreatePrivateDnsNamespace(t.Context(), &servicediscovery.CreatePrivateDnsNamespaceInput{Name: &m.namespace, Vpc: aws.String(i.Outputs["Vpc"])})
	if err != nil {
		t.Fatal(err)
	}
	if more == "" {
		m.makeService(t)
	}
	if more != "" {
		more = "---" + more
	}
	m.Apply("{kind: Mesh, meshName: " + m.Mesh + "}\n---" +
		strings.NewReplacer("NAMESPACE", m.namespace, "PORT", strconv.Itoa(m.port), "CLUSTER", m.cluster, "SERVICE", m.label).Replace(tasked+more))
	m.front = i.NodeOf(m.User, t, "front", m.back)
	m.front.Healthy()
	return m
}

// makeService makes back in Cloud Map, as a user does for ECS to register tasks in.
func (m *taskMesh) makeService(t *testing.T) {
	t.Helper()
	_, err := m.discovery.CreateService(t.Context(), &servicediscovery.CreateServiceInput{Name: &m.label, NamespaceId: m.namespaceID(t),
		DnsConfig: &types.DnsConfig{DnsRecords: []types.DnsRecord{{Type: types.RecordTypeA, TTL: aws.Int64(10)}}}})
	if err != nil {
		t.Fatal(err)
	}
}

// ecsService makes an ECS service that registers its tasks there. The emulator would not: the test does it for ECS.
func (m *taskMesh) ecsService(t *testing.T) {
	t.Helper()
	client := ecs.NewFromConfig(m.Config)
	if _, err := client.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: &m.cluster}); err != nil {
		t.Fatal(err)
	}
	_, err := client.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{Family: &m.cluster, ContainerDefinitions: []ecstypes.ContainerDefinition{
		{Name: aws.String("app"), Image: aws.String("app"), Memory: aws.Int32(64)}}})
	if err != nil {
		t.Fatal(err)
	}
	arn := fmt.Sprintf("arn:aws:servicediscovery:%s:000000000000:service/%s", emulator.Region, *m.service(t))
	_, err = client.CreateService(t.Context(), &ecs.CreateServiceInput{Cluster: &m.cluster, ServiceName: aws.String("back"), TaskDefinition: &m.cluster,
		DesiredCount: aws.Int32(0), ServiceRegistries: []ecstypes.ServiceRegistry{{RegistryArn: &arn}}})
	if err != nil {
		t.Fatal(err)
	}
}

// task runs an application at an address of its own, as a task has one, that answers with its name.
func (m *taskMesh) task(t *testing.T, name string) {
	t.Helper()
	m.addresses[name] = fmt.Sprintf("127.0.0.%d", 2+len(m.addresses))
	l, err := net.Listen("tcp", net.JoinHostPort(m.addresses[name], strconv.Itoa(m.port)))
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
}

// id is a task's, as in its ARN.
func (m *taskMesh) id(task string) string { return m.cluster + task }

// says sends the event that ECS has to say of a task: AWS's own sample, with this task's names in it. In AWS the rule of
// the stack puts it on the queue; the emulator takes no events of aws.ecs.
func (m *taskMesh) says(t *testing.T, task, status string, version int) {
	t.Helper()
	sample, err := os.ReadFile(filepath.Join(envoybin.Root(), "core/task/testdata/fargate-running.json"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("10.0.0.139", m.addresses[task], "c13b4cb40f1f4fe4a2971f76ae5a47ad", m.id(task), "FargateCluster", m.cluster,
		"family:sample-fargate", "service:back", "us-west-2", emulator.Region, "111122223333", "000000000000").Replace(string(sample))
	var event map[string]any
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		t.Fatal(err)
	}
	detail := event["detail"].(map[string]any)
	detail["version"], detail["desiredStatus"] = version, status
	body, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqs.NewFromConfig(m.Config).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(m.Outputs["TaskQueue"]), MessageBody: aws.String(string(body))})
	if err != nil {
		t.Fatal(err)
	}
}

// gets waits until front's requests are answered by these tasks, each of them, and no other.
func (m *taskMesh) gets(t *testing.T, tasks ...string) {
	t.Helper()
	machine.Eventually(t, fmt.Sprintf("answers of %v alone", tasks), func() string {
		seen := map[string]bool{}
		for range 4 * len(tasks) {
			seen[m.front.Calls(m.back)] = true
		}
		for _, task := range tasks {
			if !seen["200 "+task] {
				return fmt.Sprint(seen)
			}
		}
		if len(seen) != len(tasks) {
			return fmt.Sprint(seen)
		}
		return ""
	})
}

// namespaceID is the namespace's id in Cloud Map.
func (m *taskMesh) namespaceID(t *testing.T) *string {
	t.Helper()
	namespaces, err := m.discovery.ListNamespaces(t.Context(), &servicediscovery.ListNamespacesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range namespaces.Namespaces {
		if aws.ToString(n.Name) == m.namespace {
			return n.Id
		}
	}
	t.Fatalf("Cloud Map has no namespace %s", m.namespace)
	return nil
}

// service is the id of back's service in Cloud Map.
func (m *taskMesh) service(t *testing.T) *string {
	t.Helper()
	services, err := m.discovery.ListServices(t.Context(), &servicediscovery.ListServicesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range services.Services {
		if aws.ToString(s.Name) == m.label {
			return s.Id
		}
	}
	t.Fatalf("Cloud Map has no service %s", m.label)
	return nil
}

// public are the instances of back that Cloud Map lists.
func (m *taskMesh) public(t *testing.T) (ids []string) {
	t.Helper()
	got, err := m.discovery.ListInstances(t.Context(), &servicediscovery.ListInstancesInput{ServiceId: m.service(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range got.Instances {
		ids = append(ids, aws.ToString(i.Id))
	}
	return ids
}
