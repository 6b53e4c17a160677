package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// This file: script commands that run `ownmesh up` and real Envoys.

const patience = 20 * time.Second

type upKey struct{}

// process is a child of a script.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait, once done

	mu  sync.Mutex
	log bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// start runs a program until the script ends.
func start(ts *testscript.TestScript, name string, args ...string) *process {
	p := &process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Dir = ts.MkAbs(".")
	p.cmd.Stdout, p.cmd.Stderr = p, p
	ts.Check(p.cmd.Start())
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	ts.Defer(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

// up is `up DIR`: it starts the mesh on free ports, and points the script at it.
func up(ts *testscript.TestScript, _ bool, args []string) {
	p := start(ts, "ownmesh", "up", "--data", args[0], "--api", "127.0.0.1:0", "--xds", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	var api, xds, admin string
	for deadline := time.Now().Add(patience); api == ""; time.Sleep(10 * time.Millisecond) {
		select {
		case <-p.done:
			ts.Fatalf("up ended: %v\n%s", p.err, p.said())
		default:
		}
		if time.Now().After(deadline) {
			ts.Fatalf("up is not ready\n%s", p.said())
		}
		for line := range strings.Lines(p.said()) {
			if strings.HasPrefix(line, "ready ") && strings.HasSuffix(line, "\n") { // else a log, or half a line
				_, err := fmt.Sscanf(line, "ready api=%s xds=%s admin=%s\n", &api, &xds, &admin)
				ts.Check(err)
			}
		}
	}
	res, err := http.Get("http://" + admin + "/readyz")
	ts.Check(err)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		ts.Fatalf("/readyz answers %s", res.Status)
	}
	ts.Setenv(endpointVariable, "http://"+api)
	ts.Setenv("API", api)
	ts.Setenv("XDS", xds)
	ts.Value(upKey{}).(map[string]*process)["up"] = p
}

// down is Ctrl-C, after which the mesh ends well.
func down(ts *testscript.TestScript, _ bool, _ []string) {
	p := ts.Value(upKey{}).(map[string]*process)["up"]
	ts.Check(p.cmd.Process.Signal(os.Interrupt))
	select {
	case <-p.done:
	case <-time.After(patience):
		ts.Fatalf("up does not end\n%s", p.said())
	}
	if p.err != nil {
		ts.Fatalf("up ended badly: %v\n%s", p.err, p.said())
	}
}

// envoy is `envoy FILE`: a real Envoy with this bootstrap, until the script ends.
func envoy(ts *testscript.TestScript, _ bool, args []string) {
	path, err := envoybin.Path(envoybin.Root())
	ts.Check(err)
	start(ts, path, "-c", args[0], "--use-dynamic-base-id", "--concurrency", "1", "-l", "warning")
}

// connected is `connected MESH PROXY`: it waits until a proxy is there and has everything.
func connected(ts *testscript.TestScript, _ bool, args []string) {
	c, err := client.New(ts.Getenv(endpointVariable))
	ts.Check(err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		s, err := c.Status(ctx, args[0])
		ts.Check(err)
		for _, p := range s.Proxies {
			if p.Resource == args[1] && p.State == events.Current {
				return
			}
		}
		if err := pause(ctx); err != nil {
			ts.Fatalf("%s is not connected: %+v", strings.Join(args, " "), s)
		}
	}
}
