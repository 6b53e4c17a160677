package relay

import (
	"github.com/ownmesh/ownmesh/core/artifact"
)

// kind is a type of xDS resource. The order of the constants is the order in which a change is made: what is named
// comes before what names it. Removals go in reverse.
type kind uint8

const (
	secret kind = iota
	cluster
	endpoints
	listener
	route
	kinds // how many there are
)

var typeURLs = [kinds]string{
	secret:    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
	cluster:   "type.googleapis.com/envoy.config.cluster.v3.Cluster",
	endpoints: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
	listener:  "type.googleapis.com/envoy.config.listener.v3.Listener",
	route:     "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
}

// kindNames are what status, metrics and logs call them.
var kindNames = [kinds]string{secret: "secret", cluster: "cluster", endpoints: "endpoint", listener: "listener", route: "route"}

func (k kind) String() string { return kindNames[k] }

// wildcard says whether a proxy may ask for all resources of this kind without naming them.
func (k kind) wildcard() bool { return k == cluster || k == listener }

func kindOfURL(url string) (kind, bool) {
	for k, u := range typeURLs {
		if u == url {
			return kind(k), true
		}
	}
	return 0, false
}

// artifactTypes is what the config log calls a kind; endpoints are not in it.
var artifactTypes = [kinds]artifact.Type{secret: artifact.Secret, cluster: artifact.Cluster, listener: artifact.Listener, route: artifact.Route}

// kindOfType gives the kind of a config log's type; one that a newer compiler may have added is not ok.
func kindOfType(t artifact.Type) (kind, bool) {
	for k, known := range artifactTypes {
		if known == t && t != "" {
			return kind(k), true
		}
	}
	return 0, false
}
