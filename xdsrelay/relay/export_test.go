package relay

import "github.com/ownmesh/ownmesh/core/endpoint"

// EndpointUpdate is an encoded response with the endpoints of one cluster, for the server that benchmarks compare with.
func EndpointUpdate(cluster string) any {
	e := assign(cluster, []endpoint.Endpoint{{Address: "10.1.100.100", Port: 8080, Healthy: true}})
	r := newResponse(newHead(endpoints, 1, "relay-0123456789abcdef"), 1)
	r.add(part{name: cluster, entry: e})
	r.finish(1)
	return r
}
