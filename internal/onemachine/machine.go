// Package onemachine is the whole mesh in one process: the same API, use cases and relay as in AWS, over one file, a
// folder and in-process feeds. It adds no logic of its own: what it does is say who talks to whom.
//
// It never listens beyond loopback. Start with Start.
package onemachine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/adapters/eventlog"
	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/adapters/local"
	"github.com/ownmesh/ownmesh/adapters/pem"
	"github.com/ownmesh/ownmesh/core/api"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/sweep"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
)

// The owner of everything on one machine, where there are no accounts.
const (
	DefaultAccount = "000000000000"
	DefaultRegion  = "us-east-1"
)

// Options say where a machine keeps its data and listens. Addresses must be loopback; port 0 picks a free one.
type Options struct {
	Data    string // folder; made if missing
	API     string // App Mesh's API and /v1
	XDS     string // the relay's gRPC
	Admin   string // metrics, health, pprof
	Account string // 12 digits, in ARNs; DefaultAccount
	Region  string // in ARNs of unsigned requests; DefaultRegion
	Version string // of this program, for /v1/version
	// Certificates is the folder of certificates that specs name by ARN (adapters/pem); "": there are none.
	Certificates string
	Logger       *slog.Logger
	// StatusEvery is how soon the relay's status shows a change; 50 ms.
	StatusEvery time.Duration
	// Hold is how long the relay holds a listener for a cluster that Envoy does not acknowledge; the relay's default.
	Hold time.Duration
}

// Machine is a running mesh.
type Machine struct {
	APIAddr, XDSAddr, AdminAddr string // as bound

	log       *slog.Logger
	store     *bolt.Store
	registry  *bolt.Registry
	objects   *folder.Objects
	pem       *pem.Folder // nil: none
	collector *artifact.Collector
	telling   *telling
	changes   [3]*local.Feed[string, events.MeshChanged] // compile, register, tell
	services  *local.Feed[endpoint.ServiceKey, endpoint.ServiceKey]
	relay     *relay.Relay
	xds       *grpc.Server
	api       *http.Server
	admin     *http.Server
	ready     atomic.Bool
	metrics   *prometheus.Registry
	stop      context.CancelFunc // ends background work
	failed    chan error         // servers and the relay, as far as they end by themselves: room for all
	loops     loops
}

// Start opens the data, begins to serve, and returns when the API, the relay and the admin address all answer. ctx
// bounds the start only.
func Start(ctx context.Context, o Options) (_ *Machine, err error) {
	o = withDefaults(o)
	m := &Machine{log: o.Logger, failed: make(chan error, 4), metrics: prometheus.NewRegistry()}
	background, stop := context.WithCancel(context.Background())
	m.stop = stop
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close(ctx))
		}
	}()
	listeners, err := listenAll(ctx, o.API, o.XDS, o.Admin)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			closeAll(listeners)
		}
	}()
	if err := m.open(ctx, o); err != nil {
		return nil, err
	}
	if o.Certificates != "" {
		if m.pem, err = pem.Open(o.Certificates); err != nil {
			return nil, err
		}
	}
	m.APIAddr, m.XDSAddr, m.AdminAddr = listeners[0].Addr().String(), listeners[1].Addr().String(), listeners[2].Addr().String()
	m.wire(o)
	m.serve(listeners)
	m.loops.start(background, m)
	if err := m.awaitReady(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

func withDefaults(o Options) Options {
	if o.Account == "" {
		o.Account = DefaultAccount
	}
	if o.Region == "" {
		o.Region = DefaultRegion
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.StatusEvery == 0 {
		o.StatusEvery = 50 * time.Millisecond
	}
	return o
}

func (m *Machine) open(ctx context.Context, o Options) error {
	data := o.Data
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	var err error
	if m.store, err = bolt.Open(filepath.Join(data, "mesh.db"), bolt.Options{}); err != nil {
		return err
	}
	if m.registry, err = bolt.OpenRegistry(filepath.Join(data, "instances.db")); err != nil {
		return err
	}
	if m.objects, err = folder.Open(filepath.Join(data, "artifacts")); err != nil {
		return err
	}
	m.collector = artifact.NewCollector(m.objects, artifact.CollectorOptions{Now: time.Now})
	log, err := eventlog.Open(data, eventlog.Options{Logger: m.log.With("part", "events")})
	if err != nil {
		return err
	}
	return m.tellFrom(ctx, log, notice.Place{Partition: "aws", Region: o.Region})
}

// wire says who hears what of whom.
func (m *Machine) wire(o Options) {
	place := m.telling.journal.Place
	m.relay = relay.New(relay.Options{
		Objects: m.objects, ID: "local", StatusEvery: o.StatusEvery, Hold: o.Hold,
		// A log that had to be begun anew is found by its checkpoint, and to look at that costs nothing here; nor does it
		// to look again for a file.
		CheckpointInterval: time.Second,
		RetrySecrets:       time.Second,
		Publisher:          m.telling,
		Logger:             m.log.With("part", "relay"), Metrics: m.metrics,
	})
	options := reconcile.CompilerOptions{
		Store: m.store, Objects: m.objects, Now: time.Now, Appended: m.relay.Wake, Logger: m.log.With("part", "compile"),
		Compile: compile.Options{Interception: resource.Explicit}, Events: m.telling, Place: place,
	}
	if m.pem != nil {
		options.Certificates = m.pem
	}
	compiler := reconcile.NewCompiler(options)
	registrar := reconcile.NewRegistrar(reconcile.RegistrarOptions{
		Store: m.store, Registry: m.registry, Objects: m.objects, Now: time.Now, Appended: m.relay.Wake, Logger: m.log.With("part", "register"),
		Events: m.telling, Place: place,
	})
	byMesh := func(e events.MeshChanged) string { return e.UID }
	m.changes[0] = local.NewFeed(local.FeedOptions{Name: "compile", Logger: m.log}, byMesh, compiler.Handle)
	m.changes[1] = local.NewFeed(local.FeedOptions{Name: "register", Logger: m.log}, byMesh, registrar.Handle)
	m.changes[2] = local.NewFeed(local.FeedOptions{Name: "tell", Logger: m.log}, byMesh, m.telling.journal.Handle)
	m.services = local.NewFeed(local.FeedOptions{Name: "instances", Logger: m.log},
		func(s endpoint.ServiceKey) endpoint.ServiceKey { return s },
		func(ctx context.Context, s endpoint.ServiceKey) error {
			meshes, err := sweep.Present(ctx, m.store)
			if err != nil {
				return err
			}
			return registrar.InstancesChanged(ctx, meshes, s)
		})
	handler := api.New(api.Options{
		Store: m.store, Registry: m.registry, Objects: m.objects,
		Now: time.Now, NewID: uuid.NewString, Account: o.Account, Region: o.Region, Partition: "aws",
		Caller:    func(*http.Request) string { return "local" },
		Committed: m.changed, InstancesChanged: m.services.Send,
		Relay:   m.XDSAddr,
		Events:  m.telling,
		Version: o.Version, Compiler: compile.Version, Logger: m.log.With("part", "api"),
	})
	m.api = httpServer(handler)
	m.api.WriteTimeout = answerTimeout
	m.api.RegisterOnShutdown(m.telling.end)
	m.admin = httpServer(m.adminHandler()) // profiles take as long as they are asked to
	m.xds = grpc.NewServer(relay.ServerOptions()...)
	m.relay.Register(m.xds)
}

// How long a client may take, from the start of a request on. An answer takes the API up to 10 s, while many write.
const (
	headerTimeout  = 10 * time.Second
	requestTimeout = 30 * time.Second
	answerTimeout  = requestTimeout + 30*time.Second
	idleTimeout    = 2 * time.Minute
)

func httpServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: api.LoopbackOnly(handler), ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, IdleTimeout: idleTimeout,
	}
}

// changed tells compile, register and the outside that a mesh has changed.
func (m *Machine) changed(e events.MeshChanged) {
	for _, feed := range m.changes {
		feed.Send(e)
	}
}

func (m *Machine) serve(l []net.Listener) {
	run := func(what string, serve func() error) {
		go func() {
			if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
				m.failed <- fmt.Errorf("serve the %s address: %w", what, err)
			}
		}()
	}
	run("API", func() error { return m.api.Serve(l[0]) })
	run("xDS", func() error { return m.xds.Serve(l[1]) })
	run("admin", func() error { return m.admin.Serve(l[2]) })
}

// Wait returns when a server ends by itself, with its error; while all is well, never.
func (m *Machine) Wait() error { return <-m.failed }

// Failed is the channel that Wait reads.
func (m *Machine) Failed() <-chan error { return m.failed }
