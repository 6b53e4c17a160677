package load

import (
	"google.golang.org/protobuf/proto"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// The kinds of resources, as their type URLs.
const (
	ClusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	EndpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	ListenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"
	RouteType    = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
)

// Types lists the kinds in the order in which a proxy asks for them.
func Types() []string { return []string{ClusterType, EndpointType, ListenerType, RouteType} }

// Messages is the load as Envoy's own types, each made once.
type Messages struct {
	// Shared is what all proxies have, by kind. An assignment that changes is the first.
	Shared map[string][]proto.Message
	// Own is what a proxy alone has, by proxy and kind.
	Own []map[string][]proto.Message
}

// Messages makes the load before any change.
func (s Shape) Messages() *Messages {
	m := &Messages{Shared: map[string][]proto.Message{}, Own: make([]map[string][]proto.Message, s.Proxies)}
	for c := range clusters {
		m.Shared[RouteType] = append(m.Shared[RouteType], route(c))
		if c != own {
			m.Shared[ClusterType] = append(m.Shared[ClusterType], cluster(clusterName(0, c)))
			m.Shared[EndpointType] = append(m.Shared[EndpointType], assign(0, c, Change{}))
		}
	}
	for i := range m.Own {
		m.Own[i] = map[string][]proto.Message{
			ClusterType:  {cluster(clusterName(i, own))},
			EndpointType: {assign(i, own, Change{})},
			ListenerType: {listener(i)},
		}
	}
	return m
}

// Apply brings the messages to the state after a change.
func (m *Messages) Apply(c Change) {
	if c.Proxy == Everyone {
		m.Shared[EndpointType][0] = c.Message()
		return
	}
	m.Own[c.Proxy][EndpointType][0] = c.Message()
}

// Message is the assignment that a change leads to, of the only cluster that it concerns.
func (c Change) Message() proto.Message {
	if c.Proxy == Everyone {
		return assign(0, 0, c)
	}
	return assign(c.Proxy, own, c)
}

// assign is the assignment of the i-th proxy's c-th cluster, after a change of its service.
func assign(i, c int, last Change) proto.Message {
	key := service(i, c)
	byID := map[string]endpoint.Instance{}
	for _, instance := range instancesOf(key, last) {
		byID[instance.ID] = instance
	}
	state := endpoint.State{Services: map[endpoint.ServiceKey]map[string]endpoint.Instance{key: byID}}
	return assignment(clusterName(i, c), endpoint.Join(*selector(key), state))
}
