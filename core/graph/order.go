package graph

import (
	"cmp"
	"slices"
	"strings"
)

// Order is what decides which of two routes is tried first.
type Order struct {
	HasPriority bool
	Priority    int
	Class       PathKind // exact, prefix, regex, none
	Length      int      // of the prefix or the regex
	Matchers    int      // method, scheme, port, hostname, each header, query parameter and metadata
	Name        string
}

// compare orders: a lower priority first, those without one last; then by path: exact ones, the longest prefix, the
// longest regex, none; then the one with more matchers; then by name.
func (a Order) compare(b Order) int {
	if a.HasPriority != b.HasPriority {
		if a.HasPriority {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Class, b.Class), cmp.Compare(b.Length, a.Length),
		cmp.Compare(b.Matchers, a.Matchers), strings.Compare(a.Name, b.Name))
}

// orderOf is the place of a route with this priority and match.
func orderOf(name string, priority *int, m Match, port int) Order {
	o := Order{Class: m.Path.Kind, Name: name, Matchers: len(m.Headers) + len(m.Query)}
	if port != 0 {
		o.Matchers++
	}
	if priority != nil {
		o.HasPriority, o.Priority = true, *priority
	}
	if o.Class == PathPrefix || o.Class == PathRegex {
		o.Length = len(m.Path.Value)
	}
	return o
}

func sortBackends(bs []Backend) {
	slices.SortFunc(bs, func(a, b Backend) int { return strings.Compare(a.Service, b.Service) })
}
