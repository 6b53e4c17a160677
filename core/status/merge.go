package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/events"
)

// merge puts together what several relays say. A proxy that went from one relay to another is in both until
// the first writes again: the newer connection counts. And a relay's word may be older than what is published.
func merge(relays []events.RelayStatus, published int64) []Proxy {
	type identity struct{ resource, instance string }
	home := map[identity]int{} // the relay that has the proxy's newest connection
	newest := map[identity]events.ProxyStatus{}
	for i, r := range relays {
		for _, p := range r.Proxies {
			id := identity{p.Resource, p.Instance}
			if known, ok := newest[id]; !ok || p.ConnectedSince.After(known.ConnectedSince) {
				home[id], newest[id] = i, p
			}
		}
	}
	merged := []Proxy{}
	for i, r := range relays {
		for _, p := range r.Proxies {
			if home[identity{p.Resource, p.Instance}] != i {
				continue
			}
			if p.State == events.Current && p.Generation < published {
				p.State = events.Behind
				p.Waiting = append(p.Waiting, fmt.Sprintf("generation %d is published, and relay %s has not told of it yet", published, r.Relay))
			}
			p.Waiting, p.Unmapped, p.Rejected = orEmpty(p.Waiting), orEmpty(p.Unmapped), orEmpty(p.Rejected)
			merged = append(merged, Proxy{ProxyStatus: p, Relay: r.Relay})
		}
	}
	slices.SortStableFunc(merged, func(a, b Proxy) int {
		return cmp.Or(strings.Compare(a.Resource, b.Resource), strings.Compare(a.Instance, b.Instance))
	})
	return merged
}

// orEmpty makes JSON say [] rather than null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
