package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fatih/color"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// report is what the demo prints: for each thing that it did a line and a table of what was measured.
type report struct {
	out   io.Writer
	began time.Time
	shown int
}

var (
	bold  = color.New(color.Bold).SprintFunc()
	faint = color.New(color.Faint).SprintFunc()
	green = color.New(color.FgGreen).SprintFunc()
	red   = color.New(color.FgRed, color.Bold).SprintFunc()
)

// did prints what was done.
func (r *report) did(format string, args ...any) {
	r.shown++
	fmt.Fprintf(r.out, "\n%s %s\n", green(fmt.Sprintf("%d.", r.shown)), bold(fmt.Sprintf(format, args...)))
}

// table prints what was measured. Columns of numbers stand right.
func (r *report) table(head []any, rows ...[]any) {
	t := table.NewWriter()
	t.SetStyle(table.StyleRounded)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(head)
	for _, row := range rows {
		t.AppendRow(row)
	}
	r.text(t.Render())
}

// text prints something indented.
func (r *report) text(s string) {
	for line := range strings.Lines(strings.TrimSpace(s)) {
		fmt.Fprintln(r.out, strings.TrimRight("   "+line, " \n"))
	}
}

// note prints an explanation.
func (r *report) note(format string, args ...any) { r.text(faint(fmt.Sprintf(format, args...))) }

// millis is a duration as the tables show it.
func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// failure is something that was shown and was not true.
type failure struct{ did, want, got string }

func (f failure) Error() string {
	return fmt.Sprintf("%s\n  expected: %s\n  seen:     %s", f.did, f.want, f.got)
}
