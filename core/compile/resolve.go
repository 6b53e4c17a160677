package compile

import (
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// This file: the passes that resolve references. What they do is graph's; here is what they read.

func bindRoute(j *job, id unitID) any {
	rt := get[*graph.Route](j, pRoute, id.a, id.b, 0)
	if rt == nil {
		return nil
	}
	key := resource.Key{Kind: resource.KindRoute, Parent: id.a, Name: id.b}
	b, found := graph.BindRoute(key, rt, j.RouterPorts(id.a), j.NodePorts)
	j.note(found)
	if b == nil {
		return nil
	}
	j.note(b.CheckTimeout(key, rt.Member, func(node string, port int) graph.Duration {
		return get[graph.Duration](j, pLimit, node, "", port)
	}))
	return *b
}

func tables(j *job, id unitID) any {
	ports := j.RouterPorts(id.a)
	var routes []graph.BoundRoute
	for _, name := range j.names(resource.KindRoute, id.a) {
		if b, ok := j.read(unitID{pass: pBound, a: id.a, b: name}).(graph.BoundRoute); ok {
			routes = append(routes, b)
		}
	}
	t := graph.Tables(ports, routes)
	j.note(graph.ShadowedTCP(id.a, ports, routes))
	j.note(graph.Unrouted(id.a, t))
	return t
}

func servicePorts(j *job, id unitID) any { return graph.ServicePorts(j, id.a) }

func (j *job) servicePorts(service string) graph.Ports {
	return get[graph.Ports](j, pServicePorts, service, "", 0)
}

func checkService(j *job, id unitID) any {
	j.note(graph.CheckService(j, resource.Key{Kind: resource.KindVirtualService, Name: id.a}))
	return nil
}

// table is what a service does on a port; without a provider, nothing.
func table(j *job, id unitID) any {
	empty := graph.Table{Port: graph.Port{Port: id.port, Protocol: graph.HTTP}}
	s := j.Service(id.a)
	switch {
	case s == nil:
	case s.Router != "":
		for _, t := range get[[]graph.Table](j, pTables, s.Router, "", 0) {
			if t.Port.Port == id.port {
				return t
			}
		}
	case s.Node != "":
		for _, p := range j.NodePorts(s.Node) {
			if p.Port == id.port {
				return graph.NodeTable(s.Node, p)
			}
		}
	}
	return empty
}

func (j *job) table(service string, port int) graph.Table {
	return get[graph.Table](j, pTable, service, "", port)
}

func clusters(j *job, id unitID) any { return j.table(id.a, id.port).Clusters() }

func patience(j *job, id unitID) any {
	t := j.table(id.a, id.port)
	d, _ := t.RequestTimeout()
	return graph.Timeout{PerRequest: d, Idle: t.IdleTimeout()}
}

func bindGatewayRoute(j *job, id unitID) any {
	g := get[*graph.GatewayRoute](j, pGatewayRoute, id.a, id.b, 0)
	if g == nil {
		return nil
	}
	key := resource.Key{Kind: resource.KindGatewayRoute, Parent: id.a, Name: id.b}
	b, found := graph.BindGatewayRoute(key, g, j.gateway(id.a), j.servicePorts)
	j.note(found)
	if b == nil {
		return nil
	}
	return *b
}

func plan(j *job, id unitID) any {
	key := resource.Key{Kind: resource.KindVirtualNode, Name: id.a}
	p, found := graph.PlanEgress(key, j.calls(id.a), j.servicePorts)
	j.note(found)
	return p
}

func (j *job) calls(node string) graph.Calls { return get[graph.Calls](j, pCalls, node, "", 0) }

func (j *job) plan(node string) graph.EgressPlan { return get[graph.EgressPlan](j, pPlan, node, "", 0) }

func gatewayPlan(j *job, id unitID) any {
	var routes []graph.BoundGatewayRoute
	for _, name := range j.names(resource.KindGatewayRoute, id.a) {
		if b, ok := j.read(unitID{pass: pBoundGateway, a: id.a, b: name}).(graph.BoundGatewayRoute); ok {
			routes = append(routes, b)
		}
	}
	p, found := graph.PlanGateway(id.a, routes)
	j.note(found)
	return p
}

func (j *job) gatewayPlan(gateway string) graph.GatewayPlan {
	return get[graph.GatewayPlan](j, pGatewayPlan, gateway, "", 0)
}
