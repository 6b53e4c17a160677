package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/test/machine"
)

// This file: the program as a process of its own, with a real Envoy, a real API and a real relay.

const asProgram = "OWNMESH_TEST_AS_SIDECAR"

// The tests' own binary is the program where this variable is set.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// shop is a mesh in which front calls back.
const shop = `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: back
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: back}}
---
kind: VirtualService
virtualServiceName: back.shop.local
spec: {provider: {virtualNode: {virtualNodeName: back}}}
---
kind: VirtualNode
virtualNodeName: front
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: front}}
  backends: [{virtualService: {virtualServiceName: back.shop.local}}]
`

// startMesh runs a machine with shop.
func startMesh(t *testing.T) *machine.Machine {
	t.Helper()
	t.Parallel()
	m := machine.Start(t)
	m.Apply(shop)
	return m
}

// speaking gives a client that speaks http or http2, without TLS.
func speaking(protocol string) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(protocol == "http")
	transport.Protocols.SetUnencryptedHTTP2(protocol == "http2")
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// process is a sidecar that runs.
type process struct {
	t         *testing.T
	cmd       *exec.Cmd
	variables []string
	ended     chan struct{}

	mu   sync.Mutex
	said bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// environ are the variables that every sidecar here has: a folder and ports of its own. Later ones win.
func environ(t *testing.T, variables ...string) []string {
	t.Helper()
	base := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "APPMESH_") })
	return append(append(base, asProgram+"=1", "OWNMESH_ENVOY="+envoybin.Find(t), "OWNMESH_DIR="+t.TempDir(), "ENVOY_CONCURRENCY=1",
		"ENVOY_LOG_LEVEL=warning", "ENVOY_ADMIN_ACCESS_PORT="+strconv.Itoa(machine.FreePort(t)), "ENVOY_ADMIN_ACCESS_LOG_FILE=/dev/null",
		"OWNMESH_METRICS_ADDRESS="+strconv.Itoa(machine.FreePort(t))), variables...)
}

// launch starts a sidecar.
func launch(t *testing.T, variables ...string) *process {
	t.Helper()
	p := &process{t: t, variables: environ(t, variables...), ended: make(chan struct{})}
	p.cmd = exec.Command(os.Args[0], "run")
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = p.variables, p, p, time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code says it
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.ended
		if t.Failed() {
			t.Logf("the sidecar said:\n%s", p.log())
		}
	})
	return p
}

func (p *process) value(name string) string {
	for _, v := range slices.Backward(p.variables) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// health runs `sidecar health` beside it.
func (p *process) health() (code int, stderr string) {
	p.t.Helper()
	cmd := exec.Command(os.Args[0], "health")
	var said bytes.Buffer
	cmd.Env, cmd.Stderr = p.variables, &said
	_ = cmd.Run() // the exit code says it
	return cmd.ProcessState.ExitCode(), said.String()
}

func (p *process) healthy() {
	p.t.Helper()
	machine.Eventually(p.t, p.value("APPMESH_RESOURCE_ARN")+" to be healthy", func() string {
		p.running()
		if code, said := p.health(); code != 0 {
			return said
		}
		return ""
	})
}

func (p *process) running() {
	p.t.Helper()
	select {
	case <-p.ended:
		p.t.Fatalf("the sidecar has ended: %s", p.cmd.ProcessState)
	default:
	}
}

func (p *process) says(text string) {
	p.t.Helper()
	machine.Eventually(p.t, fmt.Sprintf("the sidecar to say %q", text), func() string {
		if !strings.Contains(p.log(), text) {
			return p.log()
		}
		return ""
	})
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exits waits for the end, and checks the exit code.
func (p *process) exits(code int, within time.Duration) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(within):
		p.t.Fatalf("the sidecar has not ended within %v", within)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("the sidecar ended with %d, want %d", got, code)
	}
}

// node is a sidecar of shop, its application, and where both are.
type node struct {
	*process
	bind    string // where others reach it
	service string // where its application reaches back
	app     *httptest.Server
}

// launchNode starts an application and its sidecar as a node of shop, and registers it.
func launchNode(t *testing.T, m *machine.Machine, name string, app http.HandlerFunc, variables ...string) *node {
	t.Helper()
	address := func() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(machine.FreePort(t))) }
	n := &node{bind: address(), service: address(), app: httptest.NewUnstartedServer(app)}
	n.app.Config.Protocols = new(http.Protocols)
	n.app.Config.Protocols.SetHTTP1(true)
	n.app.Config.Protocols.SetUnencryptedHTTP2(true)
	n.app.Start()
	t.Cleanup(n.app.Close)
	u, err := url.Parse(n.app.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(n.bind) // made above
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	variables = append([]string{
		"APPMESH_RESOURCE_ARN=mesh/shop/virtualNode/" + name, "OWNMESH_API=http://" + m.API(), "OWNMESH_INSTANCE=" + name + "-1",
		"OWNMESH_INTERCEPTION=explicit", "OWNMESH_BIND=8080=" + n.bind, "OWNMESH_APPLICATION=8080=" + u.Host,
		"OWNMESH_PROXY=" + address(), "OWNMESH_SERVICES=back.shop.local:8080=" + n.service,
	}, variables...)
	n.process = launch(t, variables...)
	_, err = m.Register(t.Context(), endpoint.Instance{
		Namespace: "shop.local", Service: name, ID: name + "-1", IPv4: "127.0.0.1", Ports: map[int]int{8080: number},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// get asks and gives the status and the body.
func get(client *http.Client, url string) (string, error) {
	res, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(res.Body)
	return fmt.Sprintf("%d %s", res.StatusCode, b.String()), err
}

func answers(t *testing.T, client *http.Client, url, want string) {
	t.Helper()
	machine.Eventually(t, url+" to answer "+want, func() string {
		got, err := get(client, url)
		if err != nil {
			return err.Error()
		}
		if got != want {
			return got
		}
		return ""
	})
}
