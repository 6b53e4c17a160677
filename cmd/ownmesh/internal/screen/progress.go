package screen

import (
	"fmt"
	"io"
	"time"
)

// patience is how long a task runs before progress is shown: quick ones need none.
const patience = time.Second

// Progress is one line on standard error that says how far a task is, if that is a terminal. Elsewhere it does nothing.
type Progress struct {
	w     io.Writer // nil: shows nothing
	start time.Time
	shown bool
}

// Progress starts one.
func (s *Screen) Progress() *Progress {
	p := &Progress{start: time.Now()}
	if s.Terminal(s.Err) {
		p.w = s.Err
	}
	return p
}

const clearLine = "\r\x1b[2K"

// Say replaces the line.
func (p *Progress) Say(format string, args ...any) {
	if p.w == nil || time.Since(p.start) < patience {
		return
	}
	_, _ = fmt.Fprint(p.w, clearLine+Plain(fmt.Sprintf(format, args...)))
	p.shown = true
}

// End takes the line away.
func (p *Progress) End() {
	if p.shown {
		_, _ = fmt.Fprint(p.w, clearLine)
		p.shown = false
	}
}
