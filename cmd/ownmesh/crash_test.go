package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/test/machine"
)

// TestKilled kills `ownmesh up` again and again while many write to its API. After each restart every acknowledged
// write is there, none by halves, and what is published is what the store says.
func TestKilled(t *testing.T) {
	const rounds = 6
	data := t.TempDir()
	l := &ledger{requests: map[string][]string{}, keys: map[string]*known{}}
	p := startUp(t, data)
	c := l.client(t, p)
	shop, ok := c.commit("", http.MethodPut, "/v20190125/meshes", `{"meshName":"shop"}`)
	if !ok {
		t.Fatal("no mesh")
	}
	for range rounds {
		l.load(t, p, shop, 20*time.Millisecond+time.Duration(rand.Int64N(int64(150*time.Millisecond))))
		p = startUp(t, data)
		c = l.client(t, p)
		l.checkKeys(t, c)
		awaitPublished(t, c)
	}
	if !c.deleteAgain() {
		t.Fatal("the mesh that comes and goes does not go")
	}
	l.awaitLogs(t, c, data, shop)
	p.stop(t)
	l.checkData(t, data)
}

func (l *ledger) client(t testing.TB, p *upProcess) *crashClient {
	transport := &http.Transport{MaxIdleConnsPerHost: crashWriters + 2}
	t.Cleanup(transport.CloseIdleConnections)
	return &crashClient{t: t, ledger: l, http: &http.Client{Transport: transport, Timeout: patience}, url: "http://" + p.api}
}

// load lets writers write for a while, and kills the process under them.
func (l *ledger) load(t *testing.T, p *upProcess, shop string, while time.Duration) {
	t.Helper()
	c := l.client(t, p)
	l.mu.Lock()
	before := len(l.requests[shop])
	l.mu.Unlock()
	var writers sync.WaitGroup
	for i := range crashWriters {
		writers.Go(func() { c.changeNodes(shop, i) })
	}
	writers.Go(c.changeInstances)
	writers.Go(c.changeMeshes)
	time.Sleep(while)
	machine.Eventually(t, "some commits", func() string {
		l.mu.Lock()
		defer l.mu.Unlock()
		if n := len(l.requests[shop]); n < before+crashLoad {
			return fmt.Sprintf("%d", n-before)
		}
		return ""
	})
	if err := p.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = p.cmd.Wait() // says that it was killed
	writers.Wait()
}

// instances is what is registered, by service and id.
func (c *crashClient) instances(t *testing.T) map[string]map[string]endpoint.Instance {
	t.Helper()
	var list struct{ Instances []endpoint.Instance }
	answer, _, _ := c.call(http.MethodGet, "/v1/instances?namespace=crash", "", http.StatusOK)
	if err := json.Unmarshal(answer, &list); err != nil {
		t.Fatal(err)
	}
	services := map[string]map[string]endpoint.Instance{}
	for _, i := range list.Instances {
		if services[i.Service] == nil {
			services[i.Service] = map[string]endpoint.Instance{}
		}
		services[i.Service][i.ID] = i
	}
	return services
}

// checkKeys compares nodes and instances as the API tells of them with what was acknowledged.
func (l *ledger) checkKeys(t *testing.T, c *crashClient) {
	t.Helper()
	there := map[string]string{}
	for service, byID := range c.instances(t) {
		for id, i := range byID {
			there["/v1/namespaces/crash/services/"+service+"/instances/"+id] = i.Attributes["mark"]
		}
	}
	for key, k := range l.keys {
		mark := there[key]
		if strings.HasPrefix(key, crashNodes) {
			answer, _, _ := c.call(http.MethodGet, key, "", http.StatusOK, http.StatusNotFound)
			var node struct{ Spec resource.VirtualNodeSpec }
			if err := json.Unmarshal(answer, &node); err != nil {
				t.Fatal(err)
			}
			if d := node.Spec.ServiceDiscovery; d != nil {
				mark = d.AWSCloudMap.Attributes[0].Value
			}
		}
		if mark != k.mark && (!k.pending || mark != k.maybe) {
			t.Errorf("%s: acknowledged %+v, after the restart there is %q", key, *k, mark)
		}
		*k = known{mark: mark}
	}
}

// awaitPublished waits until what is published of the mesh is as new as what is stored.
func awaitPublished(t *testing.T, c *crashClient) {
	t.Helper()
	eventually(t, func() string {
		var s struct{ Generation, Published int64 }
		answer, _, _ := c.call(http.MethodGet, "/v1/meshes/shop/status", "", http.StatusOK)
		if err := json.Unmarshal(answer, &s); err != nil || s.Generation != s.Published {
			return fmt.Sprintf("status %s, %v", answer, err)
		}
		return ""
	})
}

// awaitLogs waits until the logs of deleted meshes have ended and all instances are in the endpoints log.
func (l *ledger) awaitLogs(t *testing.T, c *crashClient, data, shop string) {
	t.Helper()
	objects, err := folder.Open(filepath.Join(data, "artifacts"))
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	eventually(t, func() string {
		for uid := range l.requests {
			if config := logged(t, objects, uid, artifact.ConfigLog); uid != shop && config != nil && !config.Deleted {
				return "the log of deleted mesh " + uid + " goes on"
			}
		}
		return ""
	})
	eventually(t, func() string {
		published := logged(t, objects, shop, artifact.EndpointsLog)
		registered := c.instances(t)
		for service, byID := range published.Services {
			if d := cmp.Diff(registered[service.Service], byID, cmpopts.EquateEmpty()); d != "" {
				return fmt.Sprintf("service %s (-registered +published):\n%s", service.Service, d)
			}
		}
		if len(published.Services) == 0 {
			return "the endpoints log knows no service"
		}
		return ""
	})
}

// eventually waits until so, which gives what is there instead, "" if all is well.
func eventually(t *testing.T, so func() (instead string)) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		instead := so()
		if instead == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatal(instead)
		}
	}
}

// checkData looks at what the stopped process has left: journals, and logs that say the same.
func (l *ledger) checkData(t *testing.T, data string) {
	t.Helper()
	s, err := bolt.Open(filepath.Join(data, "mesh.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	objects, err := folder.Open(filepath.Join(data, "artifacts"))
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()

	for uid, requests := range l.requests {
		state := l.checkJournal(t, s, uid, requests)
		want := compile.Compile(compile.Options{Interception: resource.Explicit}, state).Config()
		got := logged(t, objects, uid, artifact.ConfigLog)
		if got == nil && state.Deleted {
			continue // gone before anybody saw it
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("mesh %s: config (-stored +published):\n%s", uid, d)
		}
	}
}

// checkJournal finds each acknowledged request in a mesh's journal, and compares what the journal makes of the mesh
// with what is stored. It gives that state.
func (l *ledger) checkJournal(t *testing.T, s store.Store, uid string, requests []string) compile.State {
	t.Helper()
	m, err := s.MeshByUID(t.Context(), uid)
	if err != nil {
		t.Fatalf("mesh %s: %v", uid, err)
	}
	entries, err := s.Journal(t.Context(), uid, 0, 1_000_000)
	if err != nil || int64(len(entries)) != m.Generation {
		t.Fatalf("mesh %s at generation %d has %d entries in its journal, %v", uid, m.Generation, len(entries), err)
	}
	written := map[string]bool{}
	state := compile.State{Mesh: m.Resource, Generation: m.Generation, Deleted: m.Deleted, Resources: map[resource.Key]resource.Resource{}}
	for _, e := range entries {
		if written[e.RequestID] {
			t.Errorf("mesh %s: request %s is there twice", uid, e.RequestID)
		}
		written[e.RequestID] = true
		if delete(state.Resources, e.Key); e.Resource != nil && e.Key.Kind != resource.KindMesh {
			state.Resources[e.Key] = *e.Resource
		}
	}
	for _, request := range requests {
		if !written[request] {
			t.Errorf("mesh %s: the acknowledged write %s is lost", uid, request)
		}
	}
	page, next, err := s.Page(t.Context(), uid, "", 1000)
	if err != nil || next != "" {
		t.Fatalf("page: next %q, %v", next, err)
	}
	stored := map[resource.Key]resource.Resource{}
	for _, r := range page {
		stored[r.Key] = r
	}
	if d := cmp.Diff(state.Resources, stored); d != "" {
		t.Errorf("mesh %s: resources (-journal +stored):\n%s", uid, d)
	}
	return state
}

// logged is what a log says to who reads it from its start.
func logged[S, C any](t *testing.T, objects artifact.Objects, uid string, format artifact.Format[S, C]) S {
	t.Helper()
	r := artifact.NewReader(objects, uid, format, artifact.ReaderOptions{})
	for {
		steps, err := r.Poll(t.Context())
		if err != nil {
			t.Fatalf("mesh %s: %v", uid, err)
		}
		if len(steps) == 0 {
			return r.State()
		}
	}
}
