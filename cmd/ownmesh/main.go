// Command ownmesh runs a service mesh on one machine and works with its API: apply and read resources, compile them
// offline, render bootstraps for sidecars, see what proxies have accepted.
//
// It has no logic of the mesh itself: that is core's, behind the API. Start with run, then the file of a command.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/screen"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/internal/sigv4"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program but for its signals; it returns the exit code (see exitcode.go).
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, screen: screen.Screen{
		Out: stdout, Err: stderr, NoColor: os.Getenv("NO_COLOR") != "", Terminal: screen.IsTerminal, Width: screen.Width,
	}}
	root := a.command()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	f := misuse(cmd, err)
	if a.started {
		f = a.explain(err)
	}
	f.print(stderr)
	return f.code
}

const (
	endpointVariable = "OWNMESH_ENDPOINT"
	defaultEndpoint  = "http://127.0.0.1:9080"
)

// app is what all commands share.
type app struct {
	stdin    io.Reader
	screen   screen.Screen
	endpoint string
	mesh     string
	profile  string // of AWS, for an API there
	region   string
	sign     bool
	started  bool // a command's own code runs: what fails from here on is no misuse
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "ownmesh",
		Short: "A service mesh that speaks AWS App Mesh's API",
		Long: `ownmesh runs a service mesh on one machine, and works with the API of any Ownmesh server.

The API is AWS App Mesh's: what was written for App Mesh carries on.`,
		Example: `  ownmesh up                                   # the whole mesh in this process
  ownmesh apply -f mesh.yaml                   # create and update what a file says
  ownmesh status --wait latest                 # until all proxies have it
  aws appmesh list-meshes --endpoint-url http://127.0.0.1:9080`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := screen.CheckFormat(a.screen.Format); err != nil {
				return err
			}
			return checkRequired(cmd)
		},
	}
	endpoint := os.Getenv(endpointVariable)
	if endpoint == "" {
		endpoint = defaultEndpoint
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.endpoint, "endpoint", endpoint, "URL of the API, also of one in AWS (environment: "+endpointVariable+")")
	flags.StringVar(&a.profile, "profile", "", "AWS profile whose credentials sign requests to an API in AWS")
	flags.StringVar(&a.region, "region", "", "AWS region of an API there, where its URL does not say")
	flags.BoolVar(&a.sign, "sign", false, "sign requests as for an API in AWS, though it is on this machine: an emulator")
	flags.StringVarP(&a.mesh, "mesh", "m", "", "mesh to work on; needless where there is only one")
	flags.StringVarP(&a.screen.Format, "output", "o", "table", "output format: table, json or yaml")
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run a mesh:"},
		&cobra.Group{ID: groupChange, Title: "Change what it should be:"},
		&cobra.Group{ID: groupSee, Title: "See what it is:"},
	)
	root.AddCommand(
		a.upCommand(), a.proxyCommand(), a.costCommand(), a.bootstrapCommand(), a.compileCommand(),
		a.applyCommand(), a.deleteCommand(), a.importCommand(), a.endpointsCommand(),
		a.getCommand(), a.describeCommand(), a.graphCommand(), a.statusCommand(), a.proxiesCommand(), a.findingsCommand(), a.eventsCommand(),
		a.versionCommand(), exitCodesTopic(), filesTopic(),
	)
	completeFlag(root, "output", words(screen.Formats...))
	completeFlag(root, "mesh", a.namesOf(resource.KindMesh))
	a.mark(root)
	strict(root)
	return root
}

// mark makes every command say when its own code begins: cobra checks flags as late as possible.
func (a *app) mark(cmd *cobra.Command) {
	if cmd.Args != nil {
		cmd.Args = checkArgs(cmd.Args)
	}
	if does := cmd.RunE; does != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.started = true
			return does(cmd, args)
		}
	}
	for _, c := range cmd.Commands() {
		a.mark(c)
	}
}

const (
	groupRun    = "run"
	groupChange = "change"
	groupSee    = "see"
)

// api makes the client of the server that --endpoint names. One beyond this machine is in AWS, where requests must be
// signed.
func (a *app) api() (*client.Client, error) {
	c, err := client.New(a.endpoint)
	if err != nil {
		return nil, usage("%w", err)
	}
	u, err := sigv4.ParseURL(a.endpoint)
	if !a.sign && (err != nil || u.Scheme != "https" || sigv4.Loopback(u)) {
		return c, nil
	}
	if err != nil {
		return nil, usage("endpoint: %w", err)
	}
	signed, err := sigv4.Open(context.Background(), u, sigv4.Options{Profile: a.profile, Region: a.region})
	if err != nil {
		return nil, badSettings(err)
	}
	return c.Through(signed), nil
}

// badSettings is what is wrong with AWS's settings on this machine, or with the flags that choose among them.
func badSettings(err error) error {
	f := &failure{code: exitUsage, err: err}
	if strings.Contains(err.Error(), "shared config profile") {
		f.hint = "`aws configure list-profiles` shows the profiles that there are; --profile or AWS_PROFILE names one"
	}
	return f
}

// theMesh is --mesh, or the only mesh that there is.
func (a *app) theMesh(ctx context.Context, c *client.Client) (string, error) {
	if a.mesh != "" {
		return a.mesh, nil
	}
	meshes, err := c.List(ctx, "", "mesh", "")
	if err != nil {
		return "", err
	}
	switch len(meshes) {
	case 0:
		return "", &failure{code: exitNotFound, err: errNoMesh, hint: "create one with `ownmesh apply -f FILE`"}
	case 1:
		return meshes[0].Name, nil
	default:
		return "", &failure{code: exitUsage, err: errWhichMesh, hint: "name one of " + names(meshes) + " with --mesh"}
	}
}
