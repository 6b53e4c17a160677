package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"

	"github.com/ownmesh/ownmesh/internal/client"
)

const meshName = "ordering"

// mesh is the control plane: `ownmesh up` in a process of its own, and the ways to talk to it.
type mesh struct {
	program  string // bin/ownmesh
	endpoint string // http://127.0.0.1:9080
	xds      string // 127.0.0.1:15010
	admin    string

	own *client.Client  // Ownmesh's own API, /v1
	aws *appmesh.Client // App Mesh's API, by its official SDK
}

// addresses is what `ownmesh up` is told to listen on.
type addresses struct{ api, xds, admin string }

var readyLine = regexp.MustCompile(`(?m)^ready api=(\S+) xds=(\S+) admin=(\S+)$`)

// startMesh runs `ownmesh up` and returns when it says that it is ready.
func startMesh(ctx context.Context, ps *processes, program, data string, a addresses) (*mesh, error) {
	said := &watcher{wanted: readyLine, found: make(chan []string, 1)}
	err := ps.start("ownmesh", said, nil, program, "up", "--data", data, "--api", a.api, "--xds", a.xds, "--admin", a.admin)
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for ownmesh to say that it is ready: %w", context.Cause(ctx))
	case m := <-said.found:
		return connect(program, m[1], m[2], m[3])
	}
}

func connect(program, api, xds, admin string) (*mesh, error) {
	plain := func(a string) string { return strings.TrimPrefix(a, "http://") }
	m := &mesh{program: program, endpoint: "http://" + plain(api), xds: plain(xds), admin: plain(admin)}
	var err error
	if m.own, err = client.New(m.endpoint); err != nil {
		return nil, err
	}
	m.aws = appmesh.New(appmesh.Options{
		BaseEndpoint: aws.String(m.endpoint),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""), // loopback asks for none
	})
	return m, nil
}

// run runs the ownmesh command as a person would, and returns what it prints.
func (m *mesh) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, m.program, append(args, "--endpoint", m.endpoint)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	printed, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ownmesh %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return string(printed), nil
}

// accepted is a generation, and when the last Envoy had accepted it.
type accepted struct {
	generation int64
	last       time.Time
}

// settled waits until that many proxies are connected and each has accepted all that is committed now.
func (m *mesh) settled(ctx context.Context, proxies int) (accepted, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("waited for 30 s"))
	defer cancel()
	var generation int64
	for {
		s, err := m.own.Status(ctx, meshName)
		if err != nil {
			return accepted{}, fmt.Errorf("read the mesh's status: %w", err)
		}
		if generation == 0 {
			generation = s.Generation
		}
		if at, ok := allAccepted(s, generation, proxies); ok {
			return accepted{generation, at}, nil
		}
		select {
		case <-ctx.Done():
			return accepted{}, failure{
				did:  "wait for every Envoy's ACK",
				want: fmt.Sprintf("%d Envoys at generation %d", proxies, generation),
				got:  fmt.Sprintf("%v; published %d; %+v", context.Cause(ctx), s.Published, s.Proxies),
			}
		case <-time.After(5 * time.Millisecond): // there is nothing to wait for but the next look
		}
	}
}

// allAccepted returns when the last of a mesh's proxies accepted its newest generation, if all have.
func allAccepted(s client.Status, generation int64, proxies int) (last time.Time, ok bool) {
	if s.Published < generation || len(s.Proxies) < proxies {
		return last, false
	}
	for _, p := range s.Proxies {
		if p.Generation < generation || len(p.Rejected) > 0 || len(p.Waiting) > 0 {
			return last, false
		}
		if p.AckedAt.After(last) {
			last = p.AckedAt
		}
	}
	return last, true
}

// watcher looks for a line in what a process prints, and passes on its groups, once.
type watcher struct {
	wanted *regexp.Regexp
	found  chan []string

	mu   sync.Mutex
	seen bytes.Buffer
}

func (w *watcher) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wanted == nil {
		return len(b), nil
	}
	w.seen.Write(b)
	if m := w.wanted.FindStringSubmatch(w.seen.String()); m != nil {
		w.found <- m
		w.wanted, w.seen = nil, bytes.Buffer{}
	}
	return len(b), nil
}

// meshFile is the mesh that people read.
func meshFile(root string) string { return filepath.Join(root, "examples", "ordering", "mesh.yaml") }
