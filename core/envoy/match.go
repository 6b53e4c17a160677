package envoy

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/ownmesh/ownmesh/core/graph"
)

// routeMatch is what a request must be like.
func routeMatch(m graph.Match) *routev3.RouteMatch {
	out := &routev3.RouteMatch{}
	switch m.Path.Kind {
	case graph.PathExact:
		out.PathSpecifier = &routev3.RouteMatch_Path{Path: m.Path.Value}
	case graph.PathRegex:
		out.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: regex(m.Path.Value)}
	case graph.PathPrefix, graph.PathAny:
		out.PathSpecifier = prefix(m.Path.Value)
	}
	if m.GRPC {
		out.Grpc = &routev3.RouteMatch_GrpcRouteMatchOptions{}
	}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, headerMatch(h))
	}
	for _, q := range m.Query {
		out.QueryParameters = append(out.QueryParameters, queryMatch(q))
	}
	return out
}

func prefix(p string) *routev3.RouteMatch_Prefix { return &routev3.RouteMatch_Prefix{Prefix: p} }

func regex(r string) *matcherv3.RegexMatcher { return &matcherv3.RegexMatcher{Regex: r} }

func headerMatch(h graph.Header) *routev3.HeaderMatcher {
	out := &routev3.HeaderMatcher{Name: h.Name, InvertMatch: h.Invert}
	text := &matcherv3.StringMatcher{}
	switch h.Kind {
	case graph.HeaderPresent:
		out.HeaderMatchSpecifier = &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}
		return out
	case graph.HeaderRange:
		out.HeaderMatchSpecifier = &routev3.HeaderMatcher_RangeMatch{RangeMatch: &typev3.Int64Range{Start: h.Start, End: h.End}}
		return out
	case graph.HeaderExact:
		text.MatchPattern = &matcherv3.StringMatcher_Exact{Exact: h.Value}
	case graph.HeaderPrefix:
		text.MatchPattern = &matcherv3.StringMatcher_Prefix{Prefix: h.Value}
	case graph.HeaderSuffix:
		text.MatchPattern = &matcherv3.StringMatcher_Suffix{Suffix: h.Value}
	case graph.HeaderRegex:
		text.MatchPattern = &matcherv3.StringMatcher_SafeRegex{SafeRegex: regex(h.Value)}
	}
	out.HeaderMatchSpecifier = &routev3.HeaderMatcher_StringMatch{StringMatch: text}
	return out
}

// exactHeader is a matcher of a header's whole value.
func exactHeader(name, value string) *routev3.HeaderMatcher {
	return headerMatch(graph.Header{Name: name, Kind: graph.HeaderExact, Value: value})
}

func queryMatch(q graph.Query) *routev3.QueryParameterMatcher {
	out := &routev3.QueryParameterMatcher{Name: q.Name}
	if q.Present {
		out.QueryParameterMatchSpecifier = &routev3.QueryParameterMatcher_PresentMatch{PresentMatch: true}
		return out
	}
	out.QueryParameterMatchSpecifier = &routev3.QueryParameterMatcher_StringMatch{StringMatch: &matcherv3.StringMatcher{
		MatchPattern: &matcherv3.StringMatcher_Exact{Exact: q.Exact}}}
	return out
}

// setHeader overwrites a request's header with a text. Values are formats: a percent sign is doubled.
func setHeader(name, value string) *corev3.HeaderValueOption {
	return formatHeader(name, strings.ReplaceAll(value, "%", "%%"))
}

// formatHeader overwrites a request's header with what a format gives.
func formatHeader(name, format string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: format},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}
