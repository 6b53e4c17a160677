package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awseb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/ownmesh/ownmesh/adapters/eventbridge"
	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/adapters/s3"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/token"
	"github.com/ownmesh/ownmesh/xdsrelay/cache"
	"github.com/ownmesh/ownmesh/xdsrelay/certify"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
)

// startTimeout bounds what a start asks of AWS.
const startTimeout = time.Minute

// process is a relay with what is around it.
type process struct {
	settings settings
	logger   *slog.Logger
	registry *prometheus.Registry
	cloud    *aws.Config // nil until it is needed
	store    artifact.Objects
	cache    *cache.Objects // nil: none
	relay    *relay.Relay
	closers  []func()
}

// run serves until ctx ends, and then drains.
func run(ctx context.Context, s settings, out io.Writer) error {
	p := &process{
		settings: s, registry: prometheus.NewRegistry(),
		logger: slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: s.level})),
	}
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	defer func() {
		for _, closing := range p.closers {
			closing()
		}
	}()
	xds, err := listen(s.xds, s.secure(), notAlone)
	if err != nil {
		return fmt.Errorf("listen for Envoys: %w", err)
	}
	defer xds.Close()
	admin, err := listen(s.admin, false, "%s is not on loopback: what is asked there is not authenticated")
	if err != nil {
		return fmt.Errorf("listen for admin requests: %w", err)
	}
	defer admin.Close()
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := p.openStore(starting); err != nil {
		return err
	}
	return p.start(ctx, starting, xds, admin)
}

// start makes the relay of a store that is open, and serves. starting bounds what comes before that.
func (p *process) start(ctx, starting context.Context, xds, admin net.Listener) error {
	options, err := p.relayOptions(starting)
	if err != nil {
		return err
	}
	var renewer *certify.Renewer
	if p.settings.secure() {
		if renewer, err = p.secure(starting, &options); err != nil {
			return err
		}
	}
	p.relay = relay.New(options)
	return p.serve(ctx, xds, admin, renewer)
}

// aws is how AWS is reached; it is read when it is first needed.
func (p *process) aws(ctx context.Context) (aws.Config, error) {
	if p.cloud == nil {
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return cfg, fmt.Errorf("read AWS's settings: %w", err)
		}
		if cfg.Region == "" {
			return cfg, errors.New("AWS_REGION must be set")
		}
		p.cloud = &cfg
	}
	return *p.cloud, nil
}

// openStore opens what is served, and the cache before it.
func (p *process) openStore(ctx context.Context) error {
	if p.settings.bucket != "" {
		cfg, err := p.aws(ctx)
		if err != nil {
			return err
		}
		// Emulators, which are where an endpoint is given, know buckets by path only.
		client := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
		p.store = s3.New(client, p.settings.bucket)
	} else {
		objects, err := folder.Open(p.settings.artifacts)
		if err != nil {
			return fmt.Errorf("open the artifacts: %w", err)
		}
		p.closers = append(p.closers, func() { _ = objects.Close() })
		p.store = objects
	}
	if p.settings.cache == "" {
		return nil
	}
	var err error
	p.cache, err = cache.Open(cache.Options{Objects: p.store, Dir: p.settings.cache, Size: p.settings.cacheSize, Logger: p.logger})
	return err
}

// objects is where the relay reads.
func (p *process) objects() artifact.Objects {
	if p.cache != nil {
		return p.cache
	}
	return p.store
}

func (p *process) relayOptions(ctx context.Context) (relay.Options, error) {
	s := p.settings
	o := relay.Options{
		Objects: p.objects(), ID: s.id, Interval: s.interval, Drain: s.drain, Limits: s.limits,
		Logger: p.logger, Metrics: p.registry,
	}
	if s.bus == "" {
		return o, nil
	}
	cfg, err := p.aws(ctx)
	if err != nil {
		return o, err
	}
	o.Publisher = eventbridge.New(awseb.NewFromConfig(cfg), s.bus)
	return o, nil
}

// secure gets the keys, and with them the relay's certificate and what checks tokens.
func (p *process) secure(ctx context.Context, o *relay.Options) (*certify.Renewer, error) {
	keys, err := p.tokenKeys(ctx)
	if err != nil {
		return nil, err
	}
	if o.Tokens, err = token.NewVerifier(time.Now, keys...); err != nil {
		return nil, err
	}
	signer, err := p.signer(ctx, p.settings.caKey)
	if err != nil {
		return nil, fmt.Errorf("the key of the relays' authority: %w", err)
	}
	authority, err := certify.Open(ctx, p.objects(), signer, time.Now())
	if err != nil {
		return nil, err
	}
	until := prometheus.NewGauge(prometheus.GaugeOpts{Name: "ownmesh_relay_certificate_expiry_seconds", Help: "When the relay's certificate ends, in Unix time."})
	failures := prometheus.NewCounter(prometheus.CounterOpts{Name: "ownmesh_relay_certificate_failures_total", Help: "Renewals of the relay's certificate that failed."})
	p.registry.MustRegister(until, failures)
	host, err := p.settings.host()
	if err != nil {
		return nil, err
	}
	return certify.NewRenewer(certify.Options{
		Authority: authority, Host: host, Logger: p.logger,
		Renewed: func(t time.Time) { until.Set(float64(t.Unix())) }, Failed: failures.Inc,
	})
}

// serve serves until ctx ends or something breaks.
func (p *process) serve(ctx context.Context, xds, admin net.Listener, renewer *certify.Renewer) error {
	options := relay.ServerOptions()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if renewer != nil {
		options = append(options, grpc.Creds(p.relay.Credentials(credentials.NewTLS(renewer.Config()))))
		go renewer.Run(ctx)
	}
	server := grpc.NewServer(options...)
	p.relay.Register(server)
	adminServer := &http.Server{Handler: p.adminHandler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	defer adminServer.Close()
	go func() { cancel(server.Serve(p.relay.Listener(xds))) }()
	go func() { cancel(adminServer.Serve(admin)) }()
	p.logger.Info("ready", "xds", xds.Addr().String(), "admin", admin.Addr().String(), "tls", renewer != nil, "version", version, "pid", os.Getpid())
	err := p.relay.Run(ctx)
	server.Stop()
	if p.cache != nil {
		p.cache.Settle()
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return fmt.Errorf("serve: %w", cause)
	}
	return err
}
