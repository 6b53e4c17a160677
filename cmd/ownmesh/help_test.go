package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every command that does something has a real example, which starts with its own name and uses flags that it has.
func TestExamples(t *testing.T) {
	root := (&app{}).command()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			walk(c)
		}
		if !cmd.Runnable() || slices.Contains(strings.Fields(cmd.CommandPath()), "completion") || cmd.Name() == "help" {
			return // completion and help are cobra's own
		}
		found := false
		for line := range strings.Lines(cmd.Example) {
			for _, part := range strings.Split(line, "|") {
				words := strings.Fields(part)
				if len(words) == 0 || words[0] != "ownmesh" {
					continue
				}
				named, _, err := root.Find(words[1:])
				if err != nil {
					t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
					continue
				}
				found = found || named == cmd || named.Parent() == cmd
				checkFlags(t, named, words)
			}
		}
		if !found {
			t.Errorf("%s has no example of its own", cmd.CommandPath())
		}
	}
	walk(root)
}

func checkFlags(t *testing.T, cmd *cobra.Command, words []string) {
	t.Helper()
	for _, w := range words {
		name, ok := strings.CutPrefix(w, "--")
		if w == "#" || !ok {
			if w == "#" {
				return // the rest is talk
			}
			continue
		}
		name, _, _ = strings.Cut(name, "=")
		if cmd.Flag(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
			t.Errorf("%s: an example uses --%s, which it does not have", cmd.CommandPath(), name)
		}
	}
}

// What a flag takes is one word of its help in backquotes: `FILE`. Other words between backquotes would be shown in its place.
func TestFlagsTakeOneWord(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			walk(c)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if takes, _ := pflag.UnquoteUsage(f); strings.Contains(takes, " ") {
				t.Errorf("%s shows what --%s takes as %q", cmd.CommandPath(), f.Name, takes)
			}
		})
	}
	walk((&app{}).command())
}
