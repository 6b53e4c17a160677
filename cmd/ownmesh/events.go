package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/screen"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/client"
)

type eventsFlags struct {
	follow bool
	query  client.EventQuery
}

func (a *app) eventsCommand() *cobra.Command {
	var f eventsFlags
	cmd := &cobra.Command{
		Use:     "events [MESH]",
		GroupID: groupSee,
		Short:   "Show what happened: changes, what was published, what proxies did with it",
		Long: `Events shows what the mesh on this machine told the outside, oldest first; docs/events.md says
what each type means. In AWS the same events are on Ownmesh's EventBridge bus instead.

With --follow, new events are shown as they come, until Ctrl-C. As JSON, each is then one line.`,
		Example: `  ownmesh events
  ownmesh events shop --type mesh-converged --limit 1
  ownmesh events --follow -o json | jq .detail`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeMesh,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.query.Mesh = a.mesh
			if len(args) > 0 {
				f.query.Mesh = args[0]
			}
			if f.query.Limit < 1 || f.query.Limit > 1000 {
				return usage("--limit must be a number from 1 to 1000, got %d", f.query.Limit)
			}
			if f.follow && a.screen.Format == "yaml" {
				return usage("--follow writes a table or json, not yaml")
			}
			return a.events(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.follow, "follow", "f", false, "show new events as they come")
	flags.StringVar(&f.query.After, "after", "", "only events after the one with this `ID`")
	flags.StringVar(&f.query.Type, "type", "", "only this `TYPE`, such as mesh-converged")
	flags.IntVar(&f.query.Limit, "limit", 100, "at most so many; with --follow, of those that are there")
	completeFlag(cmd, "type", words(eventTypes()...))
	return cmd
}

// eventTypes are the types as they are typed.
func eventTypes() []string {
	var all []string
	for _, t := range events.Types {
		all = append(all, strings.ReplaceAll(strings.ToLower(t), " ", "-"))
	}
	return all
}

func (a *app) events(ctx context.Context, f eventsFlags) error {
	c, err := a.api()
	if err != nil {
		return err
	}
	defer c.Close()
	all, newest, err := c.Events(ctx, f.query)
	if err != nil {
		return err
	}
	if !f.follow {
		return a.screen.Show(map[string]any{"events": all}, func() error {
			if len(all) == 0 {
				about := ""
				if f.query.Mesh != "" {
					about = " of mesh " + f.query.Mesh
				}
				a.screen.Note("there are no such events%s", about)
				return nil
			}
			var rows [][]string
			for _, e := range all {
				about, what := aboutEvent(e)
				rows = append(rows, []string{e.ID, when(e), e.DetailType, about.Mesh, number(about.Generation), what})
			}
			return a.screen.Table([]string{"id", "time", "type", "mesh", "generation", "what"}, rows)
		})
	}
	for _, e := range all {
		if err := a.showEvent(e); err != nil {
			return err
		}
	}
	// What is between the last one shown and the newest was not wanted, or is shown now.
	f.query.After = newest
	if f.query.Limit == len(all) {
		f.query.After = all[len(all)-1].ID
	}
	err = c.Follow(ctx, f.query, a.showEvent)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil // Ctrl-C is how following ends
	}
	if err == nil {
		return fmt.Errorf("%w: it stopped", client.ErrUnreachable)
	}
	return err
}

// showEvent writes one event as a line.
func (a *app) showEvent(e events.Event) error {
	if a.screen.Format == "json" {
		lines := json.NewEncoder(a.screen.Out)
		lines.SetEscapeHTML(false)
		return lines.Encode(e)
	}
	about, what := aboutEvent(e)
	line := fmt.Sprintf("%s  %-28s  %s  %d  %s", when(e), e.DetailType, about.Mesh, about.Generation, what)
	_, err := fmt.Fprintln(a.screen.Out, screen.Plain(line))
	return err
}

func when(e events.Event) string { return e.Time.Local().Format(time.DateTime + ".000") }

// aboutEvent says in a line what an event says.
func aboutEvent(e events.Event) (events.About, string) {
	about, _ := e.About()
	what := ""
	switch d := e.Detail.(type) {
	case events.ResourceChanged:
		name := d.Name
		if d.Parent != "" {
			name = d.Parent + "/" + name
		}
		what = fmt.Sprintf("%s %s %s by %s", d.Kind, name, d.Change, d.Caller)
	case events.ConfigurationPublished:
		what = fmt.Sprintf("%d changed, %d removed, %d proxies get others; %d findings", d.Changed, d.Removed, d.Proxies, d.Findings)
		if d.Deleted {
			what = "the mesh is deleted"
		}
	case events.EndpointsChanged:
		var parts []string
		for _, s := range d.Services {
			parts = append(parts, fmt.Sprintf("%s.%s has %d (+%d ~%d -%d)", s.Service, s.Namespace, s.Instances, s.Added, s.Changed, s.Removed))
		}
		if d.More > 0 {
			parts = append(parts, fmt.Sprintf("and %d services more", d.More))
		}
		what = strings.Join(parts, ", ")
	case events.ProxyConnected:
		what = fmt.Sprintf("%s (%s, %s) at %s", d.Resource, d.Instance, d.Interception, d.Relay)
	case events.ProxyRejected:
		what = fmt.Sprintf("%s (%s) refused %s %s: %s", d.Resource, d.Instance, d.Type, d.Name, d.Message)
	case events.MeshConverged:
		what = fmt.Sprintf("%d proxies at %d relays", d.Proxies, d.Relays)
	}
	return about, what
}
