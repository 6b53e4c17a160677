// Package load is the work that the servers of the benchmark do: one mesh, the same for all of them, in the shapes that
// each of them takes. It holds no server and measures nothing. Start with Shape.
//
// Each proxy gets 61 resources of some 36 KB: 20 EDS clusters with their endpoints, 20 route configurations, and one
// listener. All but one cluster, its endpoints and the listener are shared with every other proxy. A Change alters one
// instance: of a service that all proxies call, or of one that a single proxy calls.
package load

import (
	"fmt"
	"slices"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"google.golang.org/protobuf/proto"
)

// What the load is called.
const (
	MeshName = "bench"
	MeshUID  = "bench-uid"
)

const (
	clusters  = 20 // a proxy's, of which the last is its own
	instances = 24 // of a service
	zones     = 3
	port      = 8080
	own       = clusters - 1
)

// Everyone says that a Change reaches all proxies.
const Everyone = -1

// Change is the n-th change: one instance of a service gets another address.
type Change struct {
	Round int `json:"round"` // from 1; 0 is the state before any change
	Proxy int `json:"proxy"` // whose own service it is, or Everyone
}

// Marker is a text that only what follows from this change contains.
func (c Change) Marker() []byte { return []byte(c.address()) }

func (c Change) address() string {
	block := 100
	if c.Proxy != Everyone {
		block = 200
	}
	return fmt.Sprintf("10.%d.%d.%d", block, 100+c.Round/100, 100+c.Round%100)
}

// Shape is the load for so many proxies.
type Shape struct{ Proxies int }

// NodeID is the node.id that the i-th proxy sends.
func NodeID(i int) string { return "mesh/" + MeshName + "/" + string(ProxyKey(i)) }

// ProxyKey is the virtual node that the i-th proxy is.
func ProxyKey(i int) artifact.ProxyKey {
	return artifact.ProxyKey(fmt.Sprintf("virtualNode/node-%05d", i))
}

// service is what the c-th cluster of the i-th proxy leads to.
func service(i, c int) endpoint.ServiceKey {
	name := fmt.Sprintf("shared-%05d", c)
	if c == own {
		name = fmt.Sprintf("secret-%05d", i)
	}
	return endpoint.ServiceKey{Namespace: MeshName + ".local", Service: name}
}

func clusterName(i, c int) string {
	return fmt.Sprintf("cds_egress_%s_%s_http_%d", MeshName, service(i, c).Service, port)
}

func routeName(c int) string { return fmt.Sprintf("rds_egress_http_%d", 8000+c) }

const listenerName = "lds_egress_0.0.0.0_15001"

// ClusterNames are the clusters of the i-th proxy, and so the endpoints that it asks for.
func ClusterNames(i int) []string {
	names := make([]string, clusters)
	for c := range names {
		names[c] = clusterName(i, c)
	}
	return names
}

// RouteNames are the route configurations that every proxy asks for.
func RouteNames() []string {
	names := make([]string, clusters)
	for c := range names {
		names[c] = routeName(c)
	}
	return names
}

// changed is the service that a change concerns.
func (c Change) service() endpoint.ServiceKey {
	if c.Proxy == Everyone {
		return service(0, 0)
	}
	return service(c.Proxy, own)
}

// instancesOf is a service's instances after a change of it, sorted.
func instancesOf(key endpoint.ServiceKey, c Change) []endpoint.Instance {
	all := make([]endpoint.Instance, instances)
	for n := range all {
		all[n] = endpoint.Instance{
			Namespace: key.Namespace, Service: key.Service, ID: fmt.Sprintf("i-%02d", n), Version: 1,
			IPv4: fmt.Sprintf("10.10.110.%d", 100+n), Zone: fmt.Sprintf("use1-az%d", 1+n%zones),
		}
	}
	if c.Round > 0 {
		all[0].IPv4, all[0].Version = c.address(), int64(1+c.Round)
	}
	return all
}

func selector(key endpoint.ServiceKey) *endpoint.Selector {
	return &endpoint.Selector{ServiceKey: key, Port: port}
}

// Config is the load as a config log holds it.
func (s Shape) Config() *artifact.Config {
	cfg := &artifact.Config{
		Mesh: MeshName, UID: MeshUID, Generation: 1, Compiler: 1,
		Resources: map[artifact.ID]artifact.Resource{}, Proxies: map[artifact.ProxyKey]artifact.Proxy{},
	}
	put := func(id artifact.ID, m proto.Message, sel *endpoint.Selector, needs ...string) artifact.ID {
		cfg.Resources[id] = artifact.NewResource(id, marshal(m), sel, "", needs)
		return id
	}
	var shared []artifact.ID
	for c := range own {
		name := clusterName(0, c)
		shared = append(shared, put(artifact.ID{Type: artifact.Cluster, Name: name}, cluster(name), selector(service(0, c))))
	}
	for c := range clusters {
		shared = append(shared, put(artifact.ID{Type: artifact.Route, Name: routeName(c)}, route(c), nil, clusterName(0, c%own)))
	}
	for i := range s.Proxies {
		key, name := ProxyKey(i), clusterName(i, own)
		set := append(slices.Clone(shared),
			put(artifact.ID{Type: artifact.Cluster, Name: name}, cluster(name), selector(service(i, own))),
			put(artifact.ID{Type: artifact.Listener, Name: listenerName, Scope: string(key)}, listener(i), nil))
		slices.SortFunc(set, artifact.ID.Compare)
		cfg.Proxies[key] = artifact.Proxy{UID: fmt.Sprintf("uid-%05d", i), Transparent: set}
	}
	return cfg
}

// Endpoints is the load as an endpoints log holds it.
func (s Shape) Endpoints() *endpoint.State {
	state := &endpoint.State{Services: map[endpoint.ServiceKey]map[string]endpoint.Instance{}}
	add := func(key endpoint.ServiceKey) {
		byID := map[string]endpoint.Instance{}
		for _, i := range instancesOf(key, Change{}) {
			byID[i.ID] = i
		}
		state.Services[key] = byID
	}
	for c := range own {
		add(service(0, c))
	}
	for i := range s.Proxies {
		add(service(i, own))
	}
	return state
}

// EndpointsChange is what a change appends to the endpoints log.
func (c Change) EndpointsChange() endpoint.Change {
	return endpoint.Change{Put: instancesOf(c.service(), c)[:1]}
}
