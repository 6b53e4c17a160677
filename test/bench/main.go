// Command bench measures Ownmesh against the bars of its design and prints a table; docs/performance.md says how to read
// it. It ends with exit code 1 if a ratio or a count misses its bar. Absolute times are reported, with their targets,
// but depend on the machine and fail nothing.
//
// Servers run in processes of their own, so that what they use can be told from what the harness uses; what is compared
// is measured in the same run, in turns. It changes nothing on the machine but temporary files, and listens on loopback
// alone. Start reading with measures; servers/ holds what is measured, swarm/ the clients, load/ what they are given.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/ownmesh/ownmesh/test/bench/servers"
)

// measure is one part of the benchmark, as --only names it.
type measure struct {
	name string
	run  func(context.Context, *bench) error
}

// measures lists the parts. What is over soon comes first; nothing depends on the order.
func measures() []measure {
	return []measure{
		{"compile", measureCompile},
		{"log", measureLog},
		{"local", measureLocal},
		{"relay", measureRelay},
		{"secure", measureSecure},
	}
}

// bench is one run.
type bench struct {
	quick   bool   // smaller sizes and fewer rounds
	profile string // folder for the relay's CPU profiles; "": none
	say     io.Writer
	report  report
}

// progress tells who waits what is going on.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(b.say, format+"\n", args...)
}

func main() {
	servers.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	missed, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	case missed:
		os.Exit(1)
	}
}

// run measures what args ask for, writes the table to out and progress to say, and tells whether a gated bar is missed.
func run(ctx context.Context, args []string, out, say io.Writer) (missed bool, err error) {
	var names []string
	for _, m := range measures() {
		names = append(names, m.name)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(say)
	file := flags.String("json", "", "write the results as JSON to this `file`, too")
	only := flags.String("only", "", "measure only these, separated by commas: "+strings.Join(names, ", "))
	quick := flags.Bool("quick", false, "smaller sizes and fewer rounds: under a minute, and less exact")
	profile := flags.String("profile", "", "write CPU profiles of the relay to this `folder`")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	if flags.NArg() > 0 {
		return false, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	chosen := names
	if *only != "" {
		chosen = strings.Split(*only, ",")
	}
	for _, name := range chosen {
		if !slices.Contains(names, name) {
			return false, fmt.Errorf("there is no measure %q: choose among %s", name, strings.Join(names, ", "))
		}
	}
	if *profile != "" {
		if err := os.MkdirAll(*profile, 0o755); err != nil {
			return false, fmt.Errorf("make the folder of profiles: %w", err)
		}
	}
	b := &bench{quick: *quick, profile: *profile, say: say, report: newReport(*quick)}
	for _, m := range measures() {
		if !slices.Contains(chosen, m.name) {
			continue
		}
		if err := m.run(ctx, b); err != nil {
			return false, fmt.Errorf("measure %s: %w", m.name, err)
		}
	}
	b.report.print(out)
	if *file != "" {
		if err := b.report.write(*file); err != nil {
			return false, err
		}
	}
	return b.report.missed(), nil
}
