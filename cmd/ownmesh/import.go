package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/manifest"
)

type importFlags struct {
	fileFlags
	out string
}

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:     "import -f FILE|DIR|-",
		GroupID: groupChange,
		Short:   "Show what CloudFormation templates and saved App Mesh output come to",
		Long: `Import reads CloudFormation templates and saved output of ` + "`aws appmesh`" + `, and shows the resources
that they come to and what is not carried over: other services' resources, false conditions, tags that
describe-… does not print. It asks no server and changes nothing; --out writes documents for
` + "`ownmesh apply`" + `, which also takes the templates themselves.

What can't be resolved is named with file, line, and what to pass. Then nothing is written, and the exit
code is 4.`,
		Example: `  ownmesh import -f template.yaml --parameter EnvironmentName=prod
  ownmesh import -f cdk.out/ --resolve Namespace.Name=shop.local --out mesh.yaml
  for n in $(aws appmesh list-virtual-nodes --mesh-name shop --query 'virtualNodes[].virtualNodeName' --output text); do
    aws appmesh describe-virtual-node --mesh-name shop --virtual-node-name $n
  done | ownmesh import -f - --out mesh.yaml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.importFiles(f) },
	}
	f.flags(cmd, false)
	cmd.Flags().StringVar(&f.out, "out", "", "file to write the documents to, or - for standard output instead of the table")
	if err := cmd.MarkFlagRequired("file"); err != nil {
		panic(err) // the flag's name is misspelt
	}
	return cmd
}

// imported is what import says as JSON.
type imported struct {
	Resources []importedResource `json:"resources"`
	Left      []manifest.Left    `json:"left"` // what is not carried over
}

type importedResource struct {
	Mesh     string `json:"mesh"`
	Resource string `json:"resource"` // virtualRouter/cart/route/all
	File     string `json:"file"`
	Line     int    `json:"line"`
	Origin   string `json:"origin,omitempty"` // the logical id in a template
}

func (a *app) importFiles(f importFlags) error {
	content, err := a.content(f.fileFlags, a.mesh)
	if err != nil {
		return err
	}
	manifest.Sort(content.Documents)
	text, err := manifest.YAML(content.Documents)
	if err != nil {
		return err
	}
	if f.out == "-" {
		a.screen.Printf("%s", text)
		a.noteLeft(content.Left)
		return nil
	}
	if f.out != "" {
		if err := os.WriteFile(f.out, text, 0o600); err != nil {
			return fmt.Errorf("write the documents: %w", err)
		}
	}
	out := imported{Resources: []importedResource{}, Left: content.Left}
	if out.Left == nil {
		out.Left = []manifest.Left{}
	}
	var rows [][]string
	for _, d := range content.Documents {
		r := importedResource{Mesh: d.Mesh, Resource: d.Key.String(), File: d.File, Line: d.Line, Origin: d.Origin}
		out.Resources = append(out.Resources, r)
		rows = append(rows, []string{r.Mesh, r.Resource, fmt.Sprintf("%s:%d", filepath.Base(r.File), r.Line), r.Origin})
	}
	err = a.screen.Show(out, func() error {
		return a.screen.Table([]string{"mesh", "resource", "from", "logical id"}, rows)
	})
	if err != nil {
		return err
	}
	a.noteLeft(content.Left)
	return nil
}

// noteLeft shows people what is not carried over.
func (a *app) noteLeft(left []manifest.Left) {
	if len(left) == 0 || a.screen.Format != "table" {
		return
	}
	var rows [][]string
	for _, l := range left {
		rows = append(rows, []string{fmt.Sprintf("%s:%d", filepath.Base(l.File), l.Line), l.What, l.Reason})
	}
	a.screen.Note("not carried over:")
	if err := a.screen.NoteTable([]string{"from", "what", "why"}, rows); err != nil {
		a.screen.Note("note: %v", err)
	}
}
