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

// egressCluster is a listener of a virtual node, for all of its callers.
func egressCluster(j *job, id unitID) any {
	o, ok := j.read(unitID{pass: pOffer, a: id.a, port: id.port}).(graph.Offer)
	if !ok {
		return nil
	}
	return j.emitCluster(shared, envoy.Egress(j.memo.mesh.Name, o), envoy.Selector(o), "")
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

// egressClusters are the clusters that services' ports lead to, for all callers.
func (j *job) egressClusters(service string, port int) []artifact.ID {
	var ids []artifact.ID
	for _, d := range get[[]graph.Destination](j, pClusters, service, "", port) {
		if id, ok := j.read(unitID{pass: pEgressCluster, a: d.Node, port: d.Port.Port}).(artifact.ID); ok {
			ids = append(ids, id)
		}
	}
	return ids
}
