package compile

import (
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/envoy"
	"github.com/ownmesh/ownmesh/core/graph"
)

// This file: the passes whose messages many proxies share.

// host is a virtual host, marshalled, and the clusters that it leads to.
type host struct {
	body  []byte
	needs []string
}

func virtualHost(j *job, id unitID) any {
	domains := graph.Domains(id.a, id.port)
	return host{
		body:  envoy.VirtualHost(j.memo.mesh.Name, id.a, domains, j.table(id.a, id.port)),
		needs: j.clusterNames(id.a, id.port),
	}
}

// egressCluster is a listener of a virtual node, for all callers that have the client policy b.
func egressCluster(j *job, id unitID) any {
	o, ok := j.read(unitID{pass: pOffer, a: id.a, port: id.port}).(graph.Offer)
	if !ok {
		return []artifact.ID(nil)
	}
	mesh, scope := j.memo.mesh.Name, policyScope(id.b)
	tls, speaks, ok := o.Upstream(graph.ParsePolicy(id.b), j.material)
	switch {
	case !ok:
		return []artifact.ID{j.emitCluster(scope, envoy.NoEgress(mesh, o), nil, "")}
	case !speaks:
		return []artifact.ID{j.emitCluster(scope, envoy.Egress(mesh, o, nil), envoy.Selector(o), "")}
	}
	ids := []artifact.ID{j.emit(permitting(newCluster(scope, envoy.Egress(mesh, o, &tls), envoy.Selector(o), ""), o.Permissive))}
	if tls.Certificate != nil {
		ids = append(ids, j.certificate(*tls.Certificate)...)
	}
	if tls.Peers != nil {
		ids = append(ids, j.trust(tls.Peers.Trust)...)
	}
	return ids
}

func amazon(j *job, _ unitID) any {
	return j.emitCluster(shared, envoy.OriginalDestination(envoy.AmazonCluster(j.memo.mesh.Name)), nil, "")
}

func allowAll(j *job, _ unitID) any {
	return j.emitCluster(shared, envoy.AllowAll(j.memo.mesh.Name), nil, "")
}

// backendRoutes are a service's routes for explicit interception: its address says which service is meant, whatever
// the Host is.
func backendRoutes(j *job, id unitID) any {
	body := envoy.AnyHost(j.memo.mesh.Name, id.a, j.table(id.a, id.port))
	return j.emitRoutes(shared, envoy.ExplicitEgress(id.a, id.port), [][]byte{body}, j.clusterNames(id.a, id.port))
}

// egressClusters are the clusters that a service's port leads to, and their secrets, for a caller with these policies.
func (j *job) egressClusters(service string, port int, policies []graph.Picked) []artifact.ID {
	var ids []artifact.ID
	for _, d := range get[[]graph.Destination](j, pClusters, service, "", port) {
		policy := graph.PolicyOf(policies, d.Node, d.Port.Port)
		cluster, _ := j.read(unitID{pass: pEgressCluster, a: d.Node, b: policy, port: d.Port.Port}).([]artifact.ID)
		ids = append(ids, cluster...)
	}
	return ids
}
