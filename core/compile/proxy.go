package compile

import (
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// proxy collects the sets of resources of a virtual node or gateway.
func proxy(j *job, id unitID) any {
	kind, name, _ := strings.Cut(id.a, "/")
	switch resource.Kind(kind) {
	case resource.KindVirtualNode:
		if n := j.node(name); n != nil {
			j.proxy = j.sidecarSets(id.a, name, n.UID)
		}
	case resource.KindVirtualGateway:
		if g := j.gateway(name); g != nil {
			j.proxy = j.gatewaySets(id.a, name, g.UID)
		}
	}
	return nil
}

func (j *job) sidecarSets(key, name, uid string) *artifact.Proxy {
	in, p, policies := get[sides](j, pIngress, name, "", 0), j.plan(name), get[[]graph.Picked](j, pNodePolicies, name, "", 0)
	transparent := slices.Concat(in.own, in.routes, in.secrets,
		j.ids(pEgressListener, name, 0), j.ids(pAmazon, "", 0))
	if j.calls(name).AllowAll {
		transparent = append(transparent, j.ids(pAllowAll, "", 0)...)
	}
	for _, e := range p.Ports {
		transparent = append(transparent, j.ids(pEgressRoutes, name, e.Port.Port)...)
		for _, service := range e.Services {
			transparent = append(transparent, j.egressClusters(service, e.Port.Port, policies)...)
		}
	}
	out := &artifact.Proxy{UID: uid, Transparent: set(transparent)}
	if !get[bool](j, pMode, key, "", 0) {
		return out
	}
	explicit := slices.Concat(in.routes, in.secrets, j.ids(pExplicitIngress, name, 0), j.ids(pExplicitEgress, name, 0), j.ids(pExplicitByName, name, 0))
	for _, b := range p.Backends {
		if b.Protocol.HTTPLike() {
			explicit = append(explicit, j.ids(pBackendRoutes, b.Service, b.Port.Port)...)
		}
		explicit = append(explicit, j.egressClusters(b.Service, b.Port.Port, policies)...)
	}
	out.Explicit = set(explicit)
	return out
}

func (j *job) gatewaySets(key, name, uid string) *artifact.Proxy {
	both := slices.Concat(j.serverSecrets(j.edge(name)), j.ids(pFirstPass, name, 0), j.ids(pSecondPass, name, 0))
	policies := get[[]graph.Picked](j, pGatewayPolicies, name, "", 0)
	for _, called := range j.gatewayPlan(name).Called {
		for _, port := range called.Ports {
			both = append(both, j.egressClusters(called.Service, port, policies)...)
		}
	}
	out := &artifact.Proxy{UID: uid, Transparent: set(slices.Concat(both, j.ids(pGatewayListeners, name, 0)))}
	if get[bool](j, pMode, key, "", 0) {
		out.Explicit = set(slices.Concat(both, j.ids(pExplicitGateway, name, 0)))
	}
	return out
}

// ids reads what a unit emitted.
func (j *job) ids(p passNo, a string, port int) []artifact.ID {
	switch v := j.read(unitID{pass: p, a: a, port: port}).(type) {
	case artifact.ID:
		return []artifact.ID{v}
	case []artifact.ID:
		return v
	}
	return nil
}

// set sorts and drops doubles.
func set(ids []artifact.ID) []artifact.ID {
	slices.SortFunc(ids, artifact.ID.Compare)
	return slices.Compact(ids)
}

var _ graph.World = (*job)(nil)
