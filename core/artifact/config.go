package artifact

import "github.com/ownmesh/ownmesh/core/endpoint"

// Type is the kind of an Envoy resource.
type Type string

// The types a config log holds, as its JSON spells them. Endpoints (EDS) are not in it: the relay makes them by
// joining a cluster's Selector with the endpoints log.
const (
	Secret   Type = "secret"
	Cluster  Type = "cluster"
	Listener Type = "listener"
	Route    Type = "route" // a RouteConfiguration
)

// ID names a resource inside one mesh's config: Type, Envoy's own name for it, and Scope, which tells apart
// resources of the same name that differ between proxies: "" for one that all proxies share; "policy/<hash>" for one
// that all callers under one client policy share; else the proxy ("virtualNode/cart"), with "!explicit" behind it for a
// variant made for explicit interception.
type ID struct {
	Type  Type   `json:"type"`
	Name  string `json:"name"`
	Scope string `json:"scope,omitempty"`
}

// Resource is one compiled Envoy resource. It is immutable: who changes it makes a new one.
type Resource struct {
	ID
	// Hash is the content's version: 32 hex digits over everything below. See NewResource.
	Hash string `json:"hash"`
	// Body is the deterministically marshalled Envoy message (Cluster, Listener, RouteConfiguration, Secret), not
	// wrapped in an Any.
	Body []byte `json:"body"`
	// Endpoints is set on EDS clusters: which instances the relay puts into the cluster's load assignment, which
	// has the cluster's name.
	Endpoints *endpoint.Selector `json:"endpoints,omitempty"`
	// Fill is set on resources made for explicit interception: which local address the relay must write into the
	// resource before it serves it. See Fill.
	Fill Fill `json:"fill,omitempty"`
	// Needs names clusters (Envoy names) that a listener or route refers to, sorted: the relay holds it until they
	// are acknowledged.
	Needs []string `json:"needs,omitempty"`
	// Overlap, of routes: virtual hosts that a new version lacks are served on for a moment, since requests that another
	// route configuration of the same proxy has sent there may be under way.
	Overlap bool `json:"overlap,omitempty"`
	// Permissive, of listeners and of clusters that lead to them: TLS and plain text are taken. So the relay can have the
	// listener begin with TLS before its callers do, and end with it after them.
	Permissive bool `json:"permissive,omitempty"`
}

// Fill says which address from the bootstrap's metadata goes into an explicit resource: into a listener's address,
// or into the only endpoint of a static cluster. Empty: nothing to fill in. Forms:
//
//	bind/<port>              listener: where the proxy accepts what is meant for the node's or gateway's port
//	application/<port>       cluster: where the application listens for the node's port
//	service/<name>:<port>    listener: the local address that means this backend
//	proxy                    listener: the HTTP proxy that knows all HTTP backends by name
//	self                     listener and cluster: a gateway's way to its own second pass
type Fill string

// ProxyKey names a proxy's resource: "virtualNode/<name>" or "virtualGateway/<name>".
type ProxyKey string

// Proxy is the set of resources that one virtual node's or gateway's Envoys get.
type Proxy struct {
	// UID is the uid of the virtual node or gateway: a proxy made again under an old name is another one.
	UID string `json:"uid"`
	// Transparent and Explicit are the two sets, sorted by Type, Name, Scope. Explicit is nil where explicit
	// interception is off.
	Transparent []ID `json:"transparent"`
	Explicit    []ID `json:"explicit,omitempty"`
}

// Config is the state that a config log describes: what the relay serves.
// A change of one resource that thousands of proxies share is a change of one entry here.
type Config struct {
	Mesh       string             `json:"mesh"` // the mesh's name
	UID        string             `json:"uid"`  // the mesh's uid
	Generation int64              `json:"generation"`
	Compiler   int                `json:"compiler"` // version of the compiler's output format; never goes back in a log
	Deleted    bool               `json:"deleted,omitempty"`
	Resources  map[ID]Resource    `json:"-"`
	Proxies    map[ProxyKey]Proxy `json:"-"`
}

// ConfigChange leads from one Config to the next. An empty one only moves Generation or Compiler forward.
type ConfigChange struct {
	Generation     int64              `json:"generation"`
	Compiler       int                `json:"compiler"`
	Deleted        bool               `json:"deleted,omitempty"`   // tombstone: the mesh is gone, and everything with it
	Resources      []Resource         `json:"resources,omitempty"` // new or changed, sorted by ID
	Removed        []ID               `json:"removed,omitempty"`   // sorted
	Proxies        map[ProxyKey]Proxy `json:"proxies,omitempty"`   // new, or with a changed set
	RemovedProxies []ProxyKey         `json:"removedProxies,omitempty"`
	Causes         []Cause            `json:"causes,omitempty"`
}

// Cause is a journal entry that a change contains.
type Cause struct {
	Generation int64  `json:"generation"`
	Key        string `json:"key"` // resource.Key.String()
	Deleted    bool   `json:"deleted,omitempty"`
	Caller     string `json:"caller,omitempty"`
}
