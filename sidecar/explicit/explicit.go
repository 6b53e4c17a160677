// Package explicit decides at which local addresses a sidecar and its application meet where nothing redirects
// traffic: the places that events.NodeMetadata names, such as bind/8080 or service/stock.shop.local:80.
//
// It opens no socket and asks nobody: what a proxy needs, the API says; what a person wants, flags and variables do.
// Start with Complete, which is for a task; the parts of it are for whoever chooses addresses otherwise.
package explicit

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Where a task's application finds what is not named otherwise. App Mesh's ports end at 15001.
const (
	Proxy = "127.0.0.1:15002" // the HTTP proxy that knows all HTTP backends by name
	Self  = "127.0.0.1:15003" // a gateway's way to itself
)

// The kinds of places that a port follows.
const (
	Bind        = "bind"        // where the sidecar accepts what is meant for a port
	Application = "application" // where the application listens for it
)

// ParsePort reads PORT=ADDR for the kind Bind or Application: "8080=9080" gives application/8080, 127.0.0.1:9080.
func ParsePort(kind, text string) (place, address string, err error) {
	port, address, ok := strings.Cut(text, "=")
	if n, err := strconv.ParseUint(port, 10, 16); !ok || err != nil || n == 0 {
		return "", "", fmt.Errorf("%q must be PORT=ADDR, such as 8080=127.0.0.1:20001", text)
	}
	address, err = FullAddress(address)
	return kind + "/" + port, address, err
}

// ParseService reads NAME:PORT=ADDR: "stock.shop.local:80=7001" gives service/stock.shop.local:80, 127.0.0.1:7001.
func ParseService(text string) (place, address string, err error) {
	name, address, ok := strings.Cut(text, "=")
	if i := strings.LastIndex(name, ":"); !ok || i < 1 {
		return "", "", fmt.Errorf("%q must be NAME:PORT=ADDR, such as stock.shop.local:80=127.0.0.1:20002", text)
	}
	address, err = FullAddress(address)
	return "service/" + name, address, err
}

// FullAddress reads IP:PORT, and makes 127.0.0.1:PORT of a mere port.
func FullAddress(s string) (string, error) {
	if _, err := strconv.ParseUint(s, 10, 16); err == nil {
		s = net.JoinHostPort("127.0.0.1", s)
	}
	a, err := netip.ParseAddrPort(strings.Replace(s, "localhost:", "127.0.0.1:", 1))
	if err != nil || a.Port() == 0 {
		return "", fmt.Errorf("address %q must be IP:PORT or a port", s)
	}
	return a.String(), nil
}

// Collisions finds places that would have the same address, by pairs: a sidecar that accepts at its application's own
// address would call itself for ever, or one of the two could not listen.
func Collisions(addresses map[string]string) []error {
	var problems []error
	places := slices.Sorted(maps.Keys(addresses))
	for i, one := range places {
		for _, other := range places[:i] {
			both := strings.HasPrefix(one, Application+"/") && strings.HasPrefix(other, Application+"/")
			if !both && overlap(addresses[other], addresses[one]) {
				problems = append(problems, fmt.Errorf("%s (%s) and %s (%s) would be in each other's way", other, addresses[other], one, addresses[one]))
			}
		}
	}
	return problems
}

// overlap tells whether one process at a and another at b would meet: 0.0.0.0 is every address.
func overlap(a, b string) bool {
	x, err := netip.ParseAddrPort(a)
	y, err2 := netip.ParseAddrPort(b)
	if err != nil || err2 != nil {
		return a == b
	}
	return x.Port() == y.Port() && (x.Addr() == y.Addr() || x.Addr().IsUnspecified() || y.Addr().IsUnspecified())
}

// Complete gives each place that a proxy needs in a task an address: what is given, else a fixed one, so that a task
// definition can say it to the application. Places that are given and not needed are kept: a backend may come later.
// unreached are the backends without an address of their own: the proxy alone leads to them.
func Complete(needed []string, given map[string]string) (addresses map[string]string, unreached []string, problems []error) {
	addresses = map[string]string{}
	maps.Copy(addresses, given)
	for _, place := range needed {
		if addresses[place] != "" {
			continue
		}
		kind, rest, _ := strings.Cut(place, "/")
		switch kind {
		case Bind:
			addresses[place] = net.JoinHostPort("0.0.0.0", rest) // callers come from other tasks
		case Application:
			problems = append(problems, fmt.Errorf("nothing says where the application listens for port %s: the sidecar has that port itself", rest))
		case "proxy":
			addresses[place] = Proxy
		case "self":
			addresses[place] = Self
		default:
			unreached = append(unreached, strings.TrimPrefix(place, "service/"))
		}
	}
	return addresses, unreached, append(problems, Collisions(addresses)...)
}
