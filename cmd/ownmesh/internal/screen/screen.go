// Package screen shows results to people and to programs: tables, YAML or JSON, colours and progress where a
// terminal is.
//
// What a program reads is the same bytes with and without a terminal; tables fit themselves to the terminal that there is
// (fit.go). It decides nothing about what is shown. Start with Screen.
package screen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/fatih/color"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/mattn/go-isatty"
	"sigs.k8s.io/yaml"
)

// Formats are the values of --output.
var Formats = []string{"table", "json", "yaml"}

// Screen writes to one pair of streams.
type Screen struct {
	Out, Err io.Writer
	Format   string // one of Formats
	NoColor  bool   // NO_COLOR is set
	// Terminal tells whether a stream is one: IsTerminal.
	Terminal func(io.Writer) bool
	// Width tells how many characters a line of a terminal has: Width. nil, or 0: nobody knows.
	Width func(io.Writer) int

	failed error // of the last Printf that failed
}

// CheckFormat refuses what is not in Formats.
func CheckFormat(format string) error {
	if !slices.Contains(Formats, format) {
		return fmt.Errorf("output format %q must be one of %s", format, strings.Join(Formats, ", "))
	}
	return nil
}

// IsTerminal tells whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// Show writes value as JSON or YAML, or lets show write for people.
func (s *Screen) Show(value any, show func() error) error {
	switch s.Format {
	case "json":
		return s.JSON(value)
	case "yaml":
		y, err := yaml.Marshal(value)
		if err != nil {
			return fmt.Errorf("write as YAML: %w", err)
		}
		_, err = s.Out.Write(y)
		return err
	default:
		return errors.Join(show(), s.failed)
	}
}

// JSON writes value, indented, with < and & as they are.
func (s *Screen) JSON(value any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		return fmt.Errorf("write as JSON: %w", err)
	}
	_, err := s.Out.Write(b.Bytes())
	return err
}

// Table writes rows under a header to standard output; Note does so to standard error.
func (s *Screen) Table(header []string, rows [][]string) error { return s.table(s.Out, header, rows) }

// NoteTable is Table on standard error, for what accompanies a result.
func (s *Screen) NoteTable(header []string, rows [][]string) error {
	return s.table(s.Err, header, rows)
}

func (s *Screen) table(w io.Writer, header []string, rows [][]string) error {
	terminal := s.Terminal(w)
	var widths []int
	if terminal {
		line := 0
		if s.Width != nil {
			line = s.Width(w)
		}
		var fits bool
		if widths, fits = fit(header, rows, line); !fits {
			return s.blocks(w, header, rows, line)
		}
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Format.Header = text.FormatUpper
	t.Style().Box.PaddingLeft, t.Style().Box.PaddingRight = "", "  "
	t.SuppressTrailingSpaces()
	t.AppendHeader(row(header, header, false))
	for _, r := range rows {
		t.AppendRow(row(header, r, terminal && !s.NoColor))
	}
	var columns []table.ColumnConfig
	for i, width := range widths {
		columns = append(columns, table.ColumnConfig{Number: i + 1, WidthMax: width, WidthMaxEnforcer: text.WrapSoft})
	}
	t.SetColumnConfigs(columns)
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

// tones are the words that have a colour, in columns whose header says that they hold a state.
var tones = map[string]color.Attribute{
	"current": color.FgGreen, "created": color.FgGreen,
	"behind": color.FgYellow, "updated": color.FgYellow, "deleted": color.FgYellow,
	"rejected": color.FgRed,
}

var toned = []string{"state", "result"}

// row makes cells safe for a terminal, and colours them where asked to.
func row(header, cells []string, colored bool) table.Row {
	r := make(table.Row, len(cells))
	for i, c := range cells {
		c = Plain(c)
		if tone, ok := tones[c]; ok && colored && slices.Contains(toned, header[i]) {
			paint := color.New(tone)
			paint.EnableColor()
			c = paint.Sprint(c)
		}
		r[i] = c
	}
	return r
}

// Plain takes out what would move a terminal's cursor or end a row: texts come from servers and from Envoys.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
}

// Printf writes text for people to standard output. That it could not is what Show says.
func (s *Screen) Printf(format string, args ...any) {
	if _, err := fmt.Fprintf(s.Out, format, args...); err != nil {
		s.failed = err
	}
}

// Note writes a line for people to standard error.
func (s *Screen) Note(format string, args ...any) {
	_, _ = fmt.Fprintf(s.Err, format+"\n", args...) // where else would it be said?
}
