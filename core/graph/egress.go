package graph

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

// EgressPort is what a virtual node's outbound listener does with one port.
type EgressPort struct {
	Port
	Services []string // HTTP-like: all that share the port, sorted; tcp: one
}

// EgressPlan is a virtual node's outbound side.
type EgressPlan struct {
	Ports    []EgressPort  // for redirected connections, which are told apart by port first; ascending
	Backends []BackendPort // every port of every backend, for explicit interception; by service
}

// BackendPort is one port of one backend.
type BackendPort struct {
	Service string
	Port
}

// PlanEgress distributes a node's backends over ports. ports gives a service's ports; nil: no such service.
func PlanEgress(key resource.Key, c Calls, ports func(service string) Ports) (EgressPlan, []resource.Finding) {
	n := &Notes{Key: key}
	p := planner{notes: n, at: map[int]int{}, http: map[int]bool{}, domains: map[int]map[string]string{}}
	for _, b := range c.Backends {
		for _, port := range ports(b.Service) {
			if port.Protocol.HTTPLike() {
				p.http[port.Port] = true
			}
		}
	}
	for _, b := range c.Backends {
		path := at("spec.backends", b.Index) + ".virtualService.virtualServiceName"
		found := ports(b.Service)
		if found == nil {
			n.add("backend-missing", path, quoted("there is no virtual service %s that can be called: calls to it fail, or under the egress filter ALLOW_ALL pass the mesh by", b.Service), "create the virtual service, or remove the backend")
		}
		for _, port := range found {
			p.plan.Backends = append(p.plan.Backends, BackendPort{Service: b.Service, Port: port})
			p.add(b.Service, port, path)
		}
	}
	slices.SortFunc(p.plan.Ports, func(a, b EgressPort) int { return cmp.Compare(a.Port.Port, b.Port.Port) })
	return p.plan, n.Found
}

type planner struct {
	plan    EgressPlan
	notes   *Notes
	at      map[int]int // port -> place in plan.Ports
	http    map[int]bool
	domains map[int]map[string]string // port -> lower-case domain -> service
}

func (p *planner) add(service string, port Port, path string) {
	if port.Port == PortIngress || port.Port == PortEgress {
		p.notes.add("port-reserved", path, quoted("the proxy itself uses port %d: %s can't be called on it where connections are redirected", port.Port, service), "give the service's provider another port")
		return
	}
	i, shared := p.at[port.Port]
	switch {
	case port.Protocol == TCP && p.http[port.Port]:
		p.notes.add("backend-port", path, quoted("port %d also has HTTP backends, and tcp is told apart by port alone: %s can't be called on it where connections are redirected", port.Port, service), "give the provider of one of them another listener port")
	case port.Protocol == TCP && shared:
		p.notes.add("backend-port", path, quoted("port %d belongs to tcp backend %s already: %s can't be called on it where connections are redirected", port.Port, p.plan.Ports[i].Services[0], service), "give the provider of one of them another listener port")
	case port.Protocol == TCP:
		p.at[port.Port] = len(p.plan.Ports)
		p.plan.Ports = append(p.plan.Ports, EgressPort{Port: port, Services: []string{service}})
	default:
		if !p.claim(service, port, path) {
			return
		}
		if !shared {
			i = len(p.plan.Ports)
			p.at[port.Port] = i
			p.plan.Ports = append(p.plan.Ports, EgressPort{Port: port})
		}
		e := &p.plan.Ports[i]
		e.Services = append(e.Services, service)
		if e.Protocol != port.Protocol {
			e.Protocol = HTTP // mixed
		}
	}
}

// claim takes a service's domains on a port, which only one service can have.
func (p *planner) claim(service string, port Port, path string) bool {
	taken := p.domains[port.Port]
	if taken == nil {
		taken = map[string]string{}
		p.domains[port.Port] = taken
	}
	for _, d := range Domains(service, port.Port) {
		if other, ok := taken[strings.ToLower(d)]; ok {
			p.notes.add("domain-clash", path, quoted("virtual service %s means host %s on port %d already: %s can't be called on it where connections are redirected", other, d, port.Port, service), "rename one of them: hosts are the same in upper and lower case")
			return false
		}
	}
	for _, d := range Domains(service, port.Port) {
		taken[strings.ToLower(d)] = service
	}
	return true
}

// Domains are the Host headers that mean a service on a port.
func Domains(service string, port int) []string {
	return []string{service, service + ":" + strconv.Itoa(port)}
}
