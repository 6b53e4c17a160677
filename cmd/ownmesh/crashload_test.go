package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// This file: a process to kill, and writers who note what its API acknowledged to them until then.

// upProcess is a running `ownmesh up`.
type upProcess struct {
	cmd *exec.Cmd
	api string
	log *strings.Builder // once it has ended
}

func startUp(t *testing.T, data string) *upProcess {
	t.Helper()
	p := &upProcess{log: &strings.Builder{}}
	p.cmd = exec.Command("ownmesh", "up", "--data", data, "--api", "127.0.0.1:0", "--xds", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, scanErr := fmt.Sscanf(line, "ready api=%s ", &p.api); scanErr != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		t.Fatalf("up says %q, %v; %s", line, err, p.log)
	}
	return p
}

// stop is Ctrl-C.
func (p *upProcess) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("up ended badly: %v\n%s", err, p.log)
	}
}

// Of the load: few keys, so that most writes are updates and deletions.
const (
	crashWriters = 4
	crashKeys    = 3
	crashLoad    = 10 // commits that are acknowledged before the process is killed, at least
)

// ledger is what the API has acknowledged, over all lives of the process.
type ledger struct {
	mu       sync.Mutex
	requests map[string][]string // by the uid of the mesh: request ids of acknowledged commits
	keys     map[string]*known   // by the path of a node or an instance. Each has one writer
}

// known is what is known of one key. A mark is a word in what is written; "" means that there is nothing.
type known struct {
	mark    string // as acknowledged
	pending bool   // a write was sent, and no answer came
	maybe   string // then: the mark that it would have left
}

// crashClient is one writer's way to the API as it lives now.
type crashClient struct {
	t      testing.TB
	ledger *ledger
	http   *http.Client
	url    string
}

// call sends a request; ok is false when the API is gone. The answer must be one of statuses.
func (c *crashClient) call(method, path, body string, statuses ...int) (answer []byte, request string, ok bool) {
	req, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return nil, "", false
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, "", false
	}
	defer res.Body.Close()
	if answer, err = io.ReadAll(res.Body); err != nil {
		return nil, "", false
	}
	for _, status := range statuses {
		if res.StatusCode == status {
			return answer, res.Header.Get("x-amzn-RequestId"), true
		}
	}
	c.t.Errorf("%s %s: %s %s", method, path, res.Status, answer)
	return nil, "", false
}

// commit is a write of a mesh that must succeed; it gives the mesh's or resource's uid.
func (c *crashClient) commit(mesh, method, path, body string) (uid string, ok bool) {
	answer, request, ok := c.call(method, path, body, http.StatusOK)
	if !ok {
		return "", false
	}
	var a struct{ Metadata struct{ UID string } }
	if err := json.Unmarshal(answer, &a); err != nil {
		c.t.Error(err)
	}
	if mesh == "" {
		mesh = a.Metadata.UID // the mesh's own creation
	}
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	c.ledger.requests[mesh] = append(c.ledger.requests[mesh], request)
	return a.Metadata.UID, true
}

// write is a write of one key: what is known of it is noted before and after.
func (c *crashClient) write(key, mark string, send func() bool) bool {
	c.ledger.mu.Lock()
	k := c.ledger.keys[key]
	k.pending, k.maybe = true, mark
	c.ledger.mu.Unlock()
	if !send() {
		return false
	}
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	*k = known{mark: mark}
	return true
}

// key is what is acknowledged of a key.
func (l *ledger) key(key string) known {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys[key] == nil {
		l.keys[key] = &known{}
	}
	return *l.keys[key]
}

const crashNodes = "/v20190125/meshes/shop/virtualNodes"

// changeNodes creates, updates and deletes the nodes of one writer until the API is gone.
func (c *crashClient) changeNodes(mesh string, writer int) {
	for {
		name := fmt.Sprintf("n%d-%d", writer, rand.IntN(crashKeys))
		path := crashNodes + "/" + name
		there, mark := c.ledger.key(path).mark != "", fmt.Sprintf("m%x", rand.Uint64())
		spec := fmt.Sprintf(`{"backends":[{"virtualService":{"virtualServiceName":"none"}}],"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}],
			"serviceDiscovery":{"awsCloudMap":{"namespaceName":"crash","serviceName":"s%d","attributes":[{"key":"mark","value":%q}]}}}`, writer, mark)
		method, target, body := http.MethodPut, path, fmt.Sprintf(`{"spec":%s}`, spec)
		switch {
		case !there:
			target, body = crashNodes, fmt.Sprintf(`{"virtualNodeName":%q,"spec":%s}`, name, spec)
		case rand.IntN(4) == 0:
			method, body, mark = http.MethodDelete, "", ""
		}
		if !c.write(path, mark, func() bool { _, ok := c.commit(mesh, method, target, body); return ok }) {
			return
		}
	}
}

// changeInstances registers and deregisters instances until the API is gone.
func (c *crashClient) changeInstances() {
	for {
		service, id := rand.IntN(crashWriters), rand.IntN(crashKeys)
		path := fmt.Sprintf("/v1/namespaces/crash/services/s%d/instances/i%d", service, id)
		there, mark := c.ledger.key(path).mark != "", fmt.Sprintf("m%x", rand.Uint64())
		method, body := http.MethodPut, fmt.Sprintf(`{"ipv4":"10.0.%d.%d","attributes":{"mark":%q}}`, service, id, mark)
		if there && rand.IntN(3) == 0 {
			method, body, mark = http.MethodDelete, "", ""
		}
		if !c.write(path, mark, func() bool { _, _, ok := c.call(method, path, body, http.StatusOK); return ok }) {
			return
		}
	}
}

// changeMeshes makes a mesh again and again, and deletes it, until the API is gone.
func (c *crashClient) changeMeshes() {
	for c.deleteAgain() {
		if _, ok := c.commit("", http.MethodPut, "/v20190125/meshes", `{"meshName":"again"}`); !ok {
			return
		}
	}
}

// deleteAgain deletes the mesh of changeMeshes, if it is there.
func (c *crashClient) deleteAgain() bool {
	_, _, ok := c.call(http.MethodDelete, "/v20190125/meshes/again", "", http.StatusOK, http.StatusNotFound)
	return ok
}
