package archtest

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"
)

var (
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`^#{1,6} +(.*?)[ #]*$`)
	codeSpan  = regexp.MustCompile("`[^`]*`")
	addressed = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:`) // https:, mailto:
)

// page is what one Markdown file links to, and what can be linked to in it.
type page struct {
	links   []string // with the line before: "12 ../README.md#two-commands"
	anchors map[string]bool
}

// Links returns a line for each link of a Markdown file to a file or heading that isn't there. Links to other servers
// are not looked at: a test that needs a network fails for no fault of the repository.
func Links(fsys fs.FS) ([]string, error) {
	pages := map[string]page{}
	var names []string
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && ignored(p):
			return fs.SkipDir
		case !d.IsDir() && path.Ext(p) == ".md":
			src, err := fs.ReadFile(fsys, p)
			if err != nil {
				return err
			}
			names, pages[p] = append(names, p), readPage(string(src))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read Markdown: %w", err)
	}
	var broken []string
	for _, name := range names {
		for _, l := range pages[name].links {
			line, to, _ := strings.Cut(l, " ")
			if why := follow(fsys, pages, name, to); why != "" {
				broken = append(broken, fmt.Sprintf("%s:%s links to %s, but %s", name, line, to, why))
			}
		}
	}
	return broken, nil
}

// follow says why a link leads nowhere, or nothing.
func follow(fsys fs.FS, pages map[string]page, from, to string) string {
	file, anchor, _ := strings.Cut(to, "#")
	target := from
	if file != "" {
		plain, err := url.PathUnescape(file)
		if err != nil {
			return err.Error()
		}
		target = path.Join(path.Dir(from), plain)
		if _, err := fs.Stat(fsys, target); err != nil {
			return "there is no " + target
		}
	}
	if anchor != "" && !pages[target].anchors[anchor] {
		return fmt.Sprintf("%s has no heading #%s", target, anchor)
	}
	return ""
}

// readPage passes over code, where brackets and # mean something else.
func readPage(src string) page {
	p := page{anchors: map[string]bool{}}
	fenced := false
	for i, line := range strings.Split(src, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if fenced || strings.HasPrefix(line, "    ") {
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			p.anchors[p.free(anchor(m[1]))] = true
		}
		for _, m := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, "code"), -1) {
			if !addressed.MatchString(m[1]) {
				p.links = append(p.links, fmt.Sprintf("%d %s", i+1, m[1]))
			}
		}
	}
	return p
}

// free numbers a heading's later namesakes: limits, limits-1.
func (p page) free(anchor string) string {
	name := anchor
	for n := 1; p.anchors[name]; n++ {
		name = fmt.Sprintf("%s-%d", anchor, n)
	}
	return name
}

// anchor is what GitHub makes of a heading.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}
