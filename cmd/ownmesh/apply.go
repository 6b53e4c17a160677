package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/apply"
	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/manifest"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
)

type applyFlags struct {
	fileFlags
	wait    bool
	timeout time.Duration
}

func (a *app) applyCommand() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:     "apply -f FILE|DIR|-",
		GroupID: groupChange,
		Short:   "Create and update what files say",
		Long: `Apply creates what is missing and updates what differs, in the order that works, and says
what it did about each document. Applying the same files again changes nothing.

It stops at the first document that the API refuses; what came before stays. Shapes are
checked for all documents before anything is done. With --dry-run nothing is: it does not see
what routes and services refer to, which the API checks when it is done.`,
		Example: `  ownmesh apply -f mesh.yaml
  ownmesh apply -f mesh/ -f routes/ --dry-run
  ownmesh apply -f mesh.yaml --wait --timeout 1m     # until all connected proxies have it
  sed s/weight:.0/weight:\ 10/ canary.yaml | ownmesh apply -f -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.apply(cmd.Context(), f) },
	}
	f.flags(cmd, true)
	cmd.Flags().BoolVar(&f.wait, "wait", false, "wait until all connected proxies have accepted it")
	cmd.Flags().DurationVar(&f.timeout, "timeout", defaultTimeout, "how long --wait waits")
	if err := cmd.MarkFlagRequired("file"); err != nil {
		panic(err) // the flag's name is misspelt
	}
	return cmd
}

// applied is what apply says as JSON.
type applied struct {
	Results  []apply.Result         `json:"results"`
	DryRun   bool                   `json:"dryRun,omitempty"`
	Findings map[string]newFindings `json:"findings,omitempty"` // by mesh
}

// newFindings are what the compilation said of a mesh after it was changed.
type newFindings struct {
	Generation int64              `json:"generation"` // of the mesh after applying
	Compiled   bool               `json:"compiled"`   // false: the findings are of an older generation
	Findings   []resource.Finding `json:"findings"`
}

func (a *app) apply(ctx context.Context, f applyFlags) error {
	if err := checkTimeout(f.wait, f.timeout); err != nil {
		return err
	}
	docs, err := a.ofMesh(f.fileFlags)
	if err != nil {
		return err
	}
	c, err := a.api()
	if err != nil {
		return err
	}
	defer c.Close()
	progress := a.screen.Progress()
	defer progress.End()
	results, err := apply.Run(ctx, c, docs, apply.Options{DryRun: f.dryRun, Step: func(done, total int, d manifest.Document) {
		progress.Say("applying %d of %d: %s", done+1, total, d.Key)
	}})
	progress.End()
	if err != nil {
		return errors.Join(a.showResults(applied{Results: results, DryRun: f.dryRun}), a.partly(err, results, f.dryRun))
	}
	out := applied{Results: results, DryRun: f.dryRun}
	if !f.dryRun {
		if out.Findings, err = a.findingsAfter(ctx, c, results); err != nil {
			return errors.Join(a.showResults(out), err)
		}
	}
	if err := a.showResults(out); err != nil {
		return err
	}
	if !f.wait || f.dryRun {
		return nil
	}
	for _, mesh := range slices.Sorted(maps.Keys(out.Findings)) {
		if err := a.await(ctx, c, mesh, out.Findings[mesh].Generation, f.timeout); err != nil {
			return err
		}
	}
	return nil
}

// partly adds how far apply came to an error.
func (a *app) partly(err error, results []apply.Result, dry bool) error {
	changed := 0
	for _, r := range results {
		if r.Action != apply.Unchanged && !dry {
			changed++
		}
	}
	f := a.explain(err)
	switch {
	case changed > 0:
		f.hint = fmt.Sprintf("%d documents came before it, and %d of them changed something, which stays; go on with the same command when this is mended",
			len(results), changed)
	case f.code != exitUnreachable:
		f.hint = strings.TrimSuffix("nothing was changed; "+f.hint, "; ")
	}
	return f
}

func (a *app) showResults(out applied) error {
	err := a.screen.Show(out, func() error {
		if len(out.Results) == 0 {
			return nil
		}
		would := ""
		if out.DryRun {
			would = "would be "
		}
		var rows [][]string
		for _, r := range out.Results {
			k := resource.Key{Kind: r.Kind, Parent: r.Parent, Name: r.Name}
			verb := string(r.Action)
			if r.Action != apply.Unchanged && r.Action != apply.Missing {
				verb = would + verb
			}
			rows = append(rows, []string{r.Mesh, k.String(), verb})
		}
		return a.screen.Table([]string{"mesh", "resource", "result"}, rows)
	})
	if err != nil {
		return err
	}
	a.noteFindings(out.Findings)
	return nil
}

// findingsPatience is how long apply waits for the compiler: it usually takes milliseconds, and says nothing of
// interest if it takes long.
const (
	findingsPatience = 2 * time.Second
	mostFindings     = 10 // shown by apply
)

// findingsAfter reads what the compiler says of the meshes that were touched, at the generation they have now.
func (a *app) findingsAfter(ctx context.Context, c *client.Client, results []apply.Result) (map[string]newFindings, error) {
	var meshes []string
	changed := map[string]bool{}
	for _, r := range results {
		if !slices.Contains(meshes, r.Mesh) {
			meshes = append(meshes, r.Mesh)
		}
		changed[r.Mesh] = changed[r.Mesh] || r.Action != apply.Unchanged
	}
	all := map[string]newFindings{}
	deadline := time.Now().Add(findingsPatience)
	for _, mesh := range meshes {
		status, err := c.Status(ctx, mesh)
		if err != nil {
			return all, fmt.Errorf("read the status of mesh %s: %w", mesh, err)
		}
		for {
			said, err := c.Findings(ctx, mesh, "")
			if err != nil {
				return all, fmt.Errorf("read the findings of mesh %s: %w", mesh, err)
			}
			compiled := said.Generation >= status.Generation
			all[mesh] = newFindings{Generation: status.Generation, Compiled: compiled, Findings: said.Findings}
			if compiled || !changed[mesh] || time.Now().After(deadline) {
				break
			}
			if err := pause(ctx); err != nil {
				return all, err
			}
		}
	}
	return all, nil
}

func (a *app) noteFindings(all map[string]newFindings) {
	for _, mesh := range slices.Sorted(maps.Keys(all)) {
		after := all[mesh]
		if !after.Compiled {
			a.screen.Note("note: generation %d of mesh %s is not compiled yet; see `ownmesh findings -m %s`", after.Generation, mesh, mesh)
			continue
		}
		for i, f := range after.Findings {
			if i == mostFindings {
				a.screen.Note("finding: and %d more; see `ownmesh findings -m %s`", len(after.Findings)-i, mesh)
				break
			}
			a.screen.Note("finding: %s %s: %s (%s)", f.Resource, f.Path, f.Message, f.Hint)
		}
	}
}
