package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/manifest"
	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/offline"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
)

type compileFlags struct {
	fileFlags
	out     string
	proxies []string
	strict  bool
}

func (a *app) compileCommand() *cobra.Command {
	var f compileFlags
	cmd := &cobra.Command{
		Use:     "compile -f FILE|DIR|- --out DIR",
		GroupID: groupRun,
		Short:   "Compile files to static Envoy configurations, without a server",
		Long: `Compile writes, for each virtual node and gateway, DIR/MESH/virtualNode/NAME.yaml or
DIR/MESH/virtualGateway/NAME.yaml: a complete static configuration that Envoy runs by itself. It refuses
what the API would refuse, in the same words.

Findings go to standard error. They fail it with --strict only, after everything is written.`,
		Example: `  ownmesh compile -f mesh.yaml --out envoy/
  ownmesh compile -f mesh/ --out envoy/ --proxy virtualNode/cart --strict
  envoy --mode validate -c envoy/shop/virtualNode/cart.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.compile(cmd.Context(), f) },
	}
	f.flags(cmd, false)
	cmd.Flags().StringVar(&f.out, "out", "", "folder to write to; made if missing")
	cmd.Flags().StringArrayVar(&f.proxies, "proxy", nil, "only `virtualNode/NAME` or virtualGateway/NAME; repeatable")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "findings are failures")
	for _, name := range []string{"file", "out"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a flag's name is misspelt
		}
	}
	return cmd
}

// compilation is what compile says as JSON.
type compilation struct {
	Files    []compiledFile `json:"files"`
	Findings []meshFinding  `json:"findings"`
}

type compiledFile struct {
	Mesh  string            `json:"mesh"`
	Proxy artifact.ProxyKey `json:"proxy"`
	File  string            `json:"file"`
}

type meshFinding struct {
	Mesh string `json:"mesh"`
	resource.Finding
}

func (a *app) compile(ctx context.Context, f compileFlags) error {
	for _, p := range f.proxies {
		if kind, name, _ := strings.Cut(p, "/"); name == "" || kind != "virtualNode" && kind != "virtualGateway" {
			return usage("--proxy %q must be virtualNode/NAME or virtualGateway/NAME", p)
		}
	}
	docs, err := a.ofMesh(f.fileFlags)
	if err != nil {
		return err
	}
	progress := a.screen.Progress()
	defer progress.End()
	meshes, err := offline.Compile(ctx, docs, compile.Options{}, func(done, total int, d manifest.Document) {
		progress.Say("checking %d of %d: %s", done+1, total, d.Key)
	})
	progress.End()
	if err != nil {
		return a.offline(err)
	}
	out := compilation{Files: []compiledFile{}, Findings: []meshFinding{}}
	for _, m := range meshes {
		files, err := f.write(m)
		if err != nil {
			return err
		}
		out.Files = append(out.Files, files...)
		for _, finding := range m.Findings() {
			out.Findings = append(out.Findings, meshFinding{m.Name, finding})
		}
	}
	if len(out.Files) == 0 && len(f.proxies) > 0 {
		return &failure{code: exitNotFound, err: fmt.Errorf("there is no %s in the files", strings.Join(f.proxies, ", "))}
	}
	return a.showCompiled(out, f.strict)
}

// offline explains an error of files that are looked at without a server: there is nothing but them.
func (a *app) offline(err error) error {
	f := a.explain(err)
	if f.code == exitNotFound {
		f.hint = "without a server there is only what the files hold: pass the file that has it with another -f"
	}
	return f
}

func (a *app) showCompiled(out compilation, strict bool) error {
	err := a.screen.Show(out, func() error {
		var rows [][]string
		for _, file := range out.Files {
			rows = append(rows, []string{file.Mesh, string(file.Proxy), file.File})
		}
		return a.screen.Table([]string{"mesh", "proxy", "file"}, rows)
	})
	if err != nil {
		return err
	}
	for _, f := range out.Findings {
		a.screen.Note("finding: mesh %s: %s %s: %s (%s)", f.Mesh, f.Resource, f.Path, f.Message, f.Hint)
	}
	if strict && len(out.Findings) > 0 {
		return &failure{code: exitFailure, err: fmt.Errorf("there are %d findings", len(out.Findings)), hint: "without --strict they are no failure"}
	}
	return nil
}

// write writes a mesh's proxies that are asked for.
func (f compileFlags) write(m offline.Mesh) ([]compiledFile, error) {
	var files []compiledFile
	for _, key := range slices.Sorted(maps.Keys(m.Config().Proxies)) {
		if len(f.proxies) > 0 && !slices.Contains(f.proxies, string(key)) {
			continue
		}
		y, err := m.Static(key, compile.StaticOptions{})
		if err != nil {
			return nil, fmt.Errorf("write the configuration of %s: %w", key, err)
		}
		kind, name, _ := strings.Cut(string(key), "/")
		file := filepath.Join(f.out, fileName(m.Name), kind, fileName(name)+".yaml")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, writing(file, err)
		}
		if err := os.WriteFile(file, y, 0o644); err != nil {
			return nil, writing(file, err)
		}
		files = append(files, compiledFile{Mesh: m.Name, Proxy: key, File: file})
	}
	return files, nil
}

// fileName is a name that leads nowhere else: names of resources may hold slashes, and be two dots.
func fileName(name string) string {
	name = url.PathEscape(name)
	if strings.Trim(name, ".") == "" {
		name = strings.ReplaceAll(name, ".", "%2E")
	}
	return name
}

// writing says which file could not be written; the system's error names it again, or its folder.
func writing(file string, err error) error {
	var cause *os.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Errorf("write %s: %w", file, err)
}
