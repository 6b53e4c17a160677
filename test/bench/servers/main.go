package servers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/pprof"

	"google.golang.org/grpc"

	"github.com/ownmesh/ownmesh/test/bench/load"
)

// served is a server, seen from inside its process.
type served struct {
	xds, api string
	// change brings it to the state after a change; nil where that has no meaning.
	change func(context.Context, load.Change) error
	stop   func()
}

// Main is to be called first in the program that calls Start: in a process that Start has started it is the server, and
// never returns.
func Main() {
	text, ok := os.LookupEnv(environment)
	if !ok {
		return
	}
	if err := serve(text, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error: benchmark server:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve does what in says until in ends: the one who started it wants no more, or is gone.
func serve(config string, in io.Reader, out io.Writer) error {
	var c Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return fmt.Errorf("read %s: %w", environment, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	say := json.NewEncoder(out)
	s, err := start(ctx, c)
	if err != nil {
		return errors.Join(err, say.Encode(answer{Error: err.Error()}))
	}
	defer s.stop()
	if c.Profile != "" {
		file, err := os.Create(c.Profile)
		if err != nil {
			return fmt.Errorf("write the profile: %w", err)
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return fmt.Errorf("write the profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	if err := say.Encode(answer{XDS: s.xds, API: s.api}); err != nil {
		return fmt.Errorf("say that it runs: %w", err)
	}
	for orders := json.NewDecoder(bufio.NewReader(in)); ; {
		var o order
		if err := orders.Decode(&o); err != nil {
			return nil
		}
		if err := say.Encode(obey(ctx, s, o)); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}

func obey(ctx context.Context, s *served, o order) answer {
	var a answer
	var err error
	switch {
	case o.Do == doChange && s.change != nil:
		err = s.change(ctx, o.Change)
	case o.Do == doCPU:
		a.CPU, err = cpu()
	case o.Do == doMemory:
		a.Memory = memory()
	default:
		err = fmt.Errorf("it can't do %q", o.Do)
	}
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

func start(ctx context.Context, c Config) (*served, error) {
	switch c.Kind {
	case Relay:
		return startRelay(ctx, c)
	case Secure:
		return startSecure(ctx, c)
	case Floor:
		return startFloor(c)
	case Snapshot:
		return startSnapshot(ctx, c)
	case Machine:
		return startMachine(ctx, c)
	default:
		return nil, fmt.Errorf("there is no server of kind %q", c.Kind)
	}
}

// listen serves gRPC on a free port of this machine.
func listen(server *grpc.Server) (addr string, err error) {
	return listenWith(server, func(l net.Listener) net.Listener { return l })
}

// listenWith is listen with something between the listener and the server.
func listenWith(server *grpc.Server, wrap func(net.Listener) net.Listener) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	// It ends with the process.
	go func() { _ = server.Serve(wrap(l)) }()
	return l.Addr().String(), nil
}
