package endpoint

import (
	"net/netip"
	"slices"
	"strings"
)

// App Mesh's IP preferences, as Selector.IPPreference spells them. "" counts as IPv4Preferred.
const (
	IPv4Preferred = "IPv4_PREFERRED"
	IPv4Only      = "IPv4_ONLY"
	IPv6Preferred = "IPv6_PREFERRED"
	IPv6Only      = "IPv6_ONLY"
)

// Join gives the endpoints that a selector picks from a state: each address and port once, sorted by zone, address
// and port, so that equal input gives equal output. Instances without a usable address or port give none. It is
// never an error that there are none.
func Join(sel Selector, s State) []Endpoint {
	best := map[netip.AddrPort]Endpoint{}
	for _, i := range s.Services[sel.ServiceKey] {
		if !matches(sel.Attributes, i.Attributes) {
			continue
		}
		where, ok := addressOf(sel, i)
		if !ok {
			continue
		}
		e := Endpoint{Address: where.Addr().String(), Port: int(where.Port()), Zone: i.Zone, Healthy: !i.Unhealthy}
		if known, double := best[where]; !double || better(e, known) {
			best[where] = e
		}
	}
	places := make([]netip.AddrPort, 0, len(best))
	for place := range best {
		places = append(places, place)
	}
	slices.SortFunc(places, func(a, b netip.AddrPort) int {
		if c := strings.Compare(best[a].Zone, best[b].Zone); c != 0 {
			return c
		}
		return a.Compare(b)
	})
	out := make([]Endpoint, len(places))
	for n, place := range places {
		out[n] = best[place]
	}
	return out
}

// better says which of two instances at one place speaks for it: a healthy one, then that of the lesser zone. Two
// are there while a task is being replaced, and when something was registered twice.
func better(a, b Endpoint) bool {
	if a.Healthy != b.Healthy {
		return a.Healthy
	}
	return a.Zone < b.Zone
}

func matches(want, have map[string]string) bool {
	for name, value := range want {
		if got, ok := have[name]; !ok || got != value {
			return false
		}
	}
	return true
}

func addressOf(sel Selector, i Instance) (netip.AddrPort, bool) {
	port := sel.Port
	if p, ok := i.Ports[sel.Port]; ok {
		port = p
	}
	if port < 1 || port > 65535 {
		return netip.AddrPort{}, false
	}
	var order []string
	switch sel.IPPreference {
	case IPv4Only:
		order = []string{i.IPv4}
	case IPv6Only:
		order = []string{i.IPv6}
	case IPv6Preferred:
		order = []string{i.IPv6, i.IPv4}
	default:
		order = []string{i.IPv4, i.IPv6}
	}
	for _, text := range order {
		// An address with a zone ("fe80::1%eth0") means something on one machine only, and Envoy refuses it.
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			return netip.AddrPortFrom(a, uint16(port)), true
		}
	}
	return netip.AddrPort{}, false
}
