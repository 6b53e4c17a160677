// Package proxy runs one Envoy: starts and ends its process, and asks it for readiness and requests in flight.
//
// It never starts an Envoy again: whoever runs the sidecar, ECS say, starts both again. Start with Start and Admin.
package proxy

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"
)

// Process is an Envoy that was started.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// Start starts an Envoy, which has a process group of its own: Ctrl-C is not for it, but for the sidecar, which drains.
func Start(path string, args []string, stdout, stderr io.Writer) (*Process, error) {
	found, err := exec.LookPath(path)
	if err != nil {
		return nil, fmt.Errorf("find Envoy: %w; OWNMESH_ENVOY says where it is", err)
	}
	p := &Process{cmd: exec.Command(found, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = stdout, stderr, attributes()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Envoy: %w", err)
	}
	go func() {
		_ = p.cmd.Wait() // Code says how it ended
		close(p.done)
	}()
	return p, nil
}

// Done is closed when the Envoy has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Code is the exit code of an Envoy that has ended: as shells have it, 128 and the signal's number if one ended it.
func (p *Process) Code() int {
	if s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}

// End ends the Envoy: politely, and after grace not.
func (p *Process) End(grace time.Duration) error {
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil // signalled or not
	case <-time.After(grace):
	}
	err = errors.Join(err, p.cmd.Process.Kill())
	<-p.done
	return err
}
