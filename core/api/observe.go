package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// This file: what can be seen of a mesh besides its resources and status.

func version(c *call) (any, error) {
	return object{"version": c.h.Version, "compiler": c.h.Compiler}, nil
}

func getFindings(c *call) (any, error) {
	if err := refuse(c.params()); err != nil {
		return nil, err
	}
	m, err := c.mesh(c.ctx)
	if err != nil {
		return nil, err
	}
	report, err := c.report(m)
	if err != nil {
		return nil, err
	}
	if c.h.Objects != nil {
		found, err := c.reader().Registration(c.ctx, m.UID)
		if err != nil {
			return nil, err
		}
		report.Findings = append(report.Findings, found...)
		slices.SortFunc(report.Findings, resource.Finding.Compare)
	}
	if c.query.Has("resource") {
		of := c.query.Get("resource")
		report.Findings = slices.DeleteFunc(report.Findings, func(f resource.Finding) bool { return f.Resource.String() != of })
	}
	return object{"generation": report.Generation, "findings": orEmpty(report.Findings)}, nil
}

const (
	viewPage = 500     // how many resources are read at a time
	maxView  = 200_000 // lines of a whole view: some 50 MB of JSON
)

// getView gives a mesh as people look at it (graph.View): whole, or what concerns the query's resource,
// virtualNode/cart. All of the mesh is read for it, so it is for people, not for polling.
func getView(c *call) (any, error) {
	if err := refuse(c.params()); err != nil {
		return nil, err
	}
	m, err := c.mesh(c.ctx)
	if err != nil {
		return nil, err
	}
	var all []resource.Resource
	for cursor := ""; ; {
		page, next, err := c.h.Store.Page(c.ctx, m.UID, cursor, viewPage)
		if err != nil {
			return nil, fmt.Errorf("read mesh %s: %w", m.Name, err)
		}
		all = append(all, page...)
		if cursor = next; next == "" {
			break
		}
	}
	viewer := graph.NewViewer(m.Resource, all)
	if !c.query.Has("resource") {
		if viewer.LargerThan(maxView) {
			return nil, refuse([]resource.Violation{{Path: "resource", Rule: fmt.Sprintf("must name a resource: more than %d ways lead through mesh %s, too many for one view", maxView, shorten(m.Name)), Got: shown("")}})
		}
		return viewer.All(), nil
	}
	of := c.query.Get("resource")
	kind, name, _ := strings.Cut(of, "/")
	view, ok := viewer.Of(resource.Key{Kind: resource.Kind(kind), Name: name})
	if !ok {
		return nil, refuse([]resource.Violation{{Path: "resource", Rule: "must be a virtualNode/NAME, virtualGateway/NAME, virtualRouter/NAME or virtualService/NAME of the mesh", Got: shown(of)}})
	}
	return view, nil
}

// Bounds of a page of the journal.
const (
	defaultJournal = 100
	maxJournal     = 1000
)

// getJournal gives a mesh's history: entries with a generation greater than the query's after.
func getJournal(c *call) (any, error) {
	after, vs := c.number("after", 0, 0, 1<<53)
	limit, more := c.number("limit", defaultJournal, 1, maxJournal)
	if err := refuse(append(append(c.params(), vs...), more...)); err != nil {
		return nil, err
	}
	m, err := c.mesh(c.ctx)
	if err != nil {
		return nil, err
	}
	entries, err := c.h.Store.Journal(c.ctx, m.UID, after, int(limit))
	if err != nil {
		return nil, fmt.Errorf("read the journal of mesh %s: %w", m.Name, err)
	}
	return struct {
		Entries []store.Entry `json:"entries"`
	}{orEmpty(entries)}, nil
}

// number reads a number from the query, otherwise where it is left out.
func (c *call) number(member string, otherwise, least, most int64) (int64, []resource.Violation) {
	if !c.query.Has(member) {
		return otherwise, nil
	}
	text := c.query.Get(member)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, []resource.Violation{{Path: member, Rule: fmt.Sprintf("must be a number between %d and %d", least, most), Got: shown(text)}}
	}
	return n, nil
}

// shown is a text as a violation shows it, shortened.
func shown(text string) string { return strconv.Quote(shorten(text)) }

// shorten cuts a text at a character's border.
func shorten(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
