package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
)

type bootstrapFlags struct {
	resource, xds, admin, metrics, instance, cluster, out string

	explicit                    bool
	bind, application, services []string
	proxy                       string
	statsTags                   bool

	fromEnv   bool
	variables []string
	changed   func(flag string) bool // whether the caller gave it
}

const defaultXDS = "127.0.0.1:15010"

func (a *app) bootstrapCommand() *cobra.Command {
	var f bootstrapFlags
	cmd := &cobra.Command{
		Use:     "bootstrap --resource mesh/MESH/virtualNode/NAME",
		GroupID: groupRun,
		Short:   "Render the Envoy bootstrap of one sidecar or gateway",
		Long: `Bootstrap prints what an Envoy needs to join the mesh as a virtual node's sidecar or as a virtual
gateway: envoy -c FILE.

With --explicit the application reaches its sidecar by local addresses, without redirects and without
privileges. The server says which addresses are needed; those that no flag gives are free local ports,
chosen now and printed as a table on standard error:

  bind/8080             where the sidecar accepts what is meant for the node's port 8080
  application/8080      where the application listens; 127.0.0.1:8080 if not given
  service/cart.local:80 what the application calls to reach that backend
  proxy                 an HTTP proxy that knows all HTTP backends by name
  self                  a gateway's way to itself

ADDR is IP:PORT, or a port of 127.0.0.1.

With --from-env it takes the environment variables of App Mesh's Envoy image (APPMESH_RESOURCE_ARN,
ENABLE_ENVOY_XRAY_TRACING ...) and Ownmesh's own, which docs/telemetry.md lists: identity, tracing,
metrics, admin interface. Flags win over variables. What variables say of Envoy's command line is
printed with the addresses.`,
		Example: `  ownmesh bootstrap --resource mesh/shop/virtualNode/cart > cart.yaml
  ownmesh bootstrap --resource mesh/shop/virtualNode/cart --explicit --application 8080=9000 --out cart.yaml
  ownmesh bootstrap --resource mesh/shop/virtualGateway/web --explicit --bind 8080=0.0.0.0:8080 -o json
  ownmesh bootstrap --resource mesh/shop/virtualNode/cart --explicit --service stock.shop.local:80=7001
  APPMESH_RESOURCE_ARN=mesh/shop/virtualNode/cart ENABLE_ENVOY_XRAY_TRACING=1 ownmesh bootstrap --from-env
  ownmesh bootstrap --resource mesh/shop/virtualNode/cart --env OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4317`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.changed = cmd.Flags().Changed
			return a.bootstrap(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.resource, "resource", "", "mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME, or its ARN")
	completeFlag(cmd, "resource", a.completeProxies)
	flags.StringVar(&f.xds, "xds", "", "address of the relay: loopback, or unix:///PATH ("+defaultXDS+")")
	flags.StringVar(&f.admin, "admin", "", "address of Envoy's admin interface ("+bootstrap.DefaultAdmin+"; with --explicit a free port)")
	flags.StringVar(&f.metrics, "metrics", "", "serve /stats/prometheus and /ready, and nothing else, on this address")
	flags.StringVar(&f.instance, "instance", "", "what tells this proxy from others of the same resource (the connection's address)")
	flags.StringVar(&f.cluster, "cluster", "", "Envoy's node.cluster, as metrics and traces show it (the resource)")
	flags.BoolVar(&f.statsTags, "stats-tags", false, "put the names of mesh and resource on every metric")
	flags.BoolVar(&f.explicit, "explicit", false, "explicit interception: local addresses instead of redirects")
	flags.StringArrayVar(&f.bind, "bind", nil, "`PORT=ADDR`: where to accept what is meant for PORT; repeatable")
	flags.StringArrayVar(&f.application, "application", nil, "`PORT=ADDR`: where the application listens for PORT; repeatable")
	flags.StringArrayVar(&f.services, "service", nil, "`NAME:PORT=ADDR`: the local address of a backend; repeatable")
	flags.StringVar(&f.proxy, "proxy", "", "`ADDR` of the HTTP proxy")
	flags.StringVar(&f.out, "out", "", "write the bootstrap to this `FILE` instead of standard output")
	flags.BoolVar(&f.fromEnv, "from-env", false, "take App Mesh's and Ownmesh's variables from the environment")
	flags.StringArrayVar(&f.variables, "env", nil, "`NAME=VALUE` of such a variable, instead of or before the environment's; repeatable")
	return cmd
}

// rendered is what bootstrap says as JSON.
type rendered struct {
	File      string            `json:"file,omitempty"`      // where the bootstrap is
	Bootstrap string            `json:"bootstrap,omitempty"` // the bootstrap itself, where there is no file
	Admin     string            `json:"admin"`
	Metrics   string            `json:"metrics,omitempty"`
	Arguments []string          `json:"arguments,omitempty"` // for Envoy's command line, besides -c
	Addresses map[string]string `json:"addresses,omitempty"`
}

func (a *app) bootstrap(ctx context.Context, f bootstrapFlags) error {
	settings, err := f.settings()
	if err != nil {
		return err
	}
	a.noteVain(f, settings.Idle)
	if settings.Config != nil {
		a.screen.Note("note: ENVOY_CONFIG_FILE is used as it is")
		return a.deliver(rendered{File: f.out, Arguments: settings.Arguments}, settings.Config)
	}
	o := settings.Options
	id, err := bootstrap.ParseNodeID(o.NodeID)
	if err != nil {
		return usage("%w", err)
	}
	given, err := f.given()
	if err != nil {
		return err
	}
	if !f.explicit && len(given) > 0 {
		return usage("addresses make sense with --explicit only")
	}
	out := rendered{File: f.out, Admin: o.Admin, Metrics: o.Metrics, Arguments: settings.Arguments}
	if out.Admin == "" && !f.explicit {
		out.Admin = bootstrap.DefaultAdmin
	}
	if f.explicit {
		needed, err := a.neededAddresses(ctx, id)
		if err != nil {
			return err
		}
		if err := out.choose(needed, given); err != nil {
			return err
		}
		for _, what := range slices.Sorted(maps.Keys(given)) {
			if !slices.Contains(needed, what) {
				a.screen.Note("note: nothing of %s needs an address for %s now", o.NodeID, what)
			}
		}
	}
	o.Admin, o.Metadata.Explicit = out.Admin, out.Addresses
	y, err := bootstrap.Render(o)
	if err != nil {
		return usage("%w", err)
	}
	return a.deliver(out, y)
}

func (a *app) neededAddresses(ctx context.Context, id bootstrap.NodeID) ([]string, error) {
	c, err := a.api()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	needed, err := c.Addresses(ctx, id.Mesh, id.Kind, id.Name)
	if err != nil {
		return nil, fmt.Errorf("ask which addresses %s/%s needs: %w", id.Kind, id.Name, err)
	}
	return needed, nil
}

// deliver writes the bootstrap to where it should go, and the addresses to where they don't mix with it.
func (a *app) deliver(out rendered, y []byte) error {
	if out.File != "" {
		if err := os.WriteFile(out.File, y, 0o644); err != nil {
			return writing(out.File, err)
		}
	} else if a.screen.Format != "table" {
		out.Bootstrap = string(y)
	}
	return a.screen.Show(out, func() error {
		if out.File == "" {
			a.screen.Printf("%s", y)
		}
		var rows [][]string
		if out.Admin != "" {
			rows = append(rows, []string{"admin", out.Admin})
		}
		if out.Metrics != "" {
			rows = append(rows, []string{"metrics", out.Metrics})
		}
		if len(out.Arguments) > 0 {
			rows = append(rows, []string{"arguments", strings.Join(out.Arguments, " ")})
		}
		for _, what := range slices.Sorted(maps.Keys(out.Addresses)) {
			rows = append(rows, []string{what, out.Addresses[what]})
		}
		return a.screen.NoteTable([]string{"what", "address"}, rows)
	})
}
