package graph

import (
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

// GatewayPlan is what a gateway's two passes are made of.
type GatewayPlan struct {
	Routes []BoundGatewayRoute // in the order in which they are tried
	Called []Called            // sorted by service
}

// Called is a service that a gateway's second pass reaches.
type Called struct {
	Service string
	Ports   []int // that gateway routes mean, ascending; none where the service has no port at all
	Steered bool  // the service has several ports: a header says which one is meant
}

// PlanGateway orders a gateway's routes and collects the services that they call. Two services whose names are the
// same host can't both be reached: the first by name is.
func PlanGateway(gateway string, routes []BoundGatewayRoute) (GatewayPlan, []resource.Finding) {
	slices.SortFunc(routes, func(a, b BoundGatewayRoute) int { return a.Order.compare(b.Order) })
	owner := hostOwners(routes)
	var plan GatewayPlan
	var found []resource.Finding
	for _, r := range routes {
		if other := owner[strings.ToLower(r.Service)]; other != r.Service {
			n := Notes{Key: resource.Key{Kind: resource.KindGatewayRoute, Parent: gateway, Name: r.Name}}
			n.add("domain-clash", r.Member+".action.target.virtualService.virtualServiceName", quoted("the gateway also calls %s, which is the same host: the route is left out", other), "rename one of the services: hosts are the same in upper and lower case")
			found = append(found, n.Found...)
			continue
		}
		plan.Routes = append(plan.Routes, r)
		plan.call(r)
	}
	slices.SortFunc(plan.Called, func(a, b Called) int { return strings.Compare(a.Service, b.Service) })
	return plan, found
}

// hostOwners maps each lower-case domain that services claim to the first service, by name, that claims it.
func hostOwners(routes []BoundGatewayRoute) map[string]string {
	names := make([]string, 0, len(routes))
	for _, r := range routes {
		names = append(names, r.Service)
	}
	slices.Sort(names)
	owner := map[string]string{}
	for _, name := range slices.Compact(names) {
		domains := Domains(strings.ToLower(name), PortEgress)
		free := true
		for _, d := range domains {
			_, taken := owner[d]
			free = free && !taken
		}
		if !free {
			continue
		}
		for _, d := range domains {
			owner[d] = name
		}
	}
	return owner
}

func (p *GatewayPlan) call(r BoundGatewayRoute) {
	i := slices.IndexFunc(p.Called, func(c Called) bool { return c.Service == r.Service })
	if i < 0 {
		i = len(p.Called)
		p.Called = append(p.Called, Called{Service: r.Service})
	}
	c := &p.Called[i]
	c.Steered = c.Steered || r.Steer != 0
	if port := r.Called.Port; port != 0 && !slices.Contains(c.Ports, port) {
		c.Ports = append(c.Ports, port)
		slices.Sort(c.Ports)
	}
}
