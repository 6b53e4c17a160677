package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
)

func (a *app) describeCommand() *cobra.Command {
	var p parents
	cmd := &cobra.Command{
		Use:     "describe KIND NAME",
		GroupID: groupSee,
		Short:   "Show all of one resource: who calls it, what it calls, spec, tags, findings",
		Long: `Describe shows one resource: what the API has of it, and, of virtual nodes, gateways and services, who
may call them and what they may call, by which routes and weights, with which timeouts and retries.
Defaults that nobody wrote down are spelt out.`,
		Example: `  ownmesh describe virtual-node cart
  ownmesh describe route inventory/canary -m shop
  ownmesh describe mesh shop -o json`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeKindName,
		RunE: func(cmd *cobra.Command, args []string) error {
			info, err := parseKind(args[0])
			if err != nil {
				return err
			}
			return a.describe(cmd.Context(), info, args[1], p)
		},
	}
	a.parentFlags(cmd, &p)
	return cmd
}

// described is what describe says as JSON: the API's object, and what other calls know of it.
type described struct {
	Object   json.RawMessage    `json:"object"`
	Tags     map[string]string  `json:"tags"`
	Findings []resource.Finding `json:"findings"`
	View     *graph.View        `json:"view,omitempty"` // of virtual nodes, gateways and services
}

func (a *app) describe(ctx context.Context, info resource.Info, name string, p parents) error {
	c, err := a.api()
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := a.ref(ctx, c, info, name, p)
	if err != nil {
		return err
	}
	o, err := c.Get(ctx, r)
	if err != nil {
		return err
	}
	d := described{Object: o.Raw}
	if d.Tags, err = c.Tags(ctx, o.ARN); err != nil {
		return fmt.Errorf("read tags: %w", err)
	}
	if d.Findings, err = findingsOn(ctx, c, r); err != nil {
		return fmt.Errorf("read findings: %w", err)
	}
	switch info.Kind {
	case resource.KindVirtualNode, resource.KindVirtualGateway, resource.KindVirtualRouter, resource.KindVirtualService:
		view, err := c.View(ctx, r.Mesh, r.Key.String())
		if err != nil {
			return fmt.Errorf("read who calls whom: %w", err)
		}
		d.View = &view
	}
	return a.screen.Show(d, func() error { return a.showDescribed(info, o, d) })
}

func (a *app) showDescribed(info resource.Info, o client.Object, d described) error {
	lines := [][2]string{{"Kind", info.Title}, {"Name", o.Name}}
	if info.Parent != "" {
		parent, _ := resource.InfoOf(info.Parent)
		lines = append(lines, [2]string{parent.Title, o.Parent})
	}
	if info.Kind != resource.KindMesh {
		lines = append(lines, [2]string{"Mesh", o.Mesh})
	}
	lines = append(lines,
		[2]string{"ARN", o.ARN}, [2]string{"UID", o.UID}, [2]string{"Status", o.Status}, [2]string{"Version", number(o.Version)},
		[2]string{"Created", stamp(o.CreatedAt)}, [2]string{"Updated", stamp(o.UpdatedAt)},
	)
	for _, l := range lines {
		a.screen.Printf("%-16s %s\n", l[0]+":", l[1])
	}
	if len(d.Tags) > 0 {
		a.screen.Printf("Tags:\n")
		for _, k := range slices.Sorted(maps.Keys(d.Tags)) {
			a.screen.Printf("  %s=%s\n", k, d.Tags[k])
		}
	}
	if d.View != nil {
		if err := a.showView(*d.View); err != nil {
			return err
		}
		a.screen.Printf("\n")
	}
	spec, err := yaml.JSONToYAML(o.Spec)
	if err != nil {
		return fmt.Errorf("write the spec as YAML: %w", err)
	}
	a.screen.Printf("Spec:\n%s", indent(string(spec)))
	if len(d.Findings) > 0 {
		a.screen.Printf("Findings:\n")
		for _, f := range d.Findings {
			where := f.Path
			if f.Resource.String() != o.Key.String() {
				where = f.Resource.String() + " " + f.Path
			}
			a.screen.Printf("  %s: %s\n    %s\n", where, f.Message, f.Hint)
		}
	}
	return nil
}

// findingsOn are the findings on a resource and, of a router or gateway, on its routes: one that is left out is in none
// of the tables.
func findingsOn(ctx context.Context, c *client.Client, r client.Ref) ([]resource.Finding, error) {
	of := r.Key.String()
	parent := r.Kind == resource.KindVirtualRouter || r.Kind == resource.KindVirtualGateway
	if parent {
		of = "" // the API gives those of one resource, or all
	}
	f, err := c.Findings(ctx, r.Mesh, of)
	if err != nil {
		return nil, err
	}
	found := []resource.Finding{}
	for _, one := range f.Findings {
		info, _ := resource.InfoOf(one.Resource.Kind)
		if !parent || one.Resource == r.Key || info.Parent == r.Kind && one.Resource.Parent == r.Name {
			found = append(found, one)
		}
	}
	return found, nil
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05.000 MST") }

func indent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString("  " + line)
	}
	return b.String()
}
