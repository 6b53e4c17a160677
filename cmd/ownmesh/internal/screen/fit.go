package screen

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// This file: tables on terminals that are narrower than they.

const (
	widest   = 70 // characters of a cell on a terminal; longer text is wrapped
	gap      = 2  // between columns
	sentence = 40 // a cell this long that has spaces is text, which may be wrapped
	readable = 20 // text is wrapped no narrower
)

// Width is how many characters fit into a line of w; 0 if nobody can tell.
func Width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// fit says how wide each column may be so that a line holds them all: text gives way, names are never broken. It is
// false if that is not enough, and there is text that would be torn to pieces.
func fit(header []string, rows [][]string, line int) (widths []int, ok bool) {
	widths, least := make([]int, len(header)), make([]int, len(header))
	total, wordy := gap*(len(header)-1), false
	for i, h := range header {
		widths[i], least[i] = len(h), len(h)
		for _, r := range rows {
			cell := Plain(r[i])
			length := text.StringWidth(cell)
			widths[i] = max(widths[i], min(length, widest))
			if length < sentence || !strings.Contains(cell, " ") {
				least[i] = max(least[i], min(length, widest))
				continue
			}
			wordy = true
			least[i] = max(least[i], readable)
			for word := range strings.FieldsSeq(cell) {
				least[i] = max(least[i], min(text.StringWidth(word), widest))
			}
		}
		total += widths[i]
	}
	for line > 0 && total > line {
		wide := -1
		for i := range widths {
			if widths[i] > least[i] && (wide < 0 || widths[i] > widths[wide]) {
				wide = i
			}
		}
		if wide < 0 {
			return widths, !wordy
		}
		widths[wide]--
		total--
	}
	return widths, true
}

// blocks writes each row as lines of its own, one a cell: what a table too wide for the terminal becomes.
func (s *Screen) blocks(w io.Writer, header []string, rows [][]string, line int) error {
	name := 0
	for _, h := range header {
		name = max(name, len(h)+gap)
	}
	var b strings.Builder
	for i, r := range rows {
		if i > 0 {
			b.WriteByte('\n')
		}
		for j, cell := range row(header, r, !s.NoColor) {
			wrapped := strings.Split(text.WrapSoft(fmt.Sprint(cell), max(line-name, readable)), "\n")
			for k, part := range wrapped {
				label := ""
				if k == 0 {
					label = strings.ToUpper(header[j])
				}
				if part = strings.TrimRight(part, " "); part != "" {
					fmt.Fprintf(&b, "%-*s%s\n", name, label, part)
				}
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
