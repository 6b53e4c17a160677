package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
	"github.com/ownmesh/ownmesh/sidecar/folder"
	"github.com/ownmesh/ownmesh/sidecar/proxy"
)

// endGrace is how long Envoy may take to end once it is told to.
const endGrace = 3 * time.Second

// run starts Envoy and stays until it has ended. The exit code goes to p.code.
func (p *program) run() error {
	s, err := p.settings()
	if err != nil {
		return err
	}
	log, dir := p.logger(s.Program.Level), s.Program.Dir
	if err := folder.Make(dir); err != nil {
		return err
	}
	told, again := p.stops(log)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	preparing, stop := until(ctx, told)
	defer stop()
	i := insistent{dir: dir, log: log}
	plan, err := p.prepare(preparing, s, i, log)
	if preparing.Err() != nil {
		log.Info("told to stop before Envoy was started")
		return nil
	}
	if err != nil {
		return err
	}
	if err := folder.Write(dir, folder.BootstrapFile, plan.config); err != nil {
		return err
	}
	i.state(folder.State{Doing: runningEnvoy})
	args := append([]string{"-c", filepath.Join(dir, folder.BootstrapFile)}, s.Arguments...)
	envoy, err := proxy.Start(s.Program.Envoy, args, p.stdout, p.stderr)
	if err != nil {
		return err
	}
	log.Info("Envoy started", "version", version, "resource", s.Options.NodeID, "instance", s.Options.Metadata.Instance, "dir", dir)
	if plan.keep != nil {
		go func() {
			if err := plan.keep(ctx); err != nil {
				log.Error("the token is renewed no more: Envoy goes on with what it has", "error", err.Error())
			}
		}()
	}
	select {
	case <-envoy.Done():
		log.Error("Envoy has ended by itself", "code", envoy.Code())
	case <-told:
		i.state(folder.State{Doing: draining})
		id, _ := bootstrap.ParseNodeID(s.Options.NodeID) // none with a bootstrap of the user's own: no gateway then
		d := drain{envoy: envoy, admin: proxy.NewAdmin(s.Options.Admin), task: plan.task, gateway: id.Kind == "virtualGateway", limit: s.Program.Drain, log: log}
		d.run(ctx, again)
		if err := envoy.End(endGrace); err != nil {
			log.Warn("Envoy did not end by itself", "error", err.Error())
		}
	}
	p.code = envoy.Code()
	return nil
}

// until gives a context that ends when told is closed, too.
func until(ctx context.Context, told <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(ctx)
	go func() {
		select {
		case <-told:
			stop()
		case <-ctx.Done():
		}
	}()
	return ctx, stop
}

// stops gives what is closed at the first signal to stop, and at the second.
func (p *program) stops(log *slog.Logger) (first, second <-chan struct{}) {
	told, again := make(chan struct{}), make(chan struct{})
	go func() {
		log.Info("told to stop", "signal", (<-p.signals).String())
		close(told)
		log.Info("told to stop at once", "signal", (<-p.signals).String())
		close(again)
	}()
	return told, again
}
