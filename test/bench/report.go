package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// verdict says how a result stands to its bar.
type verdict string

const (
	passed   verdict = "ok"
	failed   verdict = "MISSED"
	slow     verdict = "over" // an absolute time that is over its target: reported, not gated
	reported verdict = ""     // has no bar
)

// result is one measured value.
type result struct {
	Measure string  `json:"measure"`      // relay, local …: as --only names it
	What    string  `json:"what"`         // what was measured
	At      string  `json:"at,omitempty"` // the size: "5,000 streams"
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"` // ms, KB, x (a ratio), or what was counted
	// Bar is what Value may be at most; 0: none.
	Bar float64 `json:"bar,omitempty"`
	// Gated bars must be met; others are targets.
	Gated   bool    `json:"gated"`
	Verdict verdict `json:"verdict,omitempty"`
	Note    string  `json:"note,omitempty"` // what it is compared with, or made of
	// Details are the numbers behind it, by name; milliseconds, bytes or counts, as the names say.
	Details map[string]float64 `json:"details,omitempty"`
}

// report is what a run has found.
type report struct {
	At      time.Time `json:"at"`
	Machine string    `json:"machine"`
	Quick   bool      `json:"quick"`
	Results []result  `json:"results"`
}

func newReport(quick bool) report {
	return report{
		At: time.Now().UTC().Truncate(time.Second), Quick: quick,
		Machine: fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()),
	}
}

// gate adds a result whose bar must be met.
func (r *report) gate(x result) {
	x.Gated, x.Verdict = true, passed
	if !(x.Value <= x.Bar) { // also what is no number
		x.Verdict = failed
	}
	r.Results = append(r.Results, x)
}

// note adds a result that fails nothing: without a bar, or with a target.
func (r *report) note(x result) {
	switch {
	case x.Bar == 0:
		x.Verdict = reported
	case x.Value <= x.Bar:
		x.Verdict = passed
	default:
		x.Verdict = slow
	}
	r.Results = append(r.Results, x)
}

func (r *report) missed() bool {
	for _, x := range r.Results {
		if x.Verdict == failed {
			return true
		}
	}
	return false
}

// print draws the table.
func (r *report) print(out io.Writer) {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.SetTitle(r.Machine)
	t.AppendHeader(table.Row{"", "what", "at", "measured", "bar", "", "compared with"})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 1, AutoMerge: true},
		{Number: 4, Align: text.AlignRight, AlignHeader: text.AlignRight},
		{Number: 5, Align: text.AlignRight, AlignHeader: text.AlignRight},
	})
	for n, x := range r.Results {
		if n > 0 && r.Results[n-1].Measure != x.Measure {
			t.AppendSeparator()
		}
		bar := ""
		if x.Bar != 0 {
			bar = quantity(x.Bar, x.Unit)
			if !x.Gated {
				bar = "(" + bar + ")"
			}
		}
		t.AppendRow(table.Row{x.Measure, x.What, x.At, quantity(x.Value, x.Unit), bar, string(x.Verdict), x.Note})
	}
	t.Render()
	fmt.Fprintln(out, "Bars in brackets are targets for a quiet machine and fail nothing: see docs/performance.md.")
	if r.missed() {
		fmt.Fprintln(out, "A bar was MISSED.")
	}
}

// write writes the report as JSON.
func (r *report) write(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the results: %w", err)
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

// quantity spells a value with its unit.
func quantity(v float64, unit string) string {
	switch {
	case unit == "x":
		return strconv.FormatFloat(v, 'f', 2, 64) + "x"
	case v == float64(int64(v)):
		return count(int64(v)) + " " + unit
	case v >= 100:
		return count(int64(v+0.5)) + " " + unit
	default:
		return strconv.FormatFloat(v, 'g', 3, 64) + " " + unit
	}
}

// count spells a number with commas: 10,000.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var out strings.Builder
	for i, d := range digits {
		if left := len(digits) - i; i > 0 && left%3 == 0 && digits[i-1] != '-' {
			out.WriteByte(',')
		}
		out.WriteRune(d)
	}
	return out.String()
}
