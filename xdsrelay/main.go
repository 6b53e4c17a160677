// Command xdsrelay serves Envoys the configuration that lies in a bucket, or in a folder of artifacts.
//
// It is package relay with what is around it: settings, TLS, stream tokens, a cache on disk, health. It has no API and
// no compiler, and it never serves anything beyond loopback without TLS and tokens. Start with run; docs/relay.md is
// for who operates it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// version is set when it is built.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	if err := command(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "error:", strings.ReplaceAll(err.Error(), "\n", "\nerror: "))
		os.Exit(1)
	}
}

// command runs the subcommand that is named; without one the relay.
func command(ctx context.Context, arguments []string, getenv func(string) string, out, log io.Writer) error {
	name := ""
	if len(arguments) > 0 {
		name = arguments[0]
	}
	switch name {
	case "version":
		_, err := fmt.Fprintln(out, "xdsrelay", version)
		return err
	case "health":
		return probe(ctx, arguments[1:], getenv, out)
	}
	s, err := parse(arguments, getenv, log)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	return run(ctx, s, log)
}
