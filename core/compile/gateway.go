package compile

import (
	"slices"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/envoy"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// This file: the passes that make a virtual gateway's own resources.

func gatewayScope(gateway string) string {
	return string(proxyKey(resource.Key{Kind: resource.KindVirtualGateway, Name: gateway}))
}

// gatewayListeners makes the listeners, and the clusters that lead from them to the second pass.
func gatewayListeners(j *job, id unitID) any {
	g := j.gateway(id.a)
	if g == nil {
		return []artifact.ID(nil)
	}
	ip, scope, several := j.meshSpec().IP, gatewayScope(id.a), len(g.Listeners) > 1
	ids := []artifact.ID{j.emitListener(scope, envoy.SecondPassListener(g, ip), "", nil)}
	for _, l := range j.edge(id.a) {
		at := envoy.Address(ip.Loopback(), graph.PortEgress)
		ids = append(ids,
			j.emitCluster(scope, envoy.SelfRedirect(j.memo.mesh.Name, id.a, l, several, at), nil, ""),
			j.emitListener(scope, envoy.GatewayListener(g, l, ip), "", nil))
	}
	return ids
}

func explicitGateway(j *job, id unitID) any {
	g := j.gateway(id.a)
	if g == nil {
		return []artifact.ID(nil)
	}
	scope, several := explicitScope(gatewayScope(id.a)), len(g.Listeners) > 1
	ids := []artifact.ID{j.emitListener(scope, envoy.ExplicitSecondPass(g), graph.SelfFill, nil)}
	for _, l := range j.edge(id.a) {
		ids = append(ids,
			j.emitCluster(scope, envoy.SelfRedirect(j.memo.mesh.Name, id.a, l, several, envoy.Placeholder()), nil, graph.SelfFill),
			j.emitListener(scope, envoy.ExplicitGatewayListener(g, l), graph.BindFill(l.Port.Port), nil))
	}
	return ids
}

// firstPass makes each listener's routes to the gateway itself.
func firstPass(j *job, id unitID) any {
	g := j.gateway(id.a)
	if g == nil {
		return []artifact.ID(nil)
	}
	routes := j.gatewayPlan(id.a).Routes
	var ids []artifact.ID
	for _, l := range j.edge(id.a) {
		var mine []envoy.GatewayRoute
		for _, r := range routes {
			if slices.Contains(r.On, l.Port.Port) {
				mine = append(mine, envoy.GatewayRoute{BoundGatewayRoute: r, Timeout: j.patience(r)})
			}
		}
		cluster := envoy.SelfRedirectCluster(j.memo.mesh.Name, id.a, l.Port, len(g.Listeners) > 1)
		var needs []string
		if len(mine) > 0 {
			// It changes when the second pass does, which waits for its clusters: nothing is sent there that it doesn't know.
			needs = append(j.gatewayClusters(id.a), cluster)
		}
		host := envoy.FirstPass(cluster, mine)
		ids = append(ids, j.emitRoutes(gatewayScope(id.a), envoy.IngressRoutes(l.Port), [][]byte{host}, needs))
	}
	return ids
}

// patience is how long a gateway route's service may take; unset where it has no routes.
func (j *job) patience(r graph.BoundGatewayRoute) graph.Timeout {
	if r.Called.Port == 0 {
		return graph.Timeout{}
	}
	return get[graph.Timeout](j, pPatience, r.Service, "", r.Called.Port)
}

// secondPass makes the routes to the services that gateway routes call.
func secondPass(j *job, id unitID) any {
	g := j.gateway(id.a)
	if g == nil {
		return nil
	}
	var hosts [][]byte
	for _, called := range j.gatewayPlan(id.a).Called {
		c := envoy.Called{Called: called}
		for _, port := range called.Ports {
			c.Tables = append(c.Tables, j.table(called.Service, port))
		}
		hosts = append(hosts, envoy.ServiceHost(j.memo.mesh.Name, c))
	}
	name := envoy.EgressRoutes(envoy.SecondPass(g.Listeners))
	routes := artifact.NewResource(artifact.ID{Type: artifact.Route, Name: name, Scope: gatewayScope(id.a)},
		envoy.RouteConfiguration(name, hosts), nil, "", j.gatewayClusters(id.a))
	return j.emit(routes.Overlapping()) // the first pass may have sent requests to a service that is no longer called
}

// gatewayClusters are the names of the clusters that a gateway's second pass leads to.
func (j *job) gatewayClusters(gateway string) []string {
	var names []string
	for _, called := range j.gatewayPlan(gateway).Called {
		for _, port := range called.Ports {
			names = append(names, j.clusterNames(called.Service, port)...)
		}
	}
	return names
}
