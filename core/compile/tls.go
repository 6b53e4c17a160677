package compile

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/envoy"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/resource"
)

// This file: certificates, and the passes that choose them.

// SetCertificates says what is known of certificates and authorities that specs name by ARN (CertificateARNs): nothing
// of those that are not in it and were in none before. The next Apply brings the configuration to it.
func (c *Compiled) SetCertificates(known map[string]graph.Material) {
	for arn, m := range known {
		id := unitID{pass: pCertificate, a: arn}
		if m == (graph.Material{}) {
			c.memo.setInput(id, nil)
		} else {
			c.memo.setInput(id, m)
		}
	}
}

// CertificateARNs lists the certificates and authorities that a resource names, sorted.
func CertificateARNs(r resource.Resource) []string { return graph.CertificateARNs(r) }

// material is what is known of a certificate.
func (j *job) material(arn string) graph.Material {
	return get[graph.Material](j, pCertificate, arn, "", 0)
}

// secret is a certificate or the trust that proxies read from files: a is the chain or the trust, b the key, if any.
func secret(j *job, id unitID) any {
	if id.b == "" {
		return j.emitSecret(envoy.TrustSecret(id.a))
	}
	return j.emitSecret(envoy.CertificateSecret(graph.CertificateFiles{Chain: id.a, Key: id.b}))
}

func (j *job) certificate(c graph.Certificate) []artifact.ID {
	if c.SDS != "" {
		return nil
	}
	return []artifact.ID{get[artifact.ID](j, pSecret, c.File.Chain, c.File.Key, 0)}
}

func (j *job) trust(t graph.Trust) []artifact.ID {
	if t.File == "" {
		return nil
	}
	return []artifact.ID{get[artifact.ID](j, pSecret, t.File, "", 0)}
}

// serverSecrets are what listeners read from files.
func (j *job) serverSecrets(ls []graph.Listener) []artifact.ID {
	var ids []artifact.ID
	for _, l := range ls {
		if l.TLS == nil {
			continue
		}
		ids = append(ids, j.certificate(l.TLS.Certificate)...)
		if l.TLS.Clients != nil {
			ids = append(ids, j.trust(l.TLS.Clients.Trust)...)
		}
	}
	return ids
}

// policyScope is the scope of clusters that callers under one policy share.
func policyScope(policy string) string {
	if policy == "" {
		return shared
	}
	sum := sha256.Sum256([]byte(policy))
	return "policy/" + hex.EncodeToString(sum[:8])
}

// nodePolicies picks the client policies of a virtual node.
func nodePolicies(j *job, id unitID) any {
	c := j.calls(id.a)
	backends := map[string]graph.Backend{}
	for _, b := range c.Backends {
		if b.Policy != nil {
			backends[b.Service] = b
		}
	}
	if len(backends) == 0 {
		return []graph.Picked(nil)
	}
	called := slices.Clone(j.plan(id.a).Backends)
	byIndex := map[string]int{}
	for _, b := range c.Backends {
		byIndex[b.Service] = b.Index
	}
	slices.SortStableFunc(called, func(a, b graph.BackendPort) int { return byIndex[a.Service] - byIndex[b.Service] })
	var uses []graph.Use
	for _, b := range called {
		for _, d := range get[[]graph.Destination](j, pClusters, b.Service, "", b.Port.Port) {
			u := graph.Use{Service: b.Service, Port: b.Port.Port, Target: d}
			u.Policy, u.Path = backends[b.Service].Policy, backends[b.Service].Path
			uses = append(uses, u)
		}
	}
	picked, found := graph.PickPolicies(resource.Key{Kind: resource.KindVirtualNode, Name: id.a}, uses, j.material)
	j.note(found)
	return picked
}

// gatewayPolicies picks the client policies of a virtual gateway.
func gatewayPolicies(j *job, id unitID) any {
	g := j.gateway(id.a)
	if g == nil || g.Policy == nil {
		return []graph.Picked(nil)
	}
	var uses []graph.Use
	for _, called := range j.gatewayPlan(id.a).Called {
		for _, port := range called.Ports {
			for _, d := range get[[]graph.Destination](j, pClusters, called.Service, "", port) {
				uses = append(uses, g.Use(called.Service, port, d))
			}
		}
	}
	picked, found := graph.PickPolicies(resource.Key{Kind: resource.KindVirtualGateway, Name: id.a}, uses, j.material)
	j.note(found)
	return picked
}

// edge is a gateway's listeners that can be served.
func edge(j *job, id unitID) any {
	g := j.gateway(id.a)
	if g == nil {
		return []graph.Listener(nil)
	}
	ls, found := g.Serves(j.material)
	j.note(found)
	return ls
}

func (j *job) edge(gateway string) []graph.Listener {
	return get[[]graph.Listener](j, pEdge, gateway, "", 0)
}
