// Command sidecar is what a task runs beside its application: it starts one Envoy for a virtual node or gateway, keeps
// its token good, and drains it when the task stops.
//
// It takes App Mesh's environment variables, and Ownmesh's own (package environment). It never restarts Envoy: ECS does
// that, with the container. Start with run.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/sidecar/environment"
)

// version is set by the linker.
var version = "dev"

// Exit codes of the program itself; run ends with Envoy's once Envoy has been started.
const (
	exitFailure = 1
	exitMisuse  = 2
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	os.Exit(start(os.Args[1:], os.Environ(), os.Getenv, signals, os.Stdout, os.Stderr))
}

// start is the whole program but for its process; it returns the exit code.
func start(args, environ []string, get func(string) string, signals <-chan os.Signal, stdout, stderr io.Writer) int {
	p := &program{environ: environ, get: get, signals: signals, stdout: stdout, stderr: stderr}
	root := p.command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err == nil {
		return p.code
	}
	for line := range strings.Lines(err.Error()) {
		_, _ = fmt.Fprintln(stderr, "error:", strings.TrimRight(line, "\n"))
	}
	if misused := (*misuse)(nil); !p.started || errors.As(err, &misused) {
		_, _ = fmt.Fprintln(stderr, "hint: `sidecar help` shows the commands, docs/sidecar.md all variables")
		return exitMisuse
	}
	return exitFailure
}

// misuse is an error of whoever set the variables.
type misuse struct{ error }

func (m *misuse) Unwrap() error { return m.error }

// program is what the commands share.
type program struct {
	environ        []string // what is there under names that nobody asks for, too
	get            func(string) string
	signals        <-chan os.Signal
	stdout, stderr io.Writer
	started        bool // a command's own code runs: what fails from here on is no misuse of the command line
	code           int  // to exit with, if there is no error
}

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "sidecar",
		Short: "Run an Envoy as a mesh's sidecar or gateway",
		Long: `Sidecar runs an Envoy for one virtual node or gateway, as environment variables say: those of App Mesh's
Envoy image, and Ownmesh's own. It gets a token for the relay from Ownmesh's API, renews it, and when it is told to
stop it drains: health fails, requests go on.

Exit codes: Envoy's own once Envoy runs (128 and the signal's number if one ended it); 0 if it was told to stop
before; 1 it failed; 2 a variable or the command line is wrong.`,
		Example: `  APPMESH_RESOURCE_ARN=mesh/shop/virtualNode/cart OWNMESH_API=https://abc.execute-api.eu-central-1.amazonaws.com/mesh sidecar
  sidecar health               # the container's health check in ECS: exit code 0 if Envoy serves
  sidecar bootstrap            # what Envoy would be started with`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(*cobra.Command, []string) error { return p.run() },
	}
	run := &cobra.Command{
		Use: "run", Short: "Run Envoy: what sidecar does without a command", Args: cobra.NoArgs,
		Example: "  OWNMESH_DIR=/tmp/cart OWNMESH_API=http://127.0.0.1:9080 APPMESH_RESOURCE_ARN=mesh/shop/virtualNode/cart sidecar run",
		RunE:    root.RunE,
	}
	var timeout time.Duration
	health := &cobra.Command{
		Use: "health", Short: "Tell whether Envoy has its configuration and serves", Args: cobra.NoArgs,
		Long: `Health asks Envoy's readiness listener, and exits with 0 only if Envoy has its configuration and serves. It
says on standard error why not. It takes the same environment as run.`,
		Example: `  sidecar health
  "healthCheck": {"command": ["CMD", "sidecar", "health"], "interval": 5, "timeout": 5, "retries": 3, "startPeriod": 30}`,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.health(cmd.Context(), timeout) },
	}
	health.Flags().DurationVar(&timeout, "timeout", 2*time.Second, "how long Envoy may take to answer; less than the health check's own timeout")
	bootstrap := &cobra.Command{
		Use: "bootstrap", Short: "Print the bootstrap that Envoy would be started with", Args: cobra.NoArgs,
		Long: `Bootstrap prints the bootstrap that run would start Envoy with, and starts nothing. With OWNMESH_API it asks
the API where the relay is. There is no token in a bootstrap.`,
		Example: "  APPMESH_RESOURCE_ARN=mesh/shop/virtualNode/cart sidecar bootstrap",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.bootstrap(cmd.Context()) },
	}
	about := &cobra.Command{
		Use: "version", Short: "Print the version of this program", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.stdout, "ownmesh sidecar", version)
			return err
		},
	}
	root.AddCommand(run, health, bootstrap, about)
	root.CompletionOptions.DisableDefaultCmd = true // a container's program needs no shell completion
	for _, c := range append(root.Commands(), root) {
		if does := c.RunE; does != nil {
			c.RunE = func(cmd *cobra.Command, args []string) error {
				p.started = true
				return does(cmd, args)
			}
		}
	}
	return root
}

// settings reads the environment. Variables that are set in vain are told to log.
func (p *program) settings() (environment.Settings, error) {
	s, err := environment.Read(p.get, os.ReadFile)
	if err != nil {
		return s, &misuse{err}
	}
	if s.Options.NodeID == "" && (s.Config == nil || s.Program.API != "") {
		return s, &misuse{errors.New("APPMESH_RESOURCE_ARN is not set: it must be mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME, or an ARN that ends so")}
	}
	if s.Options.Admin == "" {
		s.Options.Admin = defaultAdmin
	}
	if s.Options.Metrics == "" {
		s.Options.Metrics = defaultReady
	}
	return s, nil
}

// Where Envoy answers, if no variable says otherwise.
const (
	defaultAdmin = "127.0.0.1:9901"
	defaultReady = "127.0.0.1:9902" // App Mesh's agent had its own interface there
)

func (p *program) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: level})).With("part", "sidecar")
}

// bootstrap prints what run would start Envoy with.
func (p *program) bootstrap(ctx context.Context) error {
	s, err := p.settings()
	if err != nil {
		return err
	}
	plan, err := p.prepare(ctx, s, once{}, p.logger(slog.LevelWarn))
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(plan.config)
	return err
}
