package artifacttest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
)

// backends is how many other nodes each node of Mesh calls.
const backends = 10

// Mesh makes a config at generation 1 as large as a compiled mesh of so many virtual nodes: each has two listeners,
// a route and a cluster of its own, an EDS cluster and a route that its callers share, and ten backends. Bodies are
// about 600 bytes, of which half can't be compressed. The same arguments give the same config.
func Mesh(uid string, nodes int) *artifact.Config {
	cfg := &artifact.Config{
		Mesh: "shop", UID: uid, Generation: 1, Compiler: 1,
		Resources: map[artifact.ID]artifact.Resource{}, Proxies: map[artifact.ProxyKey]artifact.Proxy{},
	}
	for i := range nodes {
		scope := string(nodeKey(i))
		set := []artifact.ID{
			{Type: artifact.Cluster, Name: "cds_ingress_shop", Scope: scope},
			{Type: artifact.Listener, Name: "lds_egress_0.0.0.0_15001", Scope: scope},
			{Type: artifact.Listener, Name: "lds_ingress_0.0.0.0_15000", Scope: scope},
			{Type: artifact.Route, Name: "rds_ingress_http_8080", Scope: scope},
			sharedCluster(i), SharedRoute(i),
		}
		for _, id := range set {
			put(cfg, id, 1)
		}
		set = set[:4]
		for b := 1; b <= min(backends, nodes-1); b++ {
			set = append(set, sharedCluster((i+b)%nodes), SharedRoute((i+b)%nodes))
		}
		slices.SortFunc(set, artifact.ID.Compare)
		cfg.Proxies[nodeKey(i)] = artifact.Proxy{UID: fmt.Sprintf("uid-%d", i), Transparent: set}
	}
	return cfg
}

func nodeKey(i int) artifact.ProxyKey {
	return artifact.ProxyKey(fmt.Sprintf("virtualNode/node-%d", i))
}

func sharedCluster(i int) artifact.ID {
	return artifact.ID{Type: artifact.Cluster, Name: fmt.Sprintf("cds_egress_shop_node-%d_http_8080", i)}
}

// SharedRoute is the route configuration of a node of Mesh that all callers of the node share.
func SharedRoute(i int) artifact.ID {
	return artifact.ID{Type: artifact.Route, Name: fmt.Sprintf("rds_egress_shop_node-%d.shop.local_8080", i)}
}

func put(cfg *artifact.Config, id artifact.ID, version uint64) {
	cfg.Resources[id] = Resource(id, version)
}

// Resource makes a resource with a body that depends on its name and version.
func Resource(id artifact.ID, version uint64) artifact.Resource {
	var seed uint64 = 14695981039346656037
	for _, b := range []byte(id.String()) {
		seed = (seed ^ uint64(b)) * 1099511628211
	}
	r := rand.New(rand.NewPCG(seed, version))
	body := fmt.Appendf(nil, "%s type.googleapis.com/envoy.config.%s.v3 envoy.filters.network.http_connection_manager envoy.filters.http.router version %d ", id, id.Type, version)
	body = append(body, body...)
	for range 300 {
		body = append(body, byte(r.Uint32()))
	}
	var sel *endpoint.Selector
	var needs []string
	switch {
	case id.Type == artifact.Cluster && id.Scope == "":
		sel = &endpoint.Selector{ServiceKey: endpoint.ServiceKey{Namespace: "shop.local", Service: id.Name}, Port: 8080}
	case id.Type == artifact.Route && id.Scope == "":
		needs = []string{"cds_of_" + id.Name}
	}
	return artifact.NewResource(id, body, sel, "", needs)
}

// Touch makes a change to the next generation that changes one shared route of Mesh.
func Touch(cfg *artifact.Config, node int) artifact.ConfigChange {
	generation := cfg.Generation + 1
	return artifact.ConfigChange{
		Generation: generation, Compiler: cfg.Compiler,
		Resources: []artifact.Resource{Resource(SharedRoute(node), uint64(generation))},
		Causes:    []artifact.Cause{{Generation: generation, Key: fmt.Sprintf("route/node-%d", node), Caller: "arn:aws:iam::123456789012:user/ann"}},
	}
}

// Clone copies a config, so that changes of one don't show in the other.
func Clone(cfg *artifact.Config) *artifact.Config {
	c := *cfg
	c.Resources, c.Proxies = maps.Clone(cfg.Resources), maps.Clone(cfg.Proxies)
	return &c
}

// Difference says how two configs differ, to the last bit; "" if they don't.
func Difference(want, got *artifact.Config) string {
	if reflect.DeepEqual(want, got) { // a hundred times as fast as cmp
		return ""
	}
	return cmp.Diff(want, got)
}
