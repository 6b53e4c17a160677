package compile

import (
	"slices"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/envoy"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// This file: the passes that make a virtual node's own resources.

// sides are the resources of one side of a proxy: those that depend on how connections arrive; and routes and secrets,
// which don't.
type sides struct {
	own     []artifact.ID
	routes  []artifact.ID
	secrets []artifact.ID
}

func nodeScope(node string) string {
	return string(proxyKey(resource.Key{Kind: resource.KindVirtualNode, Name: node}))
}

func ingress(j *job, id unitID) any {
	s := get[graph.Serves](j, pServes, id.a, "", 0)
	mesh, scope := j.memo.mesh.Name, nodeScope(id.a)
	var out sides
	var needs []string
	for _, l := range s.Listeners {
		cluster := envoy.ApplicationCluster(mesh, id.a, l.Port)
		at := envoy.Address(s.IP.Loopback(), l.Port.Port)
		out.own = append(out.own, j.emitCluster(scope, envoy.Application(mesh, id.a, l, at), nil, ""))
		if !l.Protocol.HTTPLike() {
			needs = append(needs, cluster)
			continue
		}
		host := envoy.ApplicationHost(mesh, id.a, l)
		out.routes = append(out.routes, j.emitRoutes(scope, envoy.IngressRoutes(l.Port), [][]byte{host}, []string{cluster}))
	}
	out.secrets = j.serverSecrets(s.Listeners)
	if l := envoy.SidecarIngress(mesh, s); l != nil {
		out.own = append(out.own, j.emit(permitting(newListener(scope, l, "", needs), slices.ContainsFunc(s.Listeners, graph.Listener.Permissive))))
	}
	return out
}

func explicitIngress(j *job, id unitID) any {
	s := get[graph.Serves](j, pServes, id.a, "", 0)
	mesh, scope := j.memo.mesh.Name, explicitScope(nodeScope(id.a))
	var ids []artifact.ID
	for _, l := range s.Listeners {
		port := l.Port.Port
		var needs []string
		if !l.Protocol.HTTPLike() {
			needs = []string{envoy.ApplicationCluster(mesh, id.a, l.Port)}
		}
		ids = append(ids,
			j.emitCluster(scope, envoy.Application(mesh, id.a, l, envoy.Placeholder()), nil, graph.ApplicationFill(port)),
			j.emit(permitting(newListener(scope, envoy.ExplicitApplication(mesh, s, l), graph.BindFill(port), needs), l.Permissive())))
	}
	return ids
}

func egressListener(j *job, id unitID) any {
	c, p, mesh := j.calls(id.a), j.plan(id.a), j.memo.mesh.Name
	needs := []string{envoy.AmazonCluster(mesh)}
	if c.AllowAll {
		needs = append(needs, envoy.AllowAllCluster(mesh))
	}
	for _, e := range p.Ports {
		if !e.Protocol.HTTPLike() {
			needs = append(needs, j.clusterNames(e.Services[0], e.Port.Port)...)
		}
	}
	l := envoy.SidecarEgress(mesh, c, p, j.table, j.memo.amazonDomains())
	return j.emitListener(nodeScope(id.a), l, "", needs)
}

// amazonDomains are the server names of AWS's own services.
func (s setting) amazonDomains() []string {
	domains := []string{"*.amazonaws.com"}
	if s.Partition == "aws-cn" {
		domains = append(domains, "*.amazonaws.com.cn")
	}
	return domains
}

// egressRoutes are a node's routes on a port with HTTP-like backends.
func egressRoutes(j *job, id unitID) any {
	p := j.plan(id.a)
	i := slices.IndexFunc(p.Ports, func(e graph.EgressPort) bool { return e.Port.Port == id.port })
	if i < 0 || !p.Ports[i].Protocol.HTTPLike() {
		return nil
	}
	var hosts [][]byte
	var needs []string
	anyHost := false
	for _, service := range p.Ports[i].Services {
		h := get[host](j, pVirtualHost, service, "", id.port)
		hosts, needs = append(hosts, h.body), append(needs, h.needs...)
		anyHost = anyHost || service == "*"
	}
	if mesh := j.memo.mesh.Name; j.calls(id.a).AllowAll && !anyHost {
		hosts, needs = append(hosts, envoy.AllowAllHost(mesh, get[[]string](j, pForgotten, "", "", 0))), append(needs, envoy.AllowAllCluster(mesh))
	}
	return j.emitRoutes(nodeScope(id.a), envoy.EgressRoutes(p.Ports[i].Port), hosts, needs)
}

// maxForgotten bounds how many services are told apart among requests that pass as unknown: every node under ALLOW_ALL
// holds their names.
const maxForgotten = 100

// forgotten lists the services that a node without such a backend may call all the same under ALLOW_ALL; none in a mesh
// of more than maxForgotten.
func forgotten(j *job, _ unitID) any {
	names := j.names(resource.KindVirtualService, "")
	if len(names) > maxForgotten {
		return []string(nil)
	}
	var out []string
	for _, name := range names {
		if s := j.Service(name); s != nil && s.Usable && graph.HostHeader(name).Sound() {
			out = append(out, name)
		}
	}
	return out
}

// explicitEgress makes a listener for each port of each backend, and the HTTP proxy's.
func explicitEgress(j *job, id unitID) any {
	c, p, mesh := j.calls(id.a), j.plan(id.a), j.memo.mesh.Name
	scope := explicitScope(nodeScope(id.a))
	ids := []artifact.ID{
		j.emitCluster(scope, envoy.Anywhere(c), nil, ""),
		j.emitListener(scope, envoy.ExplicitProxyListener(c), graph.ProxyFill, nil),
	}
	for _, b := range p.Backends {
		var needs []string
		if !b.Protocol.HTTPLike() {
			needs = j.clusterNames(b.Service, b.Port.Port)
		}
		l := envoy.ExplicitBackend(mesh, b, j.table, c.AccessLog)
		ids = append(ids, j.emitListener(scope, l, graph.ServiceFill(b.Service, b.Port.Port), needs))
	}
	return ids
}

// explicitByName are the routes of the HTTP proxy: a virtual host for each name.
func explicitByName(j *job, id unitID) any {
	var hosts [][]byte
	var needs []string
	mesh, anyHost := j.memo.mesh.Name, false
	for _, n := range j.plan(id.a).ByName() {
		hosts = append(hosts, envoy.NamedHost(mesh, n, j.table(n.Service, n.Port.Port)))
		needs = append(needs, j.clusterNames(n.Service, n.Port.Port)...)
		anyHost = anyHost || slices.Contains(n.Domains, "*")
	}
	if !anyHost {
		hosts, needs = append(hosts, envoy.AnywhereHost(j.calls(id.a).AllowAll, j.memo.amazonDomains())), append(needs, envoy.ExplicitAnywhere)
	}
	return j.emitRoutes(explicitScope(nodeScope(id.a)), envoy.ExplicitProxy, hosts, needs)
}
