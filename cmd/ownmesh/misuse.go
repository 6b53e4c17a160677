package main

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// This file: what is said to whoever mistyped a command. Cobra's own words count arguments and quote Go's parsers;
// these name what is missing or wrong.

// misuse makes cobra's error about a command line one that a person can act on.
func misuse(cmd *cobra.Command, err error) *failure {
	f := &failure{code: exitUsage, err: err, hint: "see `" + cmd.CommandPath() + " --help`"}
	if inner := (*failure)(nil); errors.As(err, &inner) {
		f.code, f.hint = inner.code, cmp.Or(inner.hint, f.hint)
		return f
	}
	if invalid := (*pflag.InvalidValueError)(nil); errors.As(err, &invalid) {
		if want := wanted[invalid.GetFlag().Value.Type()]; want != "" {
			f.err = usage("--%s %q must be %s", invalid.GetFlag().Name, invalid.GetValue(), want)
		}
		return f
	}
	// Cobra adds its guesses to an unknown command as a block of text.
	said, guesses, found := strings.Cut(err.Error(), "\n\nDid you mean this?\n")
	if found {
		f.err = errors.New(said)
		f.hint = "did you mean " + strings.Join(strings.Fields(guesses), " or ") + "? " + f.hint
	}
	return f
}

// wanted is what values of a flag's type look like.
var wanted = map[string]string{
	"duration": "a duration such as 30s or 5m",
	"int":      "a whole number",
	"float64":  "a number",
	"bool":     "true or false",
}

// checkArgs says what a command takes and what it got.
func checkArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		got := "nothing"
		if len(args) > 0 {
			got = strconv.Quote(strings.Join(args, " "))
		}
		name := cmd.CommandPath()
		if cmd.HasSubCommands() {
			return usage("unknown command %s for %q", got, name)
		}
		takes := strings.ReplaceAll(strings.TrimPrefix(cmd.Use, cmd.Name()), "| "+cmd.Name(), "or")
		if strings.TrimSpace(takes) == "" {
			takes = " no arguments"
		}
		return usage("%s takes%s, got %s", name, takes, got)
	}
}

// checkRequired names flags that are missing, before cobra does, or empty, as where a shell's variable is not set.
func checkRequired(cmd *cobra.Command) error {
	var missing []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if required := flag.Annotations[cobra.BashCompOneRequiredFlag]; len(required) > 0 && required[0] == "true" && (!flag.Changed || flag.Value.String() == "") {
			missing = append(missing, "--"+flag.Name)
		}
	})
	if len(missing) == 0 {
		return nil
	}
	verb := "is"
	if len(missing) > 1 {
		verb = "are"
	}
	return &failure{
		code: exitUsage, err: fmt.Errorf("%s %s missing", strings.Join(missing, " and "), verb),
		hint: "write `" + strings.TrimSuffix(cmd.UseLine(), " [flags]") + "`; `" + cmd.CommandPath() + " --help` says more",
	}
}

// strict makes misuse of cobra's own commands an error, too: help of something unknown, scripts for an unknown shell,
// which would otherwise be answered by a page of help that a shell might try to run.
func strict(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = func(_ *cobra.Command, args []string) error {
				if topic, _, err := root.Find(args); topic == nil || err != nil {
					return &failure{code: exitUsage, err: fmt.Errorf("there is no help about %q", strings.Join(args, " ")), hint: "`ownmesh help` lists what there is"}
				}
				return nil
			}
		case "completion":
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			for _, shell := range cmd.Commands() {
				shell.Args = checkArgs(cobra.NoArgs)
			}
			cmd.Args = checkArgs(cobra.NoArgs)
		}
	}
}
