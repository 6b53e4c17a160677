// Package servers runs what is measured in processes of their own: the benchmark starts itself again as a server, tells
// it over a pipe what to do, and asks it what that cost. So what clients and the harness cost is not counted.
//
// There are the relay, two servers to compare it with (a floor, that pushes the same bytes without any logic, and
// go-control-plane's SnapshotCache, which most control planes use), and a whole mesh on one machine. Start with Start
// for the side of the benchmark, and Main for that of the server.
package servers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/ownmesh/ownmesh/test/bench/load"
)

// Kind is which server.
type Kind string

// The kinds of servers.
const (
	Relay    Kind = "relay"
	Secure   Kind = "secure" // the relay by TLS, with tokens
	Floor    Kind = "floor"
	Snapshot Kind = "SnapshotCache"
	Machine  Kind = "machine"
)

// Config is what a server is started with.
type Config struct {
	Kind  Kind   `json:"kind"`
	Dir   string `json:"dir"`   // of the artifact logs, or of a machine's data
	Shape int    `json:"shape"` // proxies; see load.Shape
	// TokenKey is the public key that Secure checks tokens with, in DER.
	TokenKey []byte `json:"tokenKey,omitempty"`
	// Profile is a file for the server's CPU profile; "": none.
	Profile string `json:"profile,omitempty"`
}

// environment holds a server's Config, as JSON.
const environment = "OWNMESH_BENCH_SERVER"

// Memory is what a server occupies.
type Memory struct {
	RSS  int64 `json:"rss"`  // bytes, as the system counts them
	Heap int64 `json:"heap"` // bytes of it in heap and stacks
}

// order is what a server is told to do.
type order struct {
	Do     string      `json:"do"`
	Change load.Change `json:"change"`
}

const (
	doChange = "change"
	doCPU    = "cpu"
	doMemory = "memory"
)

// answer is what it says when it is done.
type answer struct {
	Error string `json:"error,omitempty"`
	XDS   string `json:"xds,omitempty"` // address; of the first answer
	API   string `json:"api,omitempty"`
	// CPU is what it has used since it was started.
	CPU    time.Duration `json:"cpu,omitempty"`
	Memory Memory        `json:"memory,omitzero"`
}

// Server is a server that runs.
type Server struct {
	Config
	XDS string // address of its gRPC
	API string // a Machine's

	process *exec.Cmd
	in      *json.Encoder
	out     *json.Decoder
	pipe    io.Closer
}

// Start starts a server, and returns when it listens. It dies with this process, or by Stop.
func Start(ctx context.Context, c Config) (*Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Kind, err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Kind, err)
	}
	s := &Server{Config: c, process: exec.CommandContext(ctx, self)}
	s.process.Env = append(os.Environ(), environment+"="+string(text))
	s.process.Stderr = os.Stderr
	in, err := s.process.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Kind, err)
	}
	out, err := s.process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Kind, err)
	}
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Kind, err)
	}
	s.in, s.out, s.pipe = json.NewEncoder(in), json.NewDecoder(out), in
	first, err := s.answer()
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("start %s: %w", c.Kind, err)
	}
	s.XDS, s.API = first.XDS, first.API
	return s, nil
}

// Stop ends the server.
func (s *Server) Stop() {
	s.pipe.Close()
	stuck := time.AfterFunc(10*time.Second, func() { _ = s.process.Process.Kill() })
	defer stuck.Stop()
	_ = s.process.Wait() // whatever it ended with: all that is asked of it has been answered
}

// Change makes the server's state that after a change, or tells it that it is in the log. It returns when the server
// has taken notice, not when anybody has it.
func (s *Server) Change(c load.Change) error {
	_, err := s.order(order{Do: doChange, Change: c})
	return err
}

// CPU is the time for which the server has computed so far.
func (s *Server) CPU() (time.Duration, error) {
	a, err := s.order(order{Do: doCPU})
	return a.CPU, err
}

// Memory is what the server occupies after it has collected its garbage.
func (s *Server) Memory() (Memory, error) {
	a, err := s.order(order{Do: doMemory})
	return a.Memory, err
}

const (
	quietFor   = 40 * time.Millisecond
	quietShare = 100 // a quiet server uses less than a hundredth of a core
	quietTries = 250
)

// Settled is the time for which the server has computed when it has come to rest.
func (s *Server) Settled(ctx context.Context) (time.Duration, error) {
	last, err := s.CPU()
	for range quietTries {
		if err != nil {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(quietFor):
		}
		before := last
		if last, err = s.CPU(); err == nil && last-before < quietFor/quietShare {
			return last, nil
		}
	}
	return last, fmt.Errorf("%s doesn't come to rest", s.Kind)
}

func (s *Server) order(o order) (answer, error) {
	if err := s.in.Encode(o); err != nil {
		return answer{}, fmt.Errorf("tell %s to %s: %w", s.Kind, o.Do, err)
	}
	a, err := s.answer()
	if err != nil {
		return answer{}, fmt.Errorf("tell %s to %s: %w", s.Kind, o.Do, err)
	}
	return a, nil
}

func (s *Server) answer() (answer, error) {
	var a answer
	if err := s.out.Decode(&a); err != nil {
		return a, fmt.Errorf("it has ended: %w", err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("it says: %s", a.Error)
	}
	return a, nil
}
