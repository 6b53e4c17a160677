// Command xdsrelay serves Envoys the configuration that lies in a folder of artifacts.
//
// It is package relay and nothing else: no API, no compiler. It listens on loopback only, and refuses anything else:
// who may have which node's configuration is not checked yet.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"

	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// settings are what flags and environment say; a flag counts more.
type settings struct {
	artifacts, xds, admin, id string
	interval, drain           time.Duration
}

func parse(arguments []string, getenv func(string) string, out io.Writer) (settings, error) {
	var s settings
	fallback := func(variable, otherwise string) string {
		if value := getenv(variable); value != "" {
			return value
		}
		return otherwise
	}
	flags := flag.NewFlagSet("xdsrelay", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&s.artifacts, "artifacts", fallback("OWNMESH_ARTIFACTS", ""), "`folder` of artifacts to serve ($OWNMESH_ARTIFACTS)")
	flags.StringVar(&s.xds, "xds", fallback("OWNMESH_XDS", "127.0.0.1:15010"), "`address` for Envoys, on loopback ($OWNMESH_XDS)")
	flags.StringVar(&s.admin, "admin", fallback("OWNMESH_ADMIN", "127.0.0.1:15011"), "`address` of /metrics and /healthz, on loopback ($OWNMESH_ADMIN)")
	flags.StringVar(&s.id, "id", fallback("OWNMESH_RELAY_ID", ""), "name of this relay; random if empty ($OWNMESH_RELAY_ID)")
	flags.DurationVar(&s.interval, "interval", time.Second, "how often each log is asked for news")
	flags.DurationVar(&s.drain, "drain", 5*time.Second, "over what time streams are ended when the relay stops")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if s.artifacts == "" {
		return s, errors.New("no folder of artifacts: give -artifacts or OWNMESH_ARTIFACTS")
	}
	return s, nil
}

// run serves until ctx ends, and then drains.
func run(ctx context.Context, arguments []string, getenv func(string) string, out io.Writer) error {
	s, err := parse(arguments, getenv, out)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	objects, err := folder.Open(s.artifacts)
	if err != nil {
		return fmt.Errorf("open the artifacts: %w", err)
	}
	defer objects.Close()
	xds, err := listenOnLoopback(s.xds)
	if err != nil {
		return fmt.Errorf("listen for Envoys: %w", err)
	}
	defer xds.Close()
	admin, err := listenOnLoopback(s.admin)
	if err != nil {
		return fmt.Errorf("listen for admin requests: %w", err)
	}
	defer admin.Close()

	registry := prometheus.NewRegistry()
	logger := slog.New(slog.NewJSONHandler(out, nil))
	r := relay.New(relay.Options{Objects: objects, ID: s.id, Interval: s.interval, Drain: s.drain, Logger: logger, Metrics: registry})
	server := grpc.NewServer(relay.ServerOptions()...)
	r.Register(server)
	adminServer := &http.Server{Handler: adminHandler(registry), ReadHeaderTimeout: 5 * time.Second}
	defer adminServer.Close()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { cancel(server.Serve(xds)) }()
	go func() { cancel(adminServer.Serve(admin)) }()
	logger.Info("ready", "xds", xds.Addr().String(), "admin", admin.Addr().String())
	err = r.Run(ctx)
	server.Stop()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return fmt.Errorf("serve: %w", cause)
	}
	return err
}

func adminHandler(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	return mux
}

// listenOnLoopback refuses every other address: authentication comes first.
func listenOnLoopback(address string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("%s is not on loopback: there is no authentication yet, so the relay serves this machine only", address)
	}
	return net.ListenTCP("tcp", resolved)
}
