package installation

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/test/machine"
)

// Node is one task of a virtual node: an application that answers with the node's name, and the sidecar program with its
// Envoy, which has the rights of a task role and nothing else.
type Node struct {
	*process
	Name string // of the virtual node
	ID   string // of the instance
	IP   string
	Port int // where others reach its Envoy

	tb        testing.TB
	variables []string
	backends  map[string]string // service:port -> local address
	admin     string            // port of its Envoy's admin interface
	client    *http.Client
}

// NodeOf starts a task of a virtual node with a listener on port 8080, whose backends are "service:port". It does not
// register it: Register does, or what a test is about.
func (i *Installation) NodeOf(u *machine.User, tb testing.TB, name string, backends ...string) *Node {
	tb.Helper()
	i.Relays(tb)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }))
	tb.Cleanup(func() { app.CloseClientConnections(); app.Close() })
	port := func() string { return strconv.Itoa(machine.FreePort(tb)) }
	n := &Node{Name: name, IP: "127.0.0.1", Port: machine.FreePort(tb), tb: tb, backends: map[string]string{}, client: &http.Client{Timeout: 5 * time.Second}}
	n.ID = fmt.Sprintf("%s-%d", name, n.Port)
	tb.Cleanup(n.client.CloseIdleConnections)
	var services []string
	for _, b := range backends {
		n.backends[b] = net.JoinHostPort("127.0.0.1", port())
		services = append(services, b+"="+n.backends[b])
	}
	n.admin = port()
	task := i.Task(tb, u.Mesh, "virtualNode/"+name)
	n.variables = append(task.Environment(),
		"APPMESH_RESOURCE_ARN=mesh/"+u.Mesh+"/virtualNode/"+name, "OWNMESH_API="+i.API, "OWNMESH_INSTANCE="+n.ID,
		"OWNMESH_INTERCEPTION=explicit", "OWNMESH_BIND=8080="+net.JoinHostPort(n.IP, strconv.Itoa(n.Port)),
		"OWNMESH_APPLICATION=8080="+strings.TrimPrefix(app.URL, "http://"), "OWNMESH_SERVICES="+strings.Join(services, " "),
		"OWNMESH_PROXY=127.0.0.1:"+port(), "OWNMESH_ENVOY="+envoybin.Find(tb), "OWNMESH_DIR="+tb.TempDir(), "ENVOY_CONCURRENCY=1",
		"ENVOY_LOG_LEVEL=warning", "ENVOY_ADMIN_ACCESS_PORT="+n.admin, "ENVOY_ADMIN_ACCESS_LOG_FILE=/dev/null",
		"OWNMESH_METRICS_ADDRESS="+port(), "LISTENER_DRAIN_WAIT_TIME_S=0")
	var err error
	if n.process, err = start(filepath.Join(i.programs, "sidecar"), n.variables, "run"); err != nil {
		tb.Fatalf("start a sidecar: %v", err)
	}
	tb.Cleanup(func() {
		n.stop()
		if tb.Failed() {
			tb.Logf("the sidecar of %s said:\n%s", n.ID, tail(n.Log()))
		}
	})
	return n
}

// Register says through the API that the task is an instance of the service that bears the node's name.
func (n *Node) Register(u *machine.User, namespace string) {
	n.tb.Helper()
	_, err := u.Register(n.tb.Context(), endpoint.Instance{
		Namespace: namespace, Service: n.Name, ID: n.ID, IPv4: n.IP, Ports: map[int]int{8080: n.Port},
	})
	if err != nil {
		n.tb.Fatalf("register %s: %v", n.ID, err)
	}
}

// Healthy waits until `sidecar health` says so.
func (n *Node) Healthy() {
	n.tb.Helper()
	machine.Eventually(n.tb, n.ID+" to be healthy", func() string {
		if !n.running() {
			n.tb.Fatalf("the sidecar of %s has ended: %s", n.ID, n.cmd.ProcessState)
		}
		cmd := exec.Command(n.cmd.Path, "health")
		cmd.Env = slices.Clone(n.cmd.Env)
		if out, err := cmd.CombinedOutput(); err != nil {
			return string(out)
		}
		return ""
	})
}

// Calls asks a backend through the node's Envoy: the status and what was answered, or why not.
func (n *Node) Calls(backend string) string {
	return n.get("http://" + n.backends[backend])
}

func (n *Node) get(url string) string {
	res, err := n.client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", res.StatusCode, body)
}

// Gets waits until a backend is answered so.
func (n *Node) Gets(backend, want string) {
	n.tb.Helper()
	machine.Eventually(n.tb, fmt.Sprintf("%s to get %q of %s", n.ID, want, backend), func() string {
		if got := n.Calls(backend); got != want {
			return got
		}
		return ""
	})
}

// Connected tells whether the node's Envoy has a stream to a relay.
func (n *Node) Connected() bool {
	n.tb.Helper()
	return strings.Contains(n.get("http://127.0.0.1:"+n.admin+"/stats?filter=^control_plane.connected_state$"), "control_plane.connected_state: 1")
}
