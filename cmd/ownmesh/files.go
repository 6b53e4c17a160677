package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/manifest"
)

// This file: -f and what goes with it.

func filesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "files",
		Short: "What files for apply, delete and compile look like",
		Long: `A file holds documents: YAML separated by ---, JSON objects one after another, or
lists of either. A document is the input of an App Mesh Create call plus its kind:

  kind: VirtualNode          # or virtual-node, virtualNodes …
  meshName: shop             # or by --mesh
  virtualNodeName: cart
  spec:
    listeners: [{portMapping: {port: 8080, protocol: http}}]
    serviceDiscovery: {dns: {hostname: cart.shop.local}}
  tags: [{key: team, value: checkout}]    # where there is no such line, tags stay as they are

So a file for ` + "`aws appmesh create-virtual-node --cli-input-json`" + ` needs the line with kind, and
nothing else. The order of documents does not matter. A clientToken is ignored.

CloudFormation templates (YAML or JSON, the AWS CDK's too) are read for their AWS::AppMesh
resources. What they leave open is asked for: --parameter fills parameters that have no default, and
AWS::Region, AWS::AccountId, AWS::StackName; --resolve what only a deployed stack knows.

What ` + "`aws appmesh describe-…`" + ` printed is read as it was saved, one answer a file or many.
` + "`ownmesh import`" + ` shows what files come to, without a server.

Kinds: Mesh, VirtualNode, VirtualRouter, Route, VirtualService, VirtualGateway, GatewayRoute
and Ownmesh's own: Interception (explicit or transparent, for the mesh or one node), TaskBinding (which ECS tasks are
instances of a node), ResolvableName (names of virtual services resolve in a namespace).`,
	}
}

// fileFlags are -f, what templates in files leave open, and --dry-run.
type fileFlags struct {
	files      []string
	parameters []string // NAME=VALUE
	resolve    []string // WHAT=VALUE
	dryRun     bool
}

func (f *fileFlags) flags(cmd *cobra.Command, dryRun bool) {
	cmd.Flags().StringArrayVarP(&f.files, "file", "f", nil, "`FILE`, folder, or - for standard input; repeatable (see ownmesh help files)")
	cmd.Flags().StringArrayVar(&f.parameters, "parameter", nil, "`NAME=VALUE` of a CloudFormation template's parameter, or of AWS::Region and the like; repeatable")
	cmd.Flags().StringArrayVar(&f.resolve, "resolve", nil, "`WHAT=VALUE` that only a deployed stack knows: LOGICAL.ATTRIBUTE, ImportValue.NAME …; repeatable")
	if dryRun {
		cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only say what would be done")
	}
}

// documents reads the files; what is wrong in them is a refusal.
func (a *app) documents(f fileFlags, mesh string) ([]manifest.Document, error) {
	content, err := a.content(f, mesh)
	if err != nil {
		return nil, err
	}
	switch n := len(content.Left); n {
	case 0:
	case 1:
		a.screen.Note("note: one thing in the files is not carried over; `ownmesh import` names it")
	default:
		a.screen.Note("note: %d things in the files are not carried over; `ownmesh import` lists them", n)
	}
	return content.Documents, nil
}

// ofMesh reads files that are all for the mesh that --mesh names, if it names one: whoever names another than the files
// do must not change either.
func (a *app) ofMesh(f fileFlags) ([]manifest.Document, error) {
	docs, err := a.documents(f, a.mesh)
	if err != nil || a.mesh == "" {
		return docs, err
	}
	for _, d := range docs {
		if d.Mesh != a.mesh {
			return nil, &failure{
				code: exitUsage, err: fmt.Errorf("%s: %s is of mesh %s, and --mesh says %s", d.Where(), d.Key, d.Mesh, a.mesh),
				hint: "nothing was done; leave --mesh out, or take the files of that mesh",
			}
		}
	}
	return docs, nil
}

// content reads all that the files hold.
func (a *app) content(f fileFlags, mesh string) (manifest.Content, error) {
	options := manifest.Options{Mesh: mesh}
	var err error
	if options.Parameters, err = assignments("parameter", f.parameters); err != nil {
		return manifest.Content{}, err
	}
	if options.Resolve, err = assignments("resolve", f.resolve); err != nil {
		return manifest.Content{}, err
	}
	content, err := manifest.Read(f.files, a.stdin, options)
	if err != nil {
		return content, &failure{code: exitRefused, err: err, hint: "nothing was done; `ownmesh help files` says what files look like"}
	}
	return content, nil
}

// assignments reads NAME=VALUE; a name may hold a dynamic reference, and so no = but the last one that follows it.
func assignments(flag string, texts []string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range texts {
		from := strings.Index(text, "}}") + 1 // 0 without one
		i := strings.Index(text[from:], "=")
		if i < 0 || from+i == 0 {
			return nil, usage("--%s %q must be NAME=VALUE", flag, text)
		}
		name, value := text[:from+i], text[from+i+1:]
		if before, twice := out[name]; twice && before != value {
			return nil, usage("--%s %s is given twice", flag, name)
		}
		out[name] = value
	}
	return out, nil
}
