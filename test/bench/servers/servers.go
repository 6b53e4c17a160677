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
	"runtime"
	"time"

	"github.com/ownmesh/ownmesh/test/bench/load"
)

// Kind is which server.
type Kind string

// The kinds of servers.
const (
	Relay    Kind = "relay"
	Floor    Kind = "floor"
	Snapshot Kind = "SnapshotCache"
	Machine  Kind = "machine"
)

// Config is what a server is started with.
type Config struct {
	Kind  Kind   `json:"kind"`
	Dir   string `json:"dir"`   // of the artifact logs, or of a machine's data
	Shape int    `json:"shape"` // proxies; see load.Shape
	Procs int    `json:"procs"` // GOMAXPROCS; 0: as many as there are cores
	// Profile is a file for the server's CPU profile; "": none.
	Profile string `json:"profile,omitempty"`
}

// environment holds a server's Config, as JSON.
const environment = "OWNMESH_BENCH_SERVER"

// Usage is what a server has used.
type Usage struct {
	CPU  time.Duration `json:"cpu"`  // since it was started
	RSS  int64         `json:"rss"`  // bytes of memory that it occupies
	Heap int64         `json:"heap"` // bytes in its heap and stacks
}

// Order is what a server is told to do.
type order struct {
	Do     string      `json:"do"`
	Change load.Change `json:"change"`
}

const (
	doChange  = "change"
	doUsage   = "usage"
	doRelease = "release" // give memory back that isn't used
)

// Answer is what it says when it is done.
type answer struct {
	Error string `json:"error,omitempty"`
	XDS   string `json:"xds,omitempty"` // address; of the first answer
	API   string `json:"api,omitempty"`
	Usage Usage  `json:"usage"`
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
	if c.Procs > 0 {
		s.process.Env = append(s.process.Env, fmt.Sprintf("GOMAXPROCS=%d", c.Procs))
	}
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

// Usage is what the server has used so far.
func (s *Server) Usage() (Usage, error) {
	a, err := s.order(order{Do: doUsage})
	return a.Usage, err
}

// Released is what the server uses after it has collected its garbage and given free memory back.
func (s *Server) Released() (Usage, error) {
	a, err := s.order(order{Do: doRelease})
	return a.Usage, err
}

const (
	quietFor   = 40 * time.Millisecond
	quietShare = 100 // a quiet server uses less than a hundredth of a core
	quietTries = 250
)

// Settled is what the server has used when it has come to rest.
func (s *Server) Settled(ctx context.Context) (Usage, error) {
	last, err := s.Usage()
	for range quietTries {
		if err != nil {
			return Usage{}, err
		}
		select {
		case <-ctx.Done():
			return Usage{}, ctx.Err()
		case <-time.After(quietFor):
		}
		before := last
		if last, err = s.Usage(); err == nil && last.CPU-before.CPU < quietFor/quietShare {
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

// Cores is how many cores this process may use.
func Cores() int { return runtime.GOMAXPROCS(0) }
