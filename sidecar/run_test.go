package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/test/machine"
)

// Two sidecars, as tasks run them, on what `ownmesh up` serves: a request goes from one application through both to the
// other, by the backend's own address and by the HTTP proxy.
func TestRequest(t *testing.T) {
	m := startMesh(t)
	back := launchNode(t, m, "back", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "back") })
	front := launchNode(t, m, "front", func(w http.ResponseWriter, r *http.Request) {})
	back.healthy()
	front.healthy()
	client := &http.Client{Timeout: 10 * time.Second}
	answers(t, client, "http://"+front.service, "200 back")
	proxy := &url.URL{Scheme: "http", Host: front.value("OWNMESH_PROXY")}
	answers(t, &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}, Timeout: 10 * time.Second}, "http://back.shop.local:8080", "200 back")
	machine.Eventually(t, "front to be current", func() string {
		if p, ok := m.Proxy("virtualNode/front", "front-1"); !ok || p.State != events.Current || len(p.Unmapped) != 0 {
			return fmt.Sprintf("the status says %+v", p)
		}
		return ""
	})
	answers(t, client, "http://127.0.0.1:"+front.value("OWNMESH_METRICS_ADDRESS")+"/ready", "200 LIVE\n")

	// What Envoy was started with is what `sidecar bootstrap` prints.
	var out, stderr strings.Builder
	if code := start([]string{"bootstrap"}, nil, front.value, nil, &out, &stderr); code != 0 {
		t.Fatal(code, stderr.String())
	}
	if file, err := os.ReadFile(filepath.Join(front.value("OWNMESH_DIR"), "bootstrap.yaml")); err != nil || string(file) != out.String() {
		t.Errorf("%v; `sidecar bootstrap` prints\n%s\nbut Envoy got\n%s", err, out.String(), file)
	}
	for _, n := range []*node{front, back} {
		n.signal(syscall.SIGTERM)
		n.says("draining")
		n.signal(syscall.SIGINT) // the second: at once
		n.exits(0, 10*time.Second)
	}
}

// The application of a task that stops answers 10 s after SIGTERM, calls others until then, and is called anew by those
// who have not heard yet: nothing of that fails. Its health does at once.
func TestDrain(t *testing.T) {
	for _, protocol := range []string{"http", "http2"} {
		t.Run(protocol, func(t *testing.T) { testDrain(t, protocol) })
	}
}

func testDrain(t *testing.T, protocol string) {
	m := startMesh(t)
	m.Apply(strings.ReplaceAll(shop, "protocol: http}", "protocol: "+protocol+"}"))
	back := launchNode(t, m, "back", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "back") })
	var own *http.Client
	var service string
	slow := make(chan struct{})
	front := launchNode(t, m, "front", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(slow)
			time.Sleep(10 * time.Second)
		}
		got, err := get(own, "http://"+service)
		fmt.Fprint(w, "front, ", got, err)
	}, "LISTENER_DRAIN_WAIT_TIME_S=15")
	own, service = speaking(protocol), front.service
	back.healthy()
	front.healthy()
	const want = "200 front, 200 back<nil>"
	client := speaking(protocol)
	answers(t, client, "http://"+front.bind+"/", want)

	answered := make(chan string, 1)
	go func() {
		got, err := get(client, "http://"+front.bind+"/slow")
		answered <- fmt.Sprint(got, err)
	}()
	<-slow
	front.signal(syscall.SIGTERM)
	told := time.Now()
	machine.Eventually(t, "health to fail", func() string {
		if code, _ := front.health(); code == 0 {
			return "healthy"
		}
		return ""
	})
	asked := 0
	for done := false; !done; asked++ {
		select {
		case got := <-answered:
			if got != want+"<nil>" {
				t.Errorf("the slow request was answered %s", got)
			}
			done = true
		default:
			for _, c := range []*http.Client{client, speaking(protocol)} { // one has a connection, one makes one
				if got, err := get(c, "http://"+front.bind+"/"); err != nil || got != want {
					t.Fatalf("%v after SIGTERM: %s %v", time.Since(told), got, err)
				}
				if c != client {
					c.CloseIdleConnections()
				}
			}
		}
	}
	if since := time.Since(told); since < 9*time.Second || asked < 20 {
		t.Errorf("after %v and %d requests", since, asked)
	}
	front.exits(0, 10*time.Second)
	if since := time.Since(told); since < 14*time.Second {
		t.Errorf("it served for %v only", since)
	}
	front.says("the time is over, and no request is in flight")
}

// What takes longer than the setting allows is cut off, and counted in the log.
func TestDrainIsBounded(t *testing.T) {
	m := startMesh(t)
	asked, release := make(chan struct{}), make(chan struct{})
	back := launchNode(t, m, "back", func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}, "LISTENER_DRAIN_WAIT_TIME_S=1")
	defer close(release)
	back.healthy()
	cut := make(chan error, 1)
	go func() {
		_, err := get(&http.Client{Timeout: 20 * time.Second}, "http://"+back.bind)
		cut <- err
	}()
	<-asked
	back.signal(syscall.SIGTERM)
	if err := <-cut; err == nil {
		t.Error("the request was answered")
	}
	back.exits(0, 10*time.Second)
	back.says(`LISTENER_DRAIN_WAIT_TIME_S is too short for them","part":"sidecar","requests":1}`)
}

// In ECS the sidecar is told to stop after the application: it need not wait then.
func TestDrainEndsWithTheApplication(t *testing.T) {
	m := startMesh(t)
	var status atomic.Value
	status.Store("RUNNING")
	const arn = "arn:aws:ecs:us-east-1:123456789012:task/prod/8f0e"
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		self := map[string]any{"DockerId": "1", "Type": "NORMAL", "KnownStatus": "RUNNING"}
		if r.URL.Path == "/v4/1" {
			_ = json.NewEncoder(w).Encode(self)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"TaskARN": arn, "Containers": []any{
			map[string]any{"DockerId": "0", "Type": "CNI_PAUSE", "KnownStatus": "RESOURCES_PROVISIONED"}, self,
			map[string]any{"DockerId": "2", "Type": "NORMAL", "KnownStatus": status.Load()},
		}})
	}))
	t.Cleanup(metadata.Close)
	n := launchNode(t, m, "back", func(http.ResponseWriter, *http.Request) {}, "OWNMESH_INSTANCE=", "ECS_CONTAINER_METADATA_URI_V4="+metadata.URL+"/v4/1")
	n.healthy()
	machine.Eventually(t, "the status to know the proxy by its task", func() string {
		if p, ok := m.Proxy("virtualNode/back", arn); !ok {
			return fmt.Sprintf("%+v", p)
		}
		return ""
	})
	n.signal(syscall.SIGTERM)
	n.says("draining")
	time.Sleep(2 * look) // that nothing happens can't be waited for
	n.running()
	status.Store("STOPPED")
	n.exits(0, 10*time.Second)
	n.says("the application has ended")
}

// Envoy's end is the sidecar's, with its exit code.
func TestEnvoyEnds(t *testing.T) {
	m := startMesh(t)
	n := launchNode(t, m, "back", func(http.ResponseWriter, *http.Request) {})
	n.healthy()
	client := &http.Client{Timeout: 10 * time.Second}
	res, err := client.Post("http://127.0.0.1:"+n.value("ENVOY_ADMIN_ACCESS_PORT")+"/quitquitquit", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	n.exits(0, 10*time.Second)

	script := filepath.Join(t.TempDir(), "envoy")
	for text, code := range map[string]int{"exit 7": 7, "kill -9 $$": 137} {
		if err := os.WriteFile(script, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		p := launch(t, "APPMESH_RESOURCE_ARN=mesh/shop/virtualNode/back", "OWNMESH_ENVOY="+script)
		p.exits(code, 10*time.Second)
		p.says("Envoy has ended by itself")
	}
}

// Without an API, a node or an Envoy, health says what is missing; SIGTERM ends the wait.
func TestWaiting(t *testing.T) {
	m := startMesh(t)
	p := launch(t, "APPMESH_RESOURCE_ARN=mesh/shop/virtualNode/none", "OWNMESH_API=http://"+m.API())
	const want = "the sidecar is waiting for a token: ask for a token of virtualNode/none in mesh shop: the API does not know it (404 NotFoundException"
	machine.Eventually(t, "health to say why", func() string {
		code, said := p.health()
		if code != 1 || !strings.Contains(said, want) {
			return strconv.Itoa(code) + " " + said
		}
		return ""
	})
	p.signal(syscall.SIGTERM)
	p.exits(0, 10*time.Second)

	p = launch(t, "APPMESH_RESOURCE_ARN=mesh/shop/virtualNode/back", "APPMESH_XDS_ENDPOINT=127.0.0.1:"+strconv.Itoa(machine.FreePort(t)))
	machine.Eventually(t, "health to say that there is no relay", func() string {
		p.running()
		code, said := p.health()
		if code != 1 || !strings.Contains(said, "Envoy waits for its first configuration") {
			return strconv.Itoa(code) + " " + said
		}
		return ""
	})

	p = launch(t, "APPMESH_RESOURCE_ARN=mesh/shop/virtualNode/back", "OWNMESH_ENVOY=/none/envoy")
	p.exits(1, 10*time.Second)
	p.says("OWNMESH_ENVOY says where it is")
}

func TestMisuse(t *testing.T) {
	for name, c := range map[string]struct {
		args, variables []string
		code            int
		says            string
	}{
		"no resource":       {args: []string{"run"}, code: 2, says: "error: APPMESH_RESOURCE_ARN is not set"},
		"wrong values":      {args: []string{"health"}, variables: []string{"APPMESH_RESOURCE_ARN=cart", "OWNMESH_LOG_LEVEL=loud"}, code: 2, says: "error: OWNMESH_LOG_LEVEL"},
		"wrong command":     {args: []string{"start"}, code: 2, says: `unknown command "start"`},
		"an argument":       {args: []string{"run", "now"}, code: 2, says: `unknown command "now"`},
		"a plaintext API":   {args: []string{"bootstrap"}, variables: []string{"APPMESH_RESOURCE_ARN=mesh/s/virtualNode/n", "OWNMESH_API=http://api.example"}, code: 2, says: "must be https"},
		"no region":         {args: []string{"bootstrap"}, variables: []string{"APPMESH_RESOURCE_ARN=mesh/s/virtualNode/n", "OWNMESH_API=https://api.example"}, code: 2, says: "AWS_REGION is not set"},
		"nothing runs here": {args: []string{"health"}, variables: []string{"APPMESH_RESOURCE_ARN=mesh/s/virtualNode/n", "OWNMESH_METRICS_ADDRESS=1"}, code: 1, says: "no sidecar runs here"},
		"one port for two":  {args: []string{"bootstrap"}, variables: []string{"APPMESH_RESOURCE_ARN=mesh/s/virtualNode/n", "ENVOY_ADMIN_ACCESS_PORT=9902"}, code: 2, says: "can't both be at port 9902"},
		"a misspelt name": {
			args: []string{"bootstrap"}, variables: []string{"APPMESH_RESOURCE_ARN=mesh/s/virtualNode/n", "XRAY_SAMPLNG_RATE=1"}, code: 0,
			says: `"variable":"XRAY_SAMPLNG_RATE","probably meant":"XRAY_SAMPLING_RATE"`,
		},
		"version": {args: []string{"version"}, says: "ownmesh sidecar dev"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			dir := t.TempDir()
			get := func(name string) string {
				for _, v := range append(c.variables, "OWNMESH_DIR="+dir) {
					if value, ok := strings.CutPrefix(v, name+"="); ok {
						return value
					}
				}
				return ""
			}
			if code := start(c.args, c.variables, get, nil, &out, &out); code != c.code || !strings.Contains(out.String(), c.says) {
				t.Errorf("got %d, want %d with %q:\n%s", code, c.code, c.says, out.String())
			}
		})
	}
}
