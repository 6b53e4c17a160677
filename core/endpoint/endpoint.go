// Package endpoint knows instances of services and how a proxy's cluster selects among them.
//
// It is pure but for Registry and Ledger, the port for service registries (a table in AWS, a file on one machine), and
// Overlay, which lays one over what others registered in Cloud Map. The relay calls Join; the register use case calls
// Ledger. Start with Join.
package endpoint

import (
	"context"
	"fmt"
	"time"
)

// Instance is one registered instance of a service, raw: nothing about meshes or listeners in it.
type Instance struct {
	Namespace string `json:"namespace"` // Cloud Map namespace name: shop.local
	Service   string `json:"service"`   // Cloud Map service name: cart
	ID        string `json:"id"`
	IPv4      string `json:"ipv4,omitempty"`
	IPv6      string `json:"ipv6,omitempty"`
	// Ports maps a virtual node's listener port to the port to connect to, where they differ: so with explicit
	// interception. An absent port is itself.
	Ports      map[int]int       `json:"ports,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Zone       string            `json:"zone,omitempty"`      // availability zone
	Unhealthy  bool              `json:"unhealthy,omitempty"` // known to be unhealthy: gets no traffic
	// Version orders what is known of this instance: a change with a lower Version than the known one is late and
	// is ignored. Nanoseconds of the event or the registration.
	Version int64 `json:"version"`
}

// ServiceKey names a service.
type ServiceKey struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
}

// Selector says which instances are a cluster's endpoints.
type Selector struct {
	ServiceKey
	Attributes   map[string]string `json:"attributes,omitempty"`   // all must be equal
	IPPreference string            `json:"ipPreference,omitempty"` // App Mesh's values; "" as App Mesh's default
	Port         int               `json:"port"`                   // the target listener's port
}

// Endpoint is where a request can go.
type Endpoint struct {
	Address string // an IP address
	Port    int
	Zone    string
	Healthy bool
}

// Registry is the port for where instances are registered. Implementations pass endpointtest.Run.
type Registry interface {
	// Register writes or replaces an instance. One with a lower Version than the present one is late: *LateError.
	Register(ctx context.Context, i Instance) error
	// Deregister removes an instance; a missing one is no error. A later Register with the version that was removed,
	// or a lower one, is late, too (for a day at least).
	Deregister(ctx context.Context, s ServiceKey, id string) error
	// Instances reads a service's instances, sorted by ID; an unknown service has none.
	Instances(ctx context.Context, s ServiceKey) ([]Instance, error)
	// Services lists the services that have instances, sorted.
	Services(ctx context.Context) ([]ServiceKey, error)
}

// LateError says that a registration told of less than is known: nothing happened. Who forwards events may drop it.
type LateError struct {
	Known int64 // the version that is known; a higher one is not late
}

func (e *LateError) Error() string {
	return fmt.Sprintf("late: version %d of the instance is known already", e.Known)
}

// State is what an endpoints log describes: the instances of every service that the mesh's nodes name.
type State struct {
	Deleted  bool                               // the mesh is gone
	Services map[ServiceKey]map[string]Instance // by service, then by id; no map of instances is changed. A known service without any is there, empty
}

// Change leads from one State to the next.
type Change struct {
	Put             []Instance    `json:"put,omitempty"`             // sorted by namespace, service, id
	Remove          []InstanceKey `json:"remove,omitempty"`          // sorted
	AddServices     []ServiceKey  `json:"addServices,omitempty"`     // now known, maybe without instances; sorted
	DeletedServices []ServiceKey  `json:"deletedServices,omitempty"` // no longer wanted; their instances go too; sorted
	Deleted         bool          `json:"deleted,omitempty"`         // tombstone: the mesh is gone
	At              time.Time     `json:"at,omitzero"`
}

// InstanceKey names an instance.
type InstanceKey struct {
	ServiceKey
	ID string `json:"id"`
}
