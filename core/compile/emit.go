package compile

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/envoy"
	"github.com/ownmesh/ownmesh/core/graph"
)

// shared is the scope of resources that all proxies have in common.
const shared = ""

// explicitScope is the scope of resources that a proxy has for explicit interception alone.
func explicitScope(proxy string) string { return proxy + "!explicit" }

func (j *job) emitCluster(scope string, c *clusterv3.Cluster, sel *endpoint.Selector, fill artifact.Fill) artifact.ID {
	return j.emit(newCluster(scope, c, sel, fill))
}

func newCluster(scope string, c *clusterv3.Cluster, sel *endpoint.Selector, fill artifact.Fill) artifact.Resource {
	id := artifact.ID{Type: artifact.Cluster, Name: c.Name, Scope: scope}
	return artifact.NewResource(id, envoy.Marshal(c), sel, fill, nil)
}

// permitting is the resource with Permissive set, if it is so.
func permitting(r artifact.Resource, permissive bool) artifact.Resource {
	if permissive {
		return r.Permitting()
	}
	return r
}

func (j *job) emitSecret(s *tlsv3.Secret) artifact.ID {
	id := artifact.ID{Type: artifact.Secret, Name: s.Name, Scope: shared}
	return j.emit(artifact.NewResource(id, envoy.Marshal(s), nil, "", nil))
}

func (j *job) emitListener(scope string, l *listenerv3.Listener, fill artifact.Fill, needs []string) artifact.ID {
	return j.emit(newListener(scope, l, fill, needs))
}

func newListener(scope string, l *listenerv3.Listener, fill artifact.Fill, needs []string) artifact.Resource {
	id := artifact.ID{Type: artifact.Listener, Name: l.Name, Scope: scope}
	return artifact.NewResource(id, envoy.Marshal(l), nil, fill, needs)
}

func (j *job) emitRoutes(scope, name string, hosts [][]byte, needs []string) artifact.ID {
	id := artifact.ID{Type: artifact.Route, Name: name, Scope: scope}
	return j.emit(artifact.NewResource(id, envoy.RouteConfiguration(name, hosts), nil, "", needs))
}

// clusterNames are Envoy's names of the clusters that a service's port leads to.
func (j *job) clusterNames(service string, port int) []string {
	var names []string
	for _, d := range get[[]graph.Destination](j, pClusters, service, "", port) {
		names = append(names, envoy.EgressCluster(j.memo.mesh.Name, d.Node, d.Port))
	}
	return names
}
