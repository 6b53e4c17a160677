package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// processes are the demo's children: ownmesh, the services, their Envoys. Each is the head of a process group of its
// own, so that Ctrl-C reaches the demo alone and stop ends them in order. One that ends by itself fails the demo.
type processes struct {
	logs string // the folder that each child's output goes to
	fail context.CancelCauseFunc
	// patience is how long stop lets them end by themselves.
	patience time.Duration

	starts chan func() // see starter

	mu       sync.Mutex
	stopping bool
	running  []*process // in the order of their start
}

type process struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{}
}

func newProcesses(logs string, fail context.CancelCauseFunc) *processes {
	p := &processes{logs: logs, fail: fail, patience: 5 * time.Second, starts: make(chan func())}
	go p.starter()
	return p
}

// starter starts all children from one thread that lives as long as the demo: Linux ends a child with its parent
// (see attributes) when the thread ends that started it.
func (p *processes) starter() {
	runtime.LockOSThread()
	for start := range p.starts {
		start()
	}
}

// start runs a program with its output in <logs>/<name>.log. Of its standard output, out (which may be nil) gets a copy.
func (p *processes) start(name string, out io.Writer, env []string, program string, args ...string) error {
	log, err := os.Create(p.log(name))
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	if out != nil {
		cmd.Stdout = io.MultiWriter(log, out)
	}
	cmd.SysProcAttr = attributes()

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping {
		return errors.Join(fmt.Errorf("start %s: the demo is stopping", name), log.Close())
	}
	started := make(chan error)
	p.starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	c := &process{name: name, cmd: cmd, ended: make(chan struct{})}
	p.running = append(p.running, c)
	go func() {
		_ = cmd.Wait() // what it says is in ProcessState, too
		log.Close()
		close(c.ended)
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.stopping {
			said := tail(p.log(name), 5)
			if said != "" {
				said = "; the end of its log:\n" + said
			}
			p.fail(fmt.Errorf("%s ended by itself (%s)%s", name, cmd.ProcessState, said))
		}
	}()
	return nil
}

// log is where a child's output goes.
func (p *processes) log(name string) string {
	return filepath.Join(p.logs, strings.ReplaceAll(name, " ", "-")+".log")
}

// stop ends all children, the last started first, and returns when none is left.
func (p *processes) stop() {
	p.mu.Lock()
	p.stopping = true
	running := slices.Clone(p.running)
	p.mu.Unlock()
	slices.Reverse(running)
	for _, c := range running {
		tell(c, syscall.SIGTERM)
	}
	patience := time.After(p.patience)
	for _, c := range running {
		select {
		case <-c.ended:
		case <-patience:
			patience = nil // once is enough: from here on nobody is waited for in vain
			for _, c := range running {
				tell(c, syscall.SIGKILL)
			}
			<-c.ended
		}
	}
}

// tell signals a child and all that it started.
func tell(c *process, s syscall.Signal) {
	select {
	case <-c.ended: // its number may mean another process by now
	default:
		_ = syscall.Kill(-c.cmd.Process.Pid, s) // it may end meanwhile
	}
}

// tail is the last lines of a file, for an error message.
func tail(path string, lines int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
