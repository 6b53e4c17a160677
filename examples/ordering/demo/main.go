// Command demo shows a mesh at work: `ownmesh up`, the ordering application, and an Envoy beside each of its services,
// all as plain processes on this machine. It does what a person would do, with the same commands and clients, and
// measures what comes of it. It ends with exit code 0 only if all that it showed was true.
//
// With -up it starts the same things, prints what to try, and leaves them running until Ctrl-C.
//
// It keeps nothing: its folder goes with it, unless something failed; then the logs in it stay. It never ends a process
// that it did not start. Start reading at scenes.go for what is shown, at application.go for how a service gets its
// Envoy.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

func main() {
	root := flag.String("root", ".", "the repository's folder")
	bin := flag.String("bin", "bin", "the folder of ownmesh and ordering, as `make build` fills it")
	up := flag.Bool("up", false, "leave everything running until Ctrl-C instead of showing it")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "error: there are no arguments but flags")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Stdout, *root, *bin, *up); err != nil {
		fmt.Fprintf(os.Stderr, "\n%s %v\n", red("error:"), err)
		os.Exit(1)
	}
}

// errInterrupted is what ends a demo that the user ends.
var errInterrupted = errors.New("interrupted")

// run is the demo, or with up what stays. It ends all its processes before it returns.
func run(ctx context.Context, out io.Writer, root, bin string, up bool) (err error) {
	programs, err := find(root, bin)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "ownmesh-demo-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() {
		if err == nil || errors.Is(err, errInterrupted) {
			err = errors.Join(err, os.RemoveAll(folder))
			return
		}
		err = fmt.Errorf("%w\n%s the logs of all processes are in %s", err, bold("hint:"), folder)
	}()

	user := ctx
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	processes := newProcesses(folder, fail)
	defer processes.stop()
	defer func() {
		// What ended the demo is more to the point than what noticed it.
		if cause := context.Cause(ctx); err != nil && cause != nil {
			err = cause
		}
		if user.Err() != nil {
			err = errInterrupted
			if up {
				err = nil // that is how it ends
			}
		}
	}()

	r := &report{out: out, began: time.Now()}
	a, err := start(ctx, r, processes, programs, folder, root, up)
	if err != nil {
		return err
	}
	if up {
		return stay(ctx, r, a)
	}
	d := &demo{application: a, report: r}
	for _, show := range scenes {
		if err := show(d, ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\n%s in %.1f s. `make up` leaves it running for you.\n", green("All of this was true"), time.Since(r.began).Seconds())
	return nil
}

// find looks for what the demo runs.
func find(root, bin string) (programs, error) {
	p := programs{ownmesh: filepath.Join(bin, "ownmesh"), services: filepath.Join(bin, "ordering")}
	for _, program := range []string{p.ownmesh, p.services} {
		if _, err := os.Stat(program); err != nil {
			return p, fmt.Errorf("%w\n%s `make build` makes it", err, bold("hint:"))
		}
	}
	var err error
	if p.envoy, err = envoybin.Path(root); err != nil {
		return p, fmt.Errorf("find an Envoy: %w", err)
	}
	return p, nil
}

// start brings up the mesh and the application.
func start(ctx context.Context, r *report, ps *processes, p programs, folder, root string, up bool) (*application, error) {
	a := &application{processes: ps, programs: p, folder: folder, ports: newPorts()}
	listen := addresses{"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"}
	if up { // where `ownmesh` looks by itself, and where a person does
		listen = addresses{a.ports.prefer(9080), a.ports.prefer(15010), a.ports.prefer(15011)}
		a.front = a.ports.prefer(8080)
	}
	var err error
	if a.mesh, err = startMesh(ctx, ps, p.ownmesh, filepath.Join(folder, "data"), listen); err != nil {
		return nil, err
	}
	if _, err := a.mesh.run(ctx, "apply", "-f", meshFile(root)); err != nil {
		return nil, err
	}
	if err := startApplication(ctx, a); err != nil {
		return nil, err
	}
	r.did("Started ownmesh, applied %s, started the application: each service behind its own Envoy", meshFile(root))
	r.text("gateway -> ui -> order -> inventory v1, v2")
	r.note("%d processes, ready for requests after %.1f s; logs in %s", 2*len(a.running), time.Since(r.began).Seconds(), folder)
	return a, nil
}
