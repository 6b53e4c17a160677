package graph

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

// Service is a virtual service, as read: its provider is still a name.
type Service struct {
	Name   string
	Node   string // the provider; at most one of Node and Router is set
	Router string
	Usable bool // false: its name can't be a host's
}

// ReadService reads a virtual service.
func ReadService(r resource.Resource) (*Service, []resource.Finding) {
	n := &Notes{Key: r.Key}
	spec := decode[resource.VirtualServiceSpec](r, n)
	s := &Service{Name: r.Name, Usable: r.Name != "" && len(r.Name) <= 1024 && !hasControl(r.Name)}
	if !s.Usable {
		n.add("service-name", "virtualServiceName", "no request can name this as its host: the service is left out", "create it under its host's name")
	}
	switch p := spec.Provider; {
	case p != nil && p.VirtualRouter != nil:
		s.Router = p.VirtualRouter.VirtualRouterName
	case p != nil && p.VirtualNode != nil:
		s.Node = p.VirtualNode.VirtualNodeName
	default:
		n.add("provider-missing", "spec.provider", "nobody provides this service: there is no port to call it on, and a gateway answers 404", "give it a virtual node or virtual router")
	}
	return s, n.Found
}

// World is what resolving looks up; each look-up may be noted as a dependency. Absent things are nil.
type World interface {
	Service(name string) *Service
	NodePorts(node string) Ports
	RouterPorts(router string) Ports
}

// ServicePorts lists the ports that a service is called on: its provider's. Nil if there is no such service, or none
// that can be called.
func ServicePorts(w World, name string) Ports {
	s := w.Service(name)
	switch {
	case s == nil || !s.Usable:
		return nil
	case s.Router != "":
		return append(Ports{}, w.RouterPorts(s.Router)...)
	case s.Node != "":
		return append(Ports{}, w.NodePorts(s.Node)...)
	}
	return Ports{}
}

// CheckService notes what is wrong between a service and its provider.
func CheckService(w World, key resource.Key) []resource.Finding {
	n := &Notes{Key: key}
	s := w.Service(key.Name)
	switch {
	case s == nil:
	case s.Router != "":
		if w.RouterPorts(s.Router) == nil {
			n.add("provider-absent", "spec.provider.virtualRouter.virtualRouterName", quoted("there is no virtual router %s: the service can't be called", s.Router), "create the virtual router, or name another provider")
		}
	case s.Node != "":
		switch ports := w.NodePorts(s.Node); {
		case ports == nil:
			n.add("provider-absent", "spec.provider.virtualNode.virtualNodeName", quoted("there is no virtual node %s: the service can't be called", s.Node), "create the virtual node, or name another provider")
		case len(ports) == 0:
			n.add("provider-without-listener", "spec.provider.virtualNode.virtualNodeName", quoted("virtual node %s has no listener: there is no port to call the service on", s.Node), "give the node a listener")
		}
	}
	if ports := ServicePorts(w, key.Name); AsHost(key.Name) != key.Name && slices.ContainsFunc(ports, func(p Port) bool { return p.Protocol.HTTPLike() }) {
		n.add("service-host", "virtualServiceName", "servers don't take such a name for a host: requests to it are answered with 400, a gateway's too, and only an address of explicit interception leads there", "create it under its host's name, of letters, digits, hyphens and dots")
	}
	return n.Found
}

// NodeTable is what a service does with a port that a virtual node provides: one route for everything.
func NodeTable(node string, p Port) Table {
	r := BoundRoute{On: []int{p.Port}, Destinations: []Destination{{Node: node, Port: p, Weight: 100}}}
	if p.Protocol.HTTPLike() {
		r.Match = Match{Path: Path{Kind: PathAny, Value: "/"}}
		r.Retry = &DefaultRetry
	}
	return Table{Port: p, Routes: []BoundRoute{r}}
}

// RequestTimeout is how long a gateway waits for a service: the longest of its routes' timeouts, 0 (no limit) if one
// has none. False if there is no route: nothing to wait for.
func (t Table) RequestTimeout() (Duration, bool) {
	var longest Duration
	for _, r := range t.Routes {
		d := r.Timeout.Request()
		if d.Millis == 0 {
			return d, true
		}
		if d.Millis > longest.Millis {
			longest = d
		}
	}
	return longest, longest.Set
}

// IdleTimeout is how long a gateway lets a service's requests rest: as long as the most patient of its routes, 0 (no
// limit) if one has none. Unset where no route says anything, so that Envoy's own limit holds everywhere.
func (t Table) IdleTimeout() Duration {
	var longest Duration
	for _, r := range t.Routes {
		d := r.Timeout.Idle
		if d.Set && d.Millis == 0 {
			return d
		}
		if d.Set && d.Millis > max(longest.Millis, envoyIdle) {
			longest = d
		}
	}
	return longest
}

// envoyIdle is how long Envoy lets a request rest where nobody says anything, in milliseconds.
const envoyIdle = 300_000

func (d Destination) compare(o Destination) int {
	return cmp.Or(strings.Compare(d.Node, o.Node), cmp.Compare(d.Port.Port, o.Port.Port))
}

// Uses lists the destinations of a route that configuration names: none if no weight is above 0, and of tcp only those
// whose weight is.
func (r BoundRoute) Uses(p Protocol) []Destination {
	total := 0
	for _, d := range r.Destinations {
		total += d.Weight
	}
	if total == 0 {
		return nil
	}
	if p.HTTPLike() {
		return r.Destinations
	}
	return slices.DeleteFunc(slices.Clone(r.Destinations), func(d Destination) bool { return d.Weight == 0 })
}

// Clusters lists the listeners that a table's routes lead to, sorted, each once, with weight 0.
func (t Table) Clusters() []Destination {
	var all []Destination
	for _, r := range t.Routes {
		for _, d := range r.Uses(t.Protocol) {
			d.Weight = 0
			all = append(all, d)
		}
	}
	return mergeDestinations(all)
}
