package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/draw"
	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/manifest"
	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/offline"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

var graphFormats = []string{"dot", "mermaid", "svg"}

type graphFlags struct {
	fileFlags
	format, focus string
	chosen        bool // --format is given
}

// drawn is what is drawn, as data.
type drawn struct {
	View     graph.View         `json:"view"`
	Findings []resource.Finding `json:"findings"`
}

func (a *app) graphCommand() *cobra.Command {
	var f graphFlags
	cmd := &cobra.Command{
		Use:     "graph [MESH]",
		GroupID: groupSee,
		Short:   "Draw a mesh: who calls whom, by which routes",
		Long: `Graph draws virtual nodes (boxes), gateways and services, and the routes between them with what they
match and their shares. What there are findings on is red, a service also for its router and routes, a
gateway for its routes; where nothing goes, arrows are dashed.

It writes Graphviz's DOT or Mermaid, which GitHub and GitLab show in Markdown, or SVG where Graphviz's
program dot is installed; with -o json or yaml what is drawn, as data. With -f it draws what files say,
without a server.`,
		Example: `  ownmesh graph | dot -Tpng -o mesh.png
  ownmesh graph shop --format mermaid
  ownmesh graph --format svg > mesh.svg
  ownmesh graph --focus virtualNode/cart --format mermaid
  ownmesh graph -f mesh.yaml`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeMesh,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				a.mesh = args[0]
			}
			f.chosen = cmd.Flags().Changed("format")
			return a.graph(cmd.Context(), f)
		},
	}
	f.flags(cmd, false)
	cmd.Flags().StringVar(&f.format, "format", "dot", "dot, mermaid or svg")
	cmd.Flags().StringVar(&f.focus, "focus", "", "only what is next to `virtualNode/NAME`, virtualGateway/NAME or virtualService/NAME")
	completeFlag(cmd, "format", words(graphFormats...))
	completeFlag(cmd, "focus", a.keysOf(resource.KindVirtualNode, resource.KindVirtualGateway, resource.KindVirtualService))
	return cmd
}

func (a *app) graph(ctx context.Context, f graphFlags) error {
	if !slices.Contains(graphFormats, f.format) {
		return usage("--format %q must be one of %s", f.format, strings.Join(graphFormats, ", "))
	}
	view, findings, err := a.viewOf(ctx, f)
	if err != nil {
		return err
	}
	if a.screen.Format != "table" {
		if f.focus != "" || f.chosen {
			return usage("-o %s is the whole mesh as data: it goes with neither --format nor --focus; `ownmesh describe -o %s` has one resource", a.screen.Format, a.screen.Format)
		}
		return a.screen.Show(drawn{View: view, Findings: append([]resource.Finding{}, findings...)}, nil)
	}
	d, err := draw.New(view, findings, f.focus)
	if err != nil {
		return &failure{code: exitNotFound, err: err}
	}
	switch f.format {
	case "mermaid":
		a.screen.Printf("%s", d.Mermaid())
	case "svg":
		svg, err := graphviz(ctx, d.DOT())
		if err != nil {
			return err
		}
		a.screen.Printf("%s", svg)
	default:
		a.screen.Printf("%s", d.DOT())
	}
	return nil
}

// viewOf is what to draw: of a server's mesh, or of files.
func (a *app) viewOf(ctx context.Context, f graphFlags) (graph.View, []resource.Finding, error) {
	if len(f.files) > 0 {
		return a.viewOfFiles(ctx, f.fileFlags)
	}
	c, err := a.api()
	if err != nil {
		return graph.View{}, nil, err
	}
	defer c.Close()
	mesh, err := a.theMesh(ctx, c)
	if err != nil {
		return graph.View{}, nil, err
	}
	view, err := c.View(ctx, mesh, "")
	if err != nil {
		return graph.View{}, nil, err
	}
	said, err := c.Findings(ctx, mesh, "")
	return view, said.Findings, err
}

func (a *app) viewOfFiles(ctx context.Context, f fileFlags) (graph.View, []resource.Finding, error) {
	docs, err := a.documents(f, a.mesh)
	if err != nil {
		return graph.View{}, nil, err
	}
	meshes, err := offline.Compile(ctx, docs, compile.Options{}, func(int, int, manifest.Document) {})
	if err != nil {
		return graph.View{}, nil, a.offline(err)
	}
	var names []string
	for _, m := range meshes {
		if a.mesh == "" && len(meshes) == 1 || m.Name == a.mesh {
			return graph.NewViewer(m.State.Mesh, slices.Collect(maps.Values(m.State.Resources))).All(), m.Findings(), nil
		}
		names = append(names, m.Name)
	}
	return graph.View{}, nil, &failure{code: exitUsage, err: fmt.Errorf("the files hold %d meshes", len(meshes)), hint: "choose one with --mesh: " + strings.Join(names, ", ")}
}

// graphviz has Graphviz's dot make an SVG.
func graphviz(ctx context.Context, dot string) ([]byte, error) {
	program, err := exec.LookPath("dot")
	if err != nil {
		return nil, &failure{code: exitFailure, err: errors.New("Graphviz's program dot is not installed, and it makes the SVG"),
			hint: "install it (Debian: apt-get install graphviz; macOS: brew install graphviz), or take --format mermaid"}
	}
	cmd := exec.CommandContext(ctx, program, "-Tsvg")
	cmd.Stdin = strings.NewReader(dot)
	var said bytes.Buffer
	cmd.Stderr = &said
	svg, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w\n%s", program, err, bytes.TrimSpace(said.Bytes()))
	}
	return svg, nil
}
