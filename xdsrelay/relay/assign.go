package relay

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

var deterministic = proto.MarshalOptions{Deterministic: true}

// assign makes the load assignment of a cluster: one locality a zone. from is sorted by zone, as Join leaves it. No
// endpoints is an empty assignment.
func assign(cluster string, from []endpoint.Endpoint) *entry {
	assignment := &endpointv3.ClusterLoadAssignment{ClusterName: cluster}
	var group *endpointv3.LocalityLbEndpoints
	for _, e := range from {
		if group == nil || group.Locality.Zone != e.Zone {
			group = &endpointv3.LocalityLbEndpoints{Locality: &corev3.Locality{Zone: e.Zone}}
			assignment.Endpoints = append(assignment.Endpoints, group)
		}
		health := corev3.HealthStatus_HEALTHY
		if !e.Healthy {
			health = corev3.HealthStatus_UNHEALTHY
		}
		group.LbEndpoints = append(group.LbEndpoints, &endpointv3.LbEndpoint{
			HealthStatus: health,
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
				Address: socketAddress(e.Address, e.Port),
			}},
		})
	}
	body, err := deterministic.Marshal(assignment)
	if err != nil {
		// Only a string that is no UTF-8 can fail, and zones come from logs that are JSON.
		body, _ = deterministic.Marshal(&endpointv3.ClusterLoadAssignment{ClusterName: cluster})
	}
	return newEntry(endpoints, cluster, contentHash(body), body, nil)
}

func socketAddress(host string, port int) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
	}}}
}
