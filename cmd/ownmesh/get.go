package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
)

func (a *app) getCommand() *cobra.Command {
	var p parents
	cmd := &cobra.Command{
		Use:     "get KIND [NAME]",
		GroupID: groupSee,
		Short:   "List resources of a kind, or show one",
		Long: `Get lists a mesh's resources of a kind, or one of them. Kinds may be written in any way: virtualNode,
virtual-node, VirtualNodes. With -o json or yaml the objects are whole, as the API answers them.`,
		Example: `  ownmesh get meshes
  ownmesh get virtual-nodes -m shop
  ownmesh get routes --router inventory
  ownmesh get route inventory/canary -o yaml`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeKindName,
		RunE: func(cmd *cobra.Command, args []string) error {
			info, err := parseKind(args[0])
			if err != nil {
				return err
			}
			if len(args) == 2 {
				return a.getOne(cmd.Context(), info, args[1], p)
			}
			return a.getAll(cmd.Context(), info, p)
		},
	}
	a.parentFlags(cmd, &p)
	return cmd
}

func (a *app) getAll(ctx context.Context, info resource.Info, p parents) error {
	parent, err := p.of(info)
	if err != nil {
		return err
	}
	c, err := a.api()
	if err != nil {
		return err
	}
	defer c.Close()
	mesh := ""
	if info.Kind != resource.KindMesh {
		if mesh, err = a.theMesh(ctx, c); err != nil {
			return err
		}
	}
	var objects []client.Object
	if info.Kind == resource.KindMesh && a.mesh != "" {
		objects = make([]client.Object, 1)
		objects[0], err = c.Get(ctx, client.Ref{Mesh: a.mesh, Key: resource.Key{Kind: info.Kind, Name: a.mesh}})
	} else {
		objects, err = c.All(ctx, mesh, info.Kind, parent)
	}
	if err != nil {
		return err
	}
	raws := []json.RawMessage{}
	for _, o := range objects {
		raws = append(raws, o.Raw)
	}
	return a.screen.Show(map[string]any{info.Collection: raws}, func() error {
		if len(objects) == 0 {
			a.screen.Note("there are no %s", info.Collection)
			return nil
		}
		return a.objectTable(info, objects)
	})
}

func (a *app) getOne(ctx context.Context, info resource.Info, name string, p parents) error {
	o, err := a.object(ctx, info, name, p)
	if err != nil {
		return err
	}
	return a.screen.Show(o.Raw, func() error { return a.objectTable(info, []client.Object{o}) })
}

// object reads the resource that the command line names.
func (a *app) object(ctx context.Context, info resource.Info, name string, p parents) (client.Object, error) {
	c, err := a.api()
	if err != nil {
		return client.Object{}, err
	}
	defer c.Close()
	r, err := a.ref(ctx, c, info, name, p)
	if err != nil {
		return client.Object{}, err
	}
	return c.Get(ctx, r)
}

func (a *app) objectTable(info resource.Info, objects []client.Object) error {
	columns := columnsOf(info.Kind)
	header := []string{"name"}
	if info.Parent != "" {
		header = []string{string(info.Parent), "name"}
	}
	for _, c := range columns {
		header = append(header, c.title)
	}
	header = append(header, "version", "updated")
	var rows [][]string
	for _, o := range objects {
		row := []string{o.Name}
		if info.Parent != "" {
			row = []string{o.Parent, o.Name}
		}
		for _, c := range columns {
			cell, err := c.cell(o.Spec)
			if err != nil {
				return fmt.Errorf("read the spec of %s: %w", o.Key, err)
			}
			row = append(row, cell)
		}
		rows = append(rows, append(row, number(o.Version), age(o.UpdatedAt)+" ago"))
	}
	return a.screen.Table(header, rows)
}
