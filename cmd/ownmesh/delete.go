package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/apply"
	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/manifest"
	"github.com/ownmesh/ownmesh/core/resource"
)

func (a *app) deleteCommand() *cobra.Command {
	var p parents
	var f fileFlags
	cmd := &cobra.Command{
		Use:     "delete KIND NAME | delete -f FILE|DIR|-",
		GroupID: groupChange,
		Short:   "Delete a resource, or all that files name",
		Long: `Delete removes one resource, or those that files name, in the order that works. The API refuses to
delete what something else still refers to. A resource that is missing is an error when it is named
on the command line, and fine when a file names it.`,
		Example: `  ownmesh delete route inventory/canary
  ownmesh delete virtual-node cart -m shop
  ownmesh delete -f mesh.yaml --dry-run`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(f.files) > 0 {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(2)(cmd, args)
		},
		ValidArgsFunction: a.completeKindName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(f.files) > 0 {
				return a.deleteFiles(cmd.Context(), f)
			}
			info, err := parseKind(args[0])
			if err != nil {
				return err
			}
			return a.deleteOne(cmd.Context(), info, args[1], p, f.dryRun)
		},
	}
	a.parentFlags(cmd, &p)
	f.flags(cmd, true)
	return cmd
}

func (a *app) deleteOne(ctx context.Context, info resource.Info, name string, p parents, dry bool) error {
	c, err := a.api()
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := a.ref(ctx, c, info, name, p)
	if err != nil {
		return err
	}
	call := c.Delete
	if dry {
		call = c.Get
	}
	if _, err := call(ctx, r); err != nil {
		return err
	}
	return a.showResults(applied{DryRun: dry, Results: []apply.Result{
		{Mesh: r.Mesh, Kind: r.Kind, Parent: r.Parent, Name: r.Name, Action: apply.Deleted},
	}})
}

func (a *app) deleteFiles(ctx context.Context, f fileFlags) error {
	docs, err := a.ofMesh(f)
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
	results, err := apply.Delete(ctx, c, docs, apply.Options{DryRun: f.dryRun, Step: func(done, total int, d manifest.Document) {
		progress.Say("deleting %d of %d: %s", done+1, total, d.Key)
	}})
	progress.End()
	if err != nil {
		return errors.Join(a.showResults(applied{Results: results, DryRun: f.dryRun}), a.partly(err, results, f.dryRun))
	}
	return a.showResults(applied{Results: results, DryRun: f.dryRun})
}
