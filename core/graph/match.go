package graph

import (
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

// PathKind is how a path is compared. The kinds' order is the order in which routes are tried.
type PathKind int

// The kinds of paths.
const (
	PathExact PathKind = iota
	PathPrefix
	PathRegex
	PathAny
)

// Path is what a request's path must be like.
type Path struct {
	Kind  PathKind
	Value string
}

// HeaderKind is how a header is compared.
type HeaderKind int

// The kinds of header matchers.
const (
	HeaderPresent HeaderKind = iota
	HeaderExact
	HeaderPrefix
	HeaderSuffix
	HeaderRegex
	HeaderRange
)

// Header is what a request's header must be like.
type Header struct {
	Name       string
	Kind       HeaderKind
	Value      string
	Start, End int64 // of ranges: Start is included, End is not
	Invert     bool
}

// Query is what a request's query parameter must be like.
type Query struct {
	Name    string
	Present bool // any value will do
	Exact   string
}

// Match is what a request must be like for a route to take it: all of it.
type Match struct {
	GRPC    bool // only gRPC requests
	Path    Path
	Headers []Header // pseudo headers first
	Query   []Query
}

// Sound reports whether Envoy takes the matcher's regex.
func (h Header) Sound() bool { return !hasControl(h.Value) && checkRegex(h.Value) == "" }

// pathMatch are the members that speak of the path.
type pathMatch struct {
	prefix *string
	path   *resource.HTTPPathMatch
}

// readPath reads a path; false if nothing can ever match it.
func readPath(m pathMatch, path string, n *Notes) (Path, bool) {
	if m.path != nil && (m.path.Exact != "" || m.path.Regex != "") {
		if m.prefix != nil {
			n.add("match-both", path+".prefix", "a match has either prefix or path: path counts", "remove prefix")
		}
		if m.path.Exact != "" && m.path.Regex != "" {
			n.add("match-both", path+".path.regex", "a path has either exact or regex: exact counts", "remove regex")
		}
		if m.path.Exact == "" {
			if problem := checkRegex(m.path.Regex); problem != "" {
				n.add("regex-invalid", path+".path.regex", quoted("%s %s: the route is left out", m.path.Regex, plain(problem)), regexHint)
				return Path{}, false
			}
			return Path{Kind: PathRegex, Value: m.path.Regex}, true
		}
		if !canMatch(m.path.Exact, path+".path.exact", n) {
			return Path{}, false
		}
		return Path{Kind: PathExact, Value: m.path.Exact}, true
	}
	if m.prefix == nil {
		return Path{Kind: PathAny, Value: "/"}, true
	}
	if !canMatch(*m.prefix, path+".prefix", n) {
		return Path{}, false
	}
	return Path{Kind: PathPrefix, Value: *m.prefix}, true
}

// canMatch notes a path, or the begin of one, that no request's can be like: queries are apart, slashes are merged, and
// what is not ASCII is encoded.
func canMatch(path, member string, n *Notes) bool {
	hint := ""
	switch beyond := func(r rune) bool { return r <= ' ' || r >= 0x7f }; {
	case !isPath(path):
		hint = "start it with /"
	case strings.ContainsAny(path, "?#"):
		hint = "end it before its query, and match that by queryParameters"
	case strings.Contains(path, "//"):
		hint = "write one slash: double ones are merged before paths are compared"
	case strings.ContainsFunc(path, beyond):
		hint = "encode it as clients do, as in %20"
	}
	if hint != "" {
		n.add("path-never-matches", member, quoted("%s is no path, so nothing ever matches it: the route is left out", path), hint)
	}
	return hint == ""
}

func isPath(s string) bool { return len(s) > 0 && s[0] == '/' && !hasControl(s) }

// pseudo is a matcher of a pseudo header.
func pseudo(name, value string) Header { return Header{Name: name, Kind: HeaderExact, Value: value} }

// readMethod makes a matcher of a method; none if any will do.
func readMethod(method, path string, n *Notes) []Header {
	if method == "" {
		return nil
	}
	if method == "CONNECT" {
		n.add("method-connect", path, "CONNECT requests have no path, and routes match by path: none ever matches, they are answered with 404", "use a tcp route for what is to be tunnelled")
	}
	return []Header{pseudo(":method", method)}
}

// readHeaders reads matchers of headers or metadata; false if nothing can ever match them.
func readHeaders(hs []resource.HTTPRouteHeader, path string, n *Notes) ([]Header, bool) {
	var out []Header
	usable := true
	for i, h := range hs {
		header, holds, ok := readHeader(h, at(path, i), n)
		usable = usable && ok
		if ok && !holds {
			out = append(out, header)
		}
	}
	return out, usable
}

// readHeader reads one matcher. always: it holds for every request; ok is false if it can't hold, or can't be used.
func readHeader(h resource.HTTPRouteHeader, path string, n *Notes) (header Header, always, ok bool) {
	header = Header{Name: h.Name, Invert: h.Invert != nil && *h.Invert}
	if !isToken(h.Name) {
		n.add("header-name", path+".name", quoted("%s can't be a header's name: the route is left out", h.Name), "use letters, digits and hyphens")
		return header, false, false
	}
	if h.Match == nil {
		return header, false, true
	}
	switch m := h.Match; {
	case m.Exact != "":
		header.Kind, header.Value = HeaderExact, m.Exact
	case m.Prefix != "":
		header.Kind, header.Value = HeaderPrefix, m.Prefix
	case m.Suffix != "":
		header.Kind, header.Value = HeaderSuffix, m.Suffix
	case m.Regex != "":
		if problem := checkRegex(m.Regex); problem != "" {
			n.add("regex-invalid", path+".match.regex", quoted("%s %s: the route is left out", m.Regex, plain(problem)), regexHint)
			return header, false, false
		}
		header.Kind, header.Value = HeaderRegex, m.Regex
	case m.Range != nil:
		if m.Range.End <= m.Range.Start {
			what := "the route is left out"
			if header.Invert {
				what = "inverted, the matcher always holds"
			}
			n.add("range-empty", path+".match.range", quoted("no number is at least %d and less than %d: %s", m.Range.Start, m.Range.End, plain(what)), "make end greater than start: it is excluded itself")
			return header, header.Invert, header.Invert
		}
		header.Kind, header.Start, header.End = HeaderRange, m.Range.Start, m.Range.End
	}
	return header, false, true
}

// readQuery reads matchers of query parameters; false if they can't be used.
func readQuery(qs []resource.HTTPQueryParameter, path string, n *Notes) ([]Query, bool) {
	var out []Query
	usable := true
	for i, q := range qs {
		if q.Name == "" || len(q.Name) > 1024 {
			n.add("query-name", at(path, i)+".name", quoted("%s can't be matched: the route is left out", q.Name), "use a name of 1 to 1024 bytes")
			usable = false
			continue
		}
		query := Query{Name: q.Name, Present: true}
		if q.Match != nil && q.Match.Exact != nil {
			query.Present, query.Exact = false, *q.Match.Exact
		}
		out = append(out, query)
	}
	return out, usable
}

// grpcPath is the path of a gRPC service's or method's requests.
func grpcPath(service, method string) Path {
	switch {
	case service == "":
		return Path{Kind: PathAny, Value: "/"}
	case method == "":
		return Path{Kind: PathPrefix, Value: "/" + service + "/"}
	}
	return Path{Kind: PathExact, Value: "/" + service + "/" + method}
}
