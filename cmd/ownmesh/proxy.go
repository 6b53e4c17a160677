package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/proxy"
	"github.com/ownmesh/ownmesh/internal/sigv4"
)

type proxyFlags struct{ listen, api string }

func (a *app) proxyCommand() *cobra.Command {
	var f proxyFlags
	cmd := &cobra.Command{
		Use:     "proxy",
		GroupID: groupRun,
		Short:   "Let App Mesh's clients reach an API in AWS, until Ctrl-C",
		Long: `Proxy listens on loopback, takes the requests of App Mesh's clients (the AWS CLI, SDKs, Terraform), signs
them with your own credentials for API Gateway, and sends them on. Clients sign for App Mesh, which API
Gateway refuses; that signature is dropped, whoever's it is. Terraform's provider is told by its block
endpoints { appmesh = "http://127.0.0.1:9085" }: many versions don't read the variable, and would ask AWS.

Credentials come from where every AWS tool takes them: environment variables, profiles, SSO, roles. Who
reaches this address acts with them, so it is on loopback only, and refuses what web pages send.

The other commands of ownmesh need no proxy: --endpoint takes the URL of the API in AWS, too.`,
		Example: `  ownmesh proxy --api https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/mesh
  export AWS_ENDPOINT_URL_APP_MESH=http://127.0.0.1:9085
  aws appmesh list-meshes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.proxy(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:9085", "address to listen on; port 0 picks a free one")
	cmd.Flags().StringVar(&f.api, "api", "", "`URL` of the API in AWS, with its stage: the stack's output Api")
	return cmd
}

func (a *app) proxy(ctx context.Context, f proxyFlags) error {
	if f.api == "" {
		return usage("--api is missing: the URL of the API in AWS, such as https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/mesh")
	}
	api, err := sigv4.ParseURL(f.api)
	if err != nil {
		return usage("--api: %w", err)
	}
	if err := checkLoopback("listen", f.listen); err != nil {
		return err
	}
	signed, err := sigv4.Open(ctx, api, sigv4.Options{Profile: a.profile, Region: a.region})
	if err != nil {
		return badSettings(err)
	}
	defer signed.CloseIdleConnections()
	logger := slog.New(slog.NewTextHandler(a.screen.Err, nil))
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return notStarted(err, "", listenFlag{"listen", f.listen})
	}
	server := &http.Server{
		Handler:           proxy.New(proxy.Options{API: api, Signed: signed, Profile: a.profile, Logger: logger}),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	if err := a.sayProxy("http://"+l.Addr().String(), signed.Region, api.Redacted()); err != nil {
		return errors.Join(err, server.Close())
	}
	go a.tryCredentials(ctx, signed, logger)
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", f.listen, err)
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return server.Shutdown(draining)
}

// sayProxy says that the proxy answers, and how clients find it.
func (a *app) sayProxy(address, region, api string) error {
	ready := struct {
		Proxy  string `json:"proxy"`
		API    string `json:"api"`
		Region string `json:"region"`
	}{address, api, region}
	return a.screen.Show(ready, func() error {
		a.screen.Printf("ready proxy=%s api=%s region=%s\n", address, api, region)
		a.screen.Note("for the AWS CLI and SDKs:  export AWS_ENDPOINT_URL_APP_MESH=%s", address)
		a.screen.Note("for one call:              aws appmesh list-meshes --endpoint-url %s", address)
		a.screen.Note("for Terraform's provider:  endpoints { appmesh = %q }", address)
		return nil
	})
}

// tryCredentials says early if there are none; who signs in later is served all the same.
func (a *app) tryCredentials(ctx context.Context, t *sigv4.Transport, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := t.Source.Retrieve(ctx); err != nil && ctx.Err() == nil {
		logger.Warn("no valid AWS credentials yet: " + err.Error())
	}
}
