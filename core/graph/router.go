package graph

import (
	"slices"

	"github.com/ownmesh/ownmesh/core/resource"
)

// ReadRouter reads a virtual router: the ports it is reached on.
func ReadRouter(r resource.Resource) (Ports, []resource.Finding) {
	n := &Notes{Key: r.Key}
	spec := decode[resource.VirtualRouterSpec](r, n)
	ports := Ports{}
	taken := map[int]bool{}
	for i, l := range spec.Listeners {
		if p, ok := readPort(l.PortMapping, at("spec.listeners", i)+".portMapping", taken, n); ok {
			ports = append(ports, p)
		}
	}
	if len(ports) == 0 {
		n.add("router-without-listener", "spec.listeners", "the router has no listener: the services that it provides can't be called", "give it a listener")
	}
	return ports, n.Found
}

// Table is what a provider does with what arrives on one of its ports.
type Table struct {
	Port
	Routes []BoundRoute // in order; of tcp, at most one
}

// Tables distributes a router's routes over its ports, in the order in which they are tried.
func Tables(ports Ports, routes []BoundRoute) []Table {
	slices.SortFunc(routes, func(a, b BoundRoute) int { return a.Order.compare(b.Order) })
	tables := make([]Table, len(ports))
	for i, p := range ports {
		tables[i].Port = p
		for _, r := range routes {
			if slices.Contains(r.On, p.Port) && (p.Protocol.HTTPLike() || len(tables[i].Routes) == 0) {
				tables[i].Routes = append(tables[i].Routes, r)
			}
		}
	}
	return tables
}

// Unrouted notes the ports of a router that no route is for.
func Unrouted(router string, tables []Table) []resource.Finding {
	n := Notes{Key: resource.Key{Kind: resource.KindVirtualRouter, Name: router}}
	for _, t := range tables {
		if len(t.Routes) > 0 {
			continue
		}
		answer := "requests there are answered with 404"
		if !t.Protocol.HTTPLike() {
			answer = "connections there are closed"
		}
		n.add("router-without-route", "spec.listeners", quoted("no route is for port %d: %s", t.Port.Port, plain(answer)), "create a route for it in this router, or see why its routes are left out")
	}
	return n.Found
}

// ShadowedTCP notes the tcp routes that never get a connection, for the first one takes all.
func ShadowedTCP(router string, ports Ports, routes []BoundRoute) []resource.Finding {
	var found []resource.Finding
	for _, p := range ports {
		if p.Protocol.HTTPLike() {
			continue
		}
		first := ""
		for _, r := range routes {
			if !slices.Contains(r.On, p.Port) {
				continue
			}
			if first == "" {
				first = r.Name
				continue
			}
			n := Notes{Key: resource.Key{Kind: resource.KindRoute, Parent: router, Name: r.Name}}
			n.add("route-shadowed", "spec.tcpRoute", quoted("route %s comes first on port %d and takes every connection: this one gets none", first, p.Port), "remove one of them, or give it another port")
			found = append(found, n.Found...)
		}
	}
	return found
}
