package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ownmesh/ownmesh/sidecar/api"
	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
	"github.com/ownmesh/ownmesh/sidecar/environment"
	"github.com/ownmesh/ownmesh/sidecar/explicit"
	"github.com/ownmesh/ownmesh/sidecar/folder"
	"github.com/ownmesh/ownmesh/sidecar/task"
	"github.com/ownmesh/ownmesh/sidecar/token"
)

// This file: from the environment and what the API says to what Envoy is started with.

// plan is what Envoy is started with.
type plan struct {
	config []byte
	keep   func(context.Context) error // keeps the token good; nil where there is none
	task   *task.Task                  // nil outside of ECS
}

// asker gets answers from the API: insistently, or once.
type asker interface {
	token(context.Context, *api.Client) (api.Token, error)
	addresses(context.Context, *api.Client) ([]string, error)
}

// once asks once, and keeps nothing: for who wants to see a bootstrap.
type once struct{}

func (once) token(ctx context.Context, c *api.Client) (api.Token, error)    { return c.Token(ctx) }
func (once) addresses(ctx context.Context, c *api.Client) ([]string, error) { return c.Addresses(ctx) }

// insistent asks until there is an answer: a task often starts before its permissions, its node or the API are there.
type insistent struct {
	dir string
	log *slog.Logger
}

func (i insistent) token(ctx context.Context, c *api.Client) (api.Token, error) {
	i.state(folder.State{Doing: "waiting for a token"})
	k := &token.Keeper{Fetch: c.Token, Dir: i.dir, Log: i.log, Failed: i.tell("waiting for a token")}
	return k.Get(ctx)
}

func (i insistent) addresses(ctx context.Context, c *api.Client) ([]string, error) {
	const doing = "asking which addresses explicit interception needs"
	i.state(folder.State{Doing: doing})
	tell := i.tell(doing)
	return token.Insist(ctx, func() ([]string, error) { return c.Addresses(ctx) }, func(err error, pause time.Duration) {
		tell(err)
		i.log.Warn("no addresses", "error", err.Error(), "again in", pause.String())
	})
}

// tell keeps a fault for `sidecar health`.
func (i insistent) tell(doing string) func(error) {
	return func(err error) { i.state(folder.State{Doing: doing, Fault: err.Error()}) }
}

func (i insistent) state(s folder.State) {
	if err := folder.WriteState(i.dir, s); err != nil {
		i.log.Warn("the state is not kept", "error", err.Error())
	}
}

// prepare finds out all that Envoy must be told.
func (p *program) prepare(ctx context.Context, s environment.Settings, ask asker, log *slog.Logger) (*plan, error) {
	for _, v := range s.Idle {
		log.Info("a variable has no effect here", "variable", v.Name, "why", v.Without)
	}
	for _, m := range environment.Misspelt(p.environ) {
		log.Warn("a variable is not known", "variable", m.Name, "probably meant", m.Meant)
	}
	made := &plan{task: task.New(p.get(task.Variable))}
	o := s.Options
	if made.task != nil && o.Metadata.Instance == "" {
		arn, err := made.task.ARN(ctx)
		if err != nil {
			log.Warn("this task's ARN is not known: the relay tells it by its address", "error", err.Error())
		}
		o.Metadata.Instance = arn
	}
	if s.Program.API != "" {
		if err := p.connect(ctx, s, &o, made, ask, log); err != nil {
			return nil, err
		}
	}
	o.XDS = cmp.Or(o.XDS, "127.0.0.1:15010")
	if made.config = s.Config; made.config != nil {
		log.Info("ENVOY_CONFIG_FILE is used as it is")
		return made, nil
	}
	var err error
	if made.config, err = bootstrap.Render(o); err != nil {
		return nil, &misuse{err}
	}
	return made, nil
}

// connect asks the API.
func (p *program) connect(ctx context.Context, s environment.Settings, o *bootstrap.Options, made *plan, ask asker, log *slog.Logger) error {
	id, err := bootstrap.ParseNodeID(o.NodeID)
	if err != nil {
		return &misuse{err}
	}
	sign, err := api.NewSigner(ctx, s.Program.API, p.get)
	if err != nil {
		return &misuse{err}
	}
	client := api.New(s.Program.API, id, sign)
	t, err := ask.token(ctx, client)
	if err != nil {
		return err
	}
	o.XDS = cmp.Or(o.XDS, t.Relay)
	if t.Token != "" {
		o.XDS, o.Credentials = t.Relay, s.Program.Dir
	}
	if i, ok := ask.(insistent); ok {
		k := &token.Keeper{Fetch: client.Token, Dir: i.dir, Log: i.log} // what fails from here on makes nothing unhealthy
		made.keep = func(ctx context.Context) error { return k.Keep(ctx, t) }
	}
	if !s.Program.Explicit {
		return nil
	}
	needed, err := ask.addresses(ctx, client)
	if err != nil {
		return err
	}
	addresses, unreached, problems := explicit.Complete(needed, s.Program.Addresses)
	if len(problems) > 0 {
		return &misuse{errors.Join(append(problems,
			errors.New("OWNMESH_APPLICATION must say where the application listens: OWNMESH_APPLICATION=8080=9080, and port 9080 for the application"))...)}
	}
	for _, service := range unreached {
		log.Info("a backend has no local address: the HTTP proxy alone leads to it", "service", service,
			"proxy", addresses["proxy"], "to change that", "OWNMESH_SERVICES="+service+"=PORT")
	}
	o.Metadata.Explicit = addresses
	return nil
}
