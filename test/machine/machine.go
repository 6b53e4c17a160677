package machine

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/internal/onemachine"
)

// Patience is how long anything is waited for that must come. A test that passes never waits so long.
const Patience = 20 * time.Second

// look is how long nothing is done before a condition is looked at once more.
const look = 2 * time.Millisecond

// Machine is a whole mesh in this process, and a client of its API. It is for one test, and ends with it.
type Machine struct {
	*User
	// XDS is the relay's address, which a restart keeps.
	XDS string

	options onemachine.Options
	running *onemachine.Machine // nil while it is stopped
}

// Start runs a machine with data of its own.
func Start(tb testing.TB, options ...func(*onemachine.Options)) *Machine {
	tb.Helper()
	local := func() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(FreePort(tb))) } // so that nobody takes one during a restart
	m := &Machine{User: &User{tb: tb}, options: onemachine.Options{
		Data: tb.TempDir(), API: local(), XDS: local(), Admin: local(),
		StatusEvery: 10 * time.Millisecond,
		Logger:      slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}}
	for _, option := range options {
		option(&m.options)
	}
	tb.Cleanup(m.Stop)
	m.Start()
	return m
}

// Start runs the machine again after Stop: with the same data, at the same addresses.
func (m *Machine) Start() {
	m.tb.Helper()
	ctx, cancel := context.WithTimeout(m.tb.Context(), Patience)
	defer cancel()
	running, err := onemachine.Start(ctx, m.options)
	if err != nil {
		m.tb.Fatalf("start the machine: %v", err)
	}
	m.running = running
	m.XDS = running.XDSAddr
	m.options.API, m.options.XDS, m.options.Admin = running.APIAddr, running.XDSAddr, running.AdminAddr // an option may have said port 0
	if m.Client, err = client.New("http://" + running.APIAddr); err != nil {
		m.tb.Fatal(err)
	}
}

// Stop ends the machine as SIGTERM does. It may be stopped already.
func (m *Machine) Stop() {
	m.tb.Helper()
	if m.running == nil {
		return
	}
	// Not the test's own context: in its cleanup that has ended.
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	m.Close()
	err := m.running.Close(ctx)
	m.running = nil
	if err != nil {
		m.tb.Errorf("stop the machine: %v", err)
	}
}

// Restart stops the machine and starts it again.
func (m *Machine) Restart() {
	m.tb.Helper()
	m.Stop()
	m.Start()
}

// Data is the folder where the machine keeps everything.
func (m *Machine) Data() string { return m.options.Data }

// API is the address of its API, Admin that of its metrics and health.
func (m *Machine) API() string { return m.options.API }

// Admin is the address of its metrics and health.
func (m *Machine) Admin() string { return m.options.Admin }

// Eventually waits until so, which gives what is there instead, "" if all is well.
func Eventually(tb testing.TB, what string, so func() (instead string)) {
	tb.Helper()
	for until := time.Now().Add(Patience); ; time.Sleep(look) {
		instead := so()
		if instead == "" {
			return
		}
		if time.Now().After(until) {
			tb.Fatalf("waited %v for %s; instead: %s", Patience, what, instead)
		}
	}
}
