package screen

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func terminal(io.Writer) bool { return true }
func pipe(io.Writer) bool     { return false }

func TestTable(t *testing.T) {
	header := []string{"name", "state"}
	rows := [][]string{{"cart", "current"}, {"rejected", "rejected"}, {"evil\x1b[2J\nname", "x"}}
	const plain = "NAME           STATE\ncart           current\nrejected       rejected\nevil[2J name   x\n"
	for name, tc := range map[string]struct {
		s    Screen
		want string
	}{
		"pipe":               {Screen{Terminal: pipe}, plain},
		"terminal, no color": {Screen{Terminal: terminal, NoColor: true}, plain},
		"terminal": {Screen{Terminal: terminal}, strings.NewReplacer(
			"cart           current", "cart           \x1b[32mcurrent\x1b[0m",
			"rejected       rejected", "rejected       \x1b[31mrejected\x1b[0m").Replace(plain)},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			tc.s.Out = &b
			if err := tc.s.Table(header, rows); err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(b.String(), "  \n", "\n")
			if fields(got) != fields(tc.want) {
				t.Errorf("got\n%q\nwant\n%q", got, tc.want)
			}
		})
	}
}

// fields makes of tables what is in them, whatever the space between columns.
func fields(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

// Long texts are wrapped on a terminal, and one line for programs that cut by columns.
func TestLongCells(t *testing.T) {
	long := strings.Repeat("word ", 40)
	for _, tc := range []struct {
		terminal func(io.Writer) bool
		lines    int
	}{{pipe, 2}, {terminal, 4}} {
		var b bytes.Buffer
		s := Screen{Out: &b, Terminal: tc.terminal}
		if err := s.Table([]string{"text"}, [][]string{{strings.TrimSpace(long)}}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), "\n"); got != tc.lines {
			t.Errorf("%d lines, want %d:\n%s", got, tc.lines, b.String())
		}
	}
}

// A table gives way to its terminal: first text is wrapped narrower, then rows become blocks. Names are never broken, and
// what has names alone stays as it is.
func TestNarrow(t *testing.T) {
	header := []string{"resource", "message"}
	findings := [][]string{
		{"virtualNode/a-rather-long-name", "there is no such service, so that calls to it fail"},
		{"virtualNode/b", "fine"},
	}
	names := [][]string{{"virtualNode/a-rather-long-name", "another-name-that-is-just-as-long-as-that"}}
	for name, tc := range map[string]struct {
		rows  [][]string
		width int
		want  string
	}{
		"wide": {findings, 100, `RESOURCE MESSAGE
virtualNode/a-rather-long-name there is no such service, so that calls to it fail
virtualNode/b fine`},
		"narrower": {findings, 62, `RESOURCE MESSAGE
virtualNode/a-rather-long-name there is no such service, so
that calls to it fail
virtualNode/b fine`},
		"narrow": {findings, 44, `RESOURCE virtualNode/a-rather-long-name
MESSAGE there is no such service, so that
calls to it fail

RESOURCE virtualNode/b
MESSAGE fine`},
		"names": {names, 44, `RESOURCE MESSAGE
virtualNode/a-rather-long-name another-name-that-is-just-as-long-as-that`},
		"nobody knows": {findings, 0, `RESOURCE MESSAGE
virtualNode/a-rather-long-name there is no such service, so that calls to it fail
virtualNode/b fine`},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			s := Screen{Out: &b, Terminal: terminal, NoColor: true, Width: func(io.Writer) int { return tc.width }}
			if err := s.Table(header, tc.rows); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(fields(b.String())); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
			for line := range strings.Lines(b.String()) {
				if name != "names" && tc.width > 0 && len(line) > tc.width+1 {
					t.Errorf("%q is wider than %d", line, tc.width)
				}
			}
		})
	}
}

func TestShow(t *testing.T) {
	value := map[string]any{"b": 1, "a": "<x>"}
	for format, want := range map[string]string{
		"json":  "{\n  \"a\": \"<x>\",\n  \"b\": 1\n}\n",
		"yaml":  "a: <x>\nb: 1\n",
		"table": "for people\n",
	} {
		var b bytes.Buffer
		s := Screen{Out: &b, Format: format}
		err := s.Show(value, func() error {
			s.Printf("for people\n")
			return nil
		})
		if err != nil || b.String() != want {
			t.Errorf("%s: got %q, %v", format, b.String(), err)
		}
		if err := CheckFormat(format); err != nil {
			t.Error(err)
		}
	}
	if CheckFormat("") == nil {
		t.Error("an empty format passes")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

// Output that can't be written is an error in every format: a script must not take half a file for a whole one.
func TestOutputFails(t *testing.T) {
	for _, format := range Formats {
		s := Screen{Out: full{}, Format: format, Terminal: pipe}
		err := s.Show(1, func() error {
			s.Printf("x")
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "disk is full") {
			t.Errorf("%s: got %v", format, err)
		}
	}
}

// Progress shows on terminals, after a second, and leaves nothing behind.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		s := Screen{Err: &b, Terminal: terminal}
		p := s.Progress()
		p.Say("1 of %d", 3)
		time.Sleep(time.Second)
		if b.Len() > 0 {
			t.Errorf("shown at once: %q", b.String())
		}
		p.Say("2 of %d", 3)
		p.Say("3 of %d", 3)
		p.End()
		p.End()
		if want := "\r\x1b[2K2 of 3\r\x1b[2K3 of 3\r\x1b[2K"; b.String() != want {
			t.Errorf("got %q, want %q", b.String(), want)
		}

		b.Reset()
		s.Terminal = pipe
		p = s.Progress()
		time.Sleep(2 * time.Second)
		p.Say("x")
		p.End()
		if b.Len() > 0 {
			t.Errorf("shown in a pipe: %q", b.String())
		}
	})
}
