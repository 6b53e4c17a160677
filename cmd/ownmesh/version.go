package main

import (
	"cmp"
	"context"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/internal/client"
)

// version is set by the linker in releases.
var version = ""

// thisVersion is the release, else the commit it was built from, else "devel".
func thisVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "devel"
}

const versionTimeout = 2 * time.Second

func (a *app) versionCommand() *cobra.Command {
	var own bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the versions of this program and of the server",
		Example: `  ownmesh version
  ownmesh version --client -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.version(cmd.Context(), own) },
	}
	cmd.Flags().BoolVar(&own, "client", false, "only this program's; asks no server")
	return cmd
}

func (a *app) version(ctx context.Context, own bool) error {
	type program struct {
		Version string `json:"version"`
		Go      string `json:"go"`
	}
	v := struct {
		Client program         `json:"client"`
		Server *client.Version `json:"server,omitempty"`
	}{Client: program{thisVersion(), runtime.Version()}}
	why := ""
	if !own {
		c, err := a.api()
		if err != nil {
			return err
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(ctx, versionTimeout)
		defer cancel()
		if server, err := c.Version(ctx); err == nil {
			v.Server = &server
		} else {
			why = err.Error() // no failure: the question was answered in part
		}
	}
	return a.screen.Show(v, func() error {
		rows := [][]string{{"client", v.Client.Version, v.Client.Go}}
		if v.Server != nil {
			rows = append(rows, []string{"server", cmp.Or(v.Server.Version, "unknown"), "compiler " + strconv.Itoa(v.Server.Compiler)})
		}
		if why != "" {
			a.screen.Note("note: %s", why)
		}
		return a.screen.Table([]string{"program", "version", "with"}, rows)
	})
}
