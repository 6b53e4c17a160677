package main

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
)

type statusFlags struct {
	wait    string
	timeout time.Duration
}

func (a *app) statusCommand() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:     "status [MESH]",
		GroupID: groupSee,
		Short:   "Show generations, and which proxies have accepted them",
		Long: `Status shows, for a mesh or all meshes, the newest generation (one a commit), which of them is
compiled and published, and for each connected proxy the newest that it accepted all of.

A proxy is current when it has accepted everything that is published, behind while something is
sent or held back, and rejected when Envoy refused something; MESSAGE is then Envoy's own.`,
		Example: `  ownmesh status
  ownmesh status shop -o json
  ownmesh status shop --wait 42 --timeout 1m   # until all connected proxies have accepted generation 42
  ownmesh status --wait latest`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeMesh,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				a.mesh = args[0]
			}
			return a.status(cmd.Context(), f)
		},
	}
	cmd.Flags().StringVar(&f.wait, "wait", "", "wait until this `GENERATION` (or \"latest\") is accepted by all connected proxies")
	cmd.Flags().DurationVar(&f.timeout, "timeout", defaultTimeout, "how long --wait waits")
	completeFlag(cmd, "wait", words("latest"))
	return cmd
}

func (a *app) status(ctx context.Context, f statusFlags) error {
	generation, err := f.generation()
	if err := errors.Join(err, checkTimeout(f.wait != "", f.timeout)); err != nil {
		return err
	}
	c, err := a.api()
	if err != nil {
		return err
	}
	defer c.Close()
	var waited error
	if f.wait != "" {
		if waited = a.statusWait(ctx, c, generation, f.timeout); waited != nil && !waitEnded(waited) {
			return waited
		}
	}
	if err := a.showStatus(ctx, c); err != nil {
		return err
	}
	return waited
}

// generation is what --wait says; 0 for "latest" and without it.
func (f statusFlags) generation() (int64, error) {
	if f.wait == "" || f.wait == "latest" {
		return 0, nil
	}
	n, err := strconv.ParseInt(f.wait, 10, 64)
	if err != nil || n < 1 {
		return 0, usage("--wait must be a generation such as 42, or latest, got %q", f.wait)
	}
	return n, nil
}

func (a *app) statusWait(ctx context.Context, c *client.Client, generation int64, timeout time.Duration) error {
	var err error
	if a.mesh, err = a.theMesh(ctx, c); err != nil {
		return err
	}
	if generation == 0 {
		s, err := c.Status(ctx, a.mesh)
		if err != nil {
			return err
		}
		generation = s.Generation
	}
	return a.await(ctx, c, a.mesh, generation, timeout)
}

// waitEnded tells whether waiting itself came to a bad end, which the status explains. Else it never began: the mesh is
// not told, or the server is out of reach.
func waitEnded(err error) bool {
	f := (*failure)(nil)
	return errors.As(err, &f) && (f.code == exitTimeout || f.code == exitFailure)
}

// statuses reads one mesh's status or all.
func (a *app) statuses(ctx context.Context, c *client.Client) ([]client.Status, error) {
	if a.mesh == "" {
		return c.Statuses(ctx)
	}
	s, err := c.Status(ctx, a.mesh)
	return []client.Status{s}, err
}

func (a *app) showStatus(ctx context.Context, c *client.Client) error {
	all, err := a.statuses(ctx, c)
	if err != nil {
		return err
	}
	return a.screen.Show(map[string]any{"meshes": all}, func() error {
		if len(all) == 0 {
			a.screen.Note("there is no mesh yet: create one with `ownmesh apply -f FILE`")
			return nil
		}
		var meshes, proxies [][]string
		for _, s := range all {
			meshes = append(meshes, []string{
				s.Mesh, number(s.Generation), number(s.Published), strconv.Itoa(s.Summary.Connected),
				strconv.Itoa(s.Summary.Current), strconv.Itoa(s.Summary.Behind), strconv.Itoa(s.Summary.Rejected),
			})
			for _, p := range s.Proxies {
				proxies = append(proxies, []string{
					s.Mesh, p.Resource, p.Instance, age(p.ConnectedSince), number(p.Generation), string(p.State), message(p),
				})
			}
		}
		if err := a.screen.Table([]string{"mesh", "generation", "published", "proxies", "current", "behind", "rejected"}, meshes); err != nil {
			return err
		}
		if len(proxies) == 0 {
			return nil
		}
		a.screen.Printf("\n")
		return a.screen.Table([]string{"mesh", "proxy", "instance", "since", "accepted", "state", "message"}, proxies)
	})
}

func (a *app) proxiesCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "proxies [MESH]",
		GroupID: groupSee,
		Short:   "List connected proxies with all that is known of them",
		Example: `  ownmesh proxies
  ownmesh proxies shop -o json | jq '.proxies[] | select(.state != "current")'`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeMesh,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				a.mesh = args[0]
			}
			return a.proxies(cmd.Context())
		},
	}
}

func (a *app) proxies(ctx context.Context) error {
	c, err := a.api()
	if err != nil {
		return err
	}
	defer c.Close()
	all, err := a.statuses(ctx, c)
	if err != nil {
		return err
	}
	type proxy struct {
		Mesh string `json:"mesh"`
		client.Proxy
	}
	list, rows := []proxy{}, [][]string{}
	for _, s := range all {
		for _, p := range s.Proxies {
			list = append(list, proxy{s.Mesh, p})
			rows = append(rows, []string{
				s.Mesh, p.Resource, p.Instance, p.Interception, p.Relay, age(p.ConnectedSince),
				number(p.Generation), age(p.AckedAt), string(p.State), message(p), strings.Join(p.Unmapped, ", "),
			})
		}
	}
	return a.screen.Show(map[string]any{"proxies": list}, func() error {
		if len(rows) == 0 {
			a.screen.Note("no proxy is connected: `ownmesh bootstrap` renders what an Envoy needs")
			return nil
		}
		return a.screen.Table([]string{
			"mesh", "proxy", "instance", "interception", "relay", "since", "accepted", "for", "state", "message", "unmapped",
		}, rows)
	})
}

func (a *app) findingsCommand() *cobra.Command {
	var of string
	cmd := &cobra.Command{
		Use:     "findings [MESH]",
		GroupID: groupSee,
		Short:   "List what in a mesh does not do what its author probably meant",
		Long: `Findings are what the compiler says of resources that the API accepted: a backend that is not there,
a route that can never match. They block nothing: the rest of the mesh works.`,
		Example: `  ownmesh findings
  ownmesh findings shop -o json
  ownmesh findings --resource virtualNode/cart`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeMesh,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				a.mesh = args[0]
			}
			return a.findings(cmd.Context(), of)
		},
	}
	cmd.Flags().StringVar(&of, "resource", "", "only on this resource: virtualNode/cart, virtualRouter/cart/route/v2")
	completeFlag(cmd, "resource", a.keysOf(
		resource.KindVirtualNode, resource.KindVirtualRouter, resource.KindRoute, resource.KindVirtualService,
		resource.KindVirtualGateway, resource.KindGatewayRoute))
	return cmd
}

func (a *app) findings(ctx context.Context, of string) error {
	var k resource.Key
	if of != "" {
		var err error
		if k, err = parseKey("resource", of); err != nil {
			return err
		}
		of = k.String()
	}
	c, err := a.api()
	if err != nil {
		return err
	}
	defer c.Close()
	mesh, err := a.theMesh(ctx, c)
	if err != nil {
		return err
	}
	f, err := c.Findings(ctx, mesh, of)
	if err != nil {
		return err
	}
	if of != "" && len(f.Findings) == 0 { // of a misspelt name there are none either
		if _, err := c.Get(ctx, client.Ref{Mesh: mesh, Key: k}); err != nil {
			return err
		}
	}
	return a.screen.Show(f, func() error {
		if len(f.Findings) == 0 {
			on := ""
			if of != "" {
				on = " on " + of
			}
			a.screen.Note("no findings%s in generation %d of mesh %s", on, f.Generation, mesh)
			return nil
		}
		return a.screen.Table([]string{"resource", "path", "code", "message", "hint"}, findingRows(f.Findings))
	})
}

func findingRows(findings []resource.Finding) [][]string {
	var rows [][]string
	for _, f := range findings {
		rows = append(rows, []string{f.Resource.String(), f.Path, f.Code, f.Message, f.Hint})
	}
	return rows
}

// message is the first thing to know of a proxy that is not current.
func message(p client.Proxy) string {
	var parts []string
	for _, r := range p.Rejected {
		parts = append(parts, r.Type+" "+r.Name+": "+r.Message)
	}
	parts = append(parts, p.Waiting...)
	if len(p.Unmapped) > 0 {
		parts = append(parts, "no local address for "+strings.Join(p.Unmapped, ", "))
	}
	return strings.Join(parts, "; ")
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// age is how long ago t was, in whole seconds; "" for never.
func age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return max(time.Since(t), 0).Truncate(time.Second).String()
}
