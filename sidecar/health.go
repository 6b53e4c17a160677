package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/ownmesh/ownmesh/sidecar/environment"
	"github.com/ownmesh/ownmesh/sidecar/folder"
	"github.com/ownmesh/ownmesh/sidecar/proxy"
)

// What a sidecar is doing, once it has all that it needs.
const (
	runningEnvoy = "running Envoy"
	draining     = "draining"
)

// health is nil if Envoy has its configuration and serves; else it says why not.
//
// A token that can't be renewed is no reason: Envoy goes on serving, and to stop all tasks while the API is away would
// make an outage of it.
func (p *program) health(ctx context.Context, timeout time.Duration) error {
	s, err := p.settings()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	address := readiness(s)
	err = proxy.NewAdmin(address).Ready(ctx)
	if err == nil {
		return nil
	}
	state, unknown := folder.ReadState(s.Program.Dir)
	switch {
	case errors.Is(unknown, os.ErrNotExist):
		return fmt.Errorf("no sidecar runs here (%s is empty): %w", s.Program.Dir, err)
	case unknown != nil:
		return fmt.Errorf("not ready: %w", errors.Join(err, unknown))
	case state.Fault != "":
		return fmt.Errorf("not ready: the sidecar is %s: %s", state.Doing, state.Fault)
	case state.Doing == runningEnvoy && strings.Contains(fmt.Sprint(proxy.NewAdmin(s.Options.Admin).Ready(ctx)), "INITIALIZING"):
		// The listener opens with the first configuration; the admin interface answers before.
		return errors.New("not ready: Envoy waits for its first configuration from the relay: its log says whether it reaches the relay")
	}
	return fmt.Errorf("not ready: the sidecar is %s: %w", state.Doing, err)
}

// readiness is where Envoy answers /ready: the sidecar's own listener, or with a bootstrap of the user's own, which need
// not have that, the admin interface.
func readiness(s environment.Settings) string {
	if s.Config != nil {
		return s.Options.Admin
	}
	a, err := netip.ParseAddrPort(s.Options.Metrics)
	if err != nil || !a.Addr().IsUnspecified() {
		return s.Options.Metrics
	}
	host := "127.0.0.1"
	if a.Addr().Is6() {
		host = "::1"
	}
	return net.JoinHostPort(host, fmt.Sprint(a.Port()))
}
