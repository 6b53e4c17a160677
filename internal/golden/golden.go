package golden

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// Updating reports whether the test was told to refresh golden files.
func Updating() bool { return *update }

// Dir compares the files of a folder with what was made: contents by name. input names files that the test reads and
// nobody makes. command refreshes the files: "go test ./core/compile -update".
func Dir(tb testing.TB, dir string, made map[string][]byte, input []string, command string) {
	tb.Helper()
	for _, problem := range check(dir, made, input, Updating()) {
		tb.Errorf("%s\nrefresh: %s", problem, command)
	}
}

// check compares, or writes when told to, and says what is not as it should be.
func check(dir string, made map[string][]byte, input []string, write bool) []string {
	var problems []string
	for name, want := range made {
		file := filepath.Join(dir, name)
		if write {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				problems = append(problems, err.Error())
			}
			continue
		}
		have, err := os.ReadFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			problems = append(problems, file+" is missing")
		case err != nil:
			problems = append(problems, err.Error())
		case !bytes.Equal(have, want):
			problems = append(problems, fmt.Sprintf("%s differs (-file +made):\n%s", file, cmp.Diff(lines(have), lines(want))))
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return append(problems, err.Error())
	}
	for _, e := range entries {
		if _, ok := made[e.Name()]; ok || slices.Contains(input, e.Name()) {
			continue
		}
		file := filepath.Join(dir, e.Name())
		if !write {
			problems = append(problems, file+" is an orphan: nothing makes it")
			continue
		}
		if err := os.Remove(file); err != nil {
			problems = append(problems, err.Error())
		}
	}
	slices.Sort(problems)
	return problems
}

func lines(b []byte) []string { return strings.Split(string(b), "\n") }
