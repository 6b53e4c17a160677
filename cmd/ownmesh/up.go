package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/internal/onemachine"
)

type upFlags struct {
	data, api, xds, admin string
	certificates          string
	logLevel, logFormat   string
}

// drainTime bounds how long Ctrl-C waits for calls and streams to end by themselves.
const drainTime = 10 * time.Second

func (a *app) upCommand() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:     "up",
		GroupID: groupRun,
		Short:   "Run the whole mesh in this process, until Ctrl-C",
		Long: `Up runs API, compiler and relay in one process, and keeps its data in a folder: what was acknowledged
survives restarts. It prints one line once all of it answers:

  ready api=127.0.0.1:9080 xds=127.0.0.1:15010 admin=127.0.0.1:15011

The API is for clients, xds for Envoys (see ` + "`ownmesh help bootstrap`" + `); admin serves /metrics, /healthz, /readyz
and /debug/pprof. There is no authentication, so all three listen on loopback only. Port 0 picks a free one.`,
		Example: `  ownmesh up
  ownmesh up --data /var/lib/ownmesh --log-format json
  ownmesh up --certificates ./certificates
  ownmesh up --data $(mktemp -d) --api 127.0.0.1:0 --xds 127.0.0.1:0 --admin 127.0.0.1:0`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.up(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.data, "data", ".ownmesh", "folder for the mesh's data; made if missing")
	cmd.Flags().StringVar(&f.api, "api", "127.0.0.1:9080", "address of the API")
	cmd.Flags().StringVar(&f.xds, "xds", defaultXDS, "address of the relay, for Envoys")
	cmd.Flags().StringVar(&f.admin, "admin", "127.0.0.1:15011", "address of metrics, health and profiles")
	cmd.Flags().StringVar(&f.certificates, "certificates", "", "folder of the certificates that specs name by ARN: <id>/certificate.pem, chain.pem and private-key.pem")
	cmd.Flags().StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	cmd.Flags().StringVar(&f.logFormat, "log-format", "text", "text or json, on standard error")
	completeFlag(cmd, "log-level", words("debug", "info", "warn", "error"))
	completeFlag(cmd, "log-format", words("text", "json"))
	return cmd
}

func (a *app) up(ctx context.Context, f upFlags) error {
	listens := []listenFlag{{"api", f.api}, {"xds", f.xds}, {"admin", f.admin}}
	for _, flag := range listens {
		if err := checkLoopback(flag.name, flag.address); err != nil {
			return err
		}
	}
	logger, err := a.logger(f)
	if err != nil {
		return err
	}
	m, err := onemachine.Start(ctx, onemachine.Options{
		Data: f.data, API: f.api, XDS: f.xds, Admin: f.admin, Logger: logger, Version: thisVersion(),
		Certificates: f.certificates,
	})
	if err != nil {
		return notStarted(err, f.data, listens...)
	}
	ready := struct {
		API   string `json:"api"`
		XDS   string `json:"xds"`
		Admin string `json:"admin"`
	}{m.APIAddr, m.XDSAddr, m.AdminAddr}
	if err := a.screen.Show(ready, func() error {
		a.screen.Printf("ready api=%s xds=%s admin=%s\n", ready.API, ready.XDS, ready.Admin)
		return nil
	}); err != nil {
		return errors.Join(err, m.Close(ctx))
	}
	var failed error
	select {
	case failed = <-m.Failed():
	case <-ctx.Done():
		logger.Info("stopping", "why", context.Cause(ctx), "within", drainTime)
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return errors.Join(failed, m.Close(draining))
}

// listenFlag is a flag that says where to listen.
type listenFlag struct{ name, address string }

// notStarted guesses at what a person can do. data is --data; "" for what has none.
func notStarted(err error, data string, listens ...listenFlag) error {
	f := &failure{code: exitFailure, err: fmt.Errorf("start: %w", err)}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		f.hint = "something listens there, maybe another `ownmesh`; port 0 picks a free one"
		for _, l := range listens {
			if taken := (*net.OpError)(nil); errors.As(err, &taken) && taken.Addr != nil && taken.Addr.String() == l.address {
				f.hint = fmt.Sprintf("something listens there, maybe another `ownmesh`; give another address with --%s: port 0 picks a free one", l.name)
			}
		}
	case strings.Contains(err.Error(), "folder of certificates"):
		f.hint = "--certificates takes a folder that exists"
	case data != "" && strings.Contains(err.Error(), data):
		f.hint = "--data takes another folder than " + data
	}
	return f
}

// checkLoopback says why before anything is opened; what binds the address checks again.
func checkLoopback(flag, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return usage("--%s %q must be HOST:PORT, such as 127.0.0.1:9080", flag, address)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return usage("--%s %q must end in a port from 0 to 65535", flag, address)
	}
	ip, err := netip.ParseAddr(host)
	if host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	return &failure{
		code: exitUsage,
		err:  fmt.Errorf("--%s %s is not on loopback: nothing here asks who is calling, so it would be open to everybody who reaches it", flag, address),
		hint: "listen on 127.0.0.1, and let what must be reached from elsewhere come through something that authenticates",
	}
}

func (a *app) logger(f upFlags) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, usage("--log-level %q must be debug, info, warn or error", f.logLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	switch f.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(a.screen.Err, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(a.screen.Err, options)), nil
	default:
		return nil, usage("--log-format %q must be text or json", f.logFormat)
	}
}
