package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/core/api"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/envoybin"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ownmesh": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}})
}

// TestScripts runs testdata/script/*.txtar, each against an API of its own. The scripts say with `compiled` and
// `relay` what compiler and relay would, so that every state of them can be shown; up.txtar runs the real ones.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"run": cli, "compiled": compiled, "relay": relay, "validate": validate,
			"up": up, "down": down, "envoy": envoy, "connected": connected,
		},
	})
}

type serverKey struct{}

// server is an API over a store of its own, and what a compiler and relays have said.
type server struct {
	store   *bolt.Store
	objects *folder.Objects

	mu       sync.Mutex
	findings []resource.Finding
	stalled  bool // the compiler says nothing of new generations
}

func setup(env *testscript.Env) error {
	dir := filepath.Join(env.WorkDir, ".server")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	s := &server{}
	var err error
	if s.store, err = bolt.Open(filepath.Join(dir, "mesh.db"), bolt.Options{}); err != nil {
		return err
	}
	registry, err := bolt.OpenRegistry(filepath.Join(dir, "instances.db"))
	if err != nil {
		return err
	}
	if s.objects, err = folder.Open(filepath.Join(dir, "artifacts")); err != nil {
		return err
	}
	h := httptest.NewServer(api.LoopbackOnly(api.New(api.Options{
		Store: s.store, Registry: registry, Objects: s.objects, Now: time.Now, NewID: uuid.NewString,
		Account: "123456789012", Region: "us-east-1", Version: "v0.0.0-test", Compiler: 1,
		Committed: func(e events.MeshChanged) {
			if err := s.report(e); err != nil {
				env.T().Log("report:", err)
			}
		},
	})))
	env.Defer(func() {
		h.Close()
		if err := errors.Join(s.store.Close(), registry.Close()); err != nil {
			env.T().Log("close the stores:", err)
		}
	})
	env.Values[serverKey{}] = s
	env.Values[upKey{}] = map[string]*process{}
	env.Setenv("OWNMESH_ENDPOINT", h.URL)
	env.Setenv("REPO", envoybin.Root())
	return nil
}

// report writes what the compiler would of a generation.
func (s *server) report(e events.MeshChanged) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stalled {
		return nil
	}
	return s.put(events.ReportPath(e.UID), resource.Report{MeshUID: e.UID, Generation: e.Generation, Findings: s.findings})
}

func (s *server) put(key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	ctx := context.Background()
	_, tag, err := s.objects.Get(ctx, key)
	if errors.Is(err, artifact.ErrNotFound) {
		_, err = s.objects.Create(ctx, key, data)
	} else if err == nil {
		_, err = s.objects.Replace(ctx, key, data, tag)
	}
	return err
}

// cli is `run CODE ARG…`: it runs the program and wants that exit code. stdout and stderr are then to be looked at.
func cli(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: run EXITCODE ARG…")
	}
	err := ts.Exec("ownmesh", args[1:]...)
	got := "0"
	if exit := (interface{ ExitCode() int })(nil); errors.As(err, &exit) {
		got = string(rune('0' + exit.ExitCode()))
	} else if err != nil {
		got = err.Error()
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// compiled is `compiled stalled`, or `compiled FILE` with the findings of generations from now on.
func compiled(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serverKey{}).(*server)
	s.mu.Lock()
	defer s.mu.Unlock()
	if args[0] == "stalled" {
		s.stalled = true
		return
	}
	s.findings = nil
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &s.findings))
}

// relay is `relay MESH FILE`: the file holds the proxies that a relay says are connected.
func relay(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serverKey{}).(*server)
	m, err := s.store.MeshByName(context.Background(), args[0])
	ts.Check(err)
	status := events.RelayStatus{Relay: "relay-1", MeshUID: m.UID, At: time.Now(), Generation: m.Generation}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &status.Proxies))
	ts.Check(s.put(events.StatusPath(m.UID, status.Relay), status))
}

// validate is `validate FILE`: real Envoy accepts this configuration.
func validate(ts *testscript.TestScript, _ bool, args []string) {
	envoy, err := envoybin.Path(envoybin.Root())
	ts.Check(err)
	ts.Check(ts.Exec(envoy, "--mode", "validate", "-c", ts.MkAbs(args[0])))
}
