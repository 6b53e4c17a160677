package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
)

// adminHandler answers who looks after the relay. /healthz says that the process serves; /readyz that it could serve a
// stream that comes now. ECS asks for the former: a relay that is not ready heals by itself, and killing it would not
// bring the store back.
func (p *process) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	store := &storeProbe{objects: p.store}
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		note, err := p.ready(r.Context(), store)
		if err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready"+note+"\n")
	})
	return mux
}

// ready says why a new stream could not be served now, or notes what isn't as it should be.
func (p *process) ready(ctx context.Context, store *storeProbe) (note string, err error) {
	if err := p.relay.Ready(); err != nil {
		return "", err
	}
	err = store.reach(ctx)
	switch {
	case err == nil:
		return "", nil
	case p.cache == nil:
		return "", fmt.Errorf("the artifact store can't be read, and there is no cache: %w", err)
	case p.cache.Empty():
		return "", fmt.Errorf("the artifact store can't be read, and the cache is empty: %w", err)
	}
	return fmt.Sprintf(", from the cache: the artifact store can't be read: %v", err), nil
}

const (
	probeEvery   = 10 * time.Second
	probeTimeout = 3 * time.Second
)

// storeProbe asks whether the store can be read, but not more often than it costs nothing.
type storeProbe struct {
	objects artifact.Objects

	mu    sync.Mutex
	asked time.Time
	err   error
}

func (s *storeProbe) reach(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.asked) < probeEvery {
		return s.err
	}
	// Others are told the answer, too: that who asked first has gone is not the store's fault.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	_, _, err := s.objects.Get(ctx, events.RelayCAPath)
	if errors.Is(err, artifact.ErrNotFound) {
		err = nil
	}
	s.asked, s.err = time.Now(), err
	return err
}

// probe is the command health, for a container's health check: an image without a shell has no curl.
func probe(ctx context.Context, arguments []string, getenv func(string) string, out io.Writer) error {
	flags := flag.NewFlagSet("health", flag.ContinueOnError)
	flags.SetOutput(out)
	admin := getenv("OWNMESH_ADMIN")
	if admin == "" {
		admin = "127.0.0.1:15011"
	}
	flags.StringVar(&admin, "admin", admin, "`address` of the relay's /healthz ($OWNMESH_ADMIN)")
	ready := flags.Bool("ready", false, "ask whether it could serve a stream now, too")
	timeout := flags.Duration("timeout", 4*time.Second, "how long the answer may take")
	if err := flags.Parse(arguments); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	path := "/healthz"
	if *ready {
		path = "/readyz"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+path, nil)
	if err != nil {
		return fmt.Errorf("-admin (OWNMESH_ADMIN) must be host:port, got %q", admin)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("the relay does not answer: %w", err)
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if response.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(said)))
	}
	_, err = out.Write(said)
	return err
}
