// Package events is the contract between the parts of Ownmesh: what they tell each other, and where things lie in
// the artifact store. Every part may import it, and it imports only the standard library.
package events

import "time"

// MeshChanged tells compile and register that a mesh has changed, at least up to Generation; never what changed.
// Late, doubled or lost-then-retried ones do no harm. Generation 0 means "look", as a sweep does.
type MeshChanged struct {
	UID        string `json:"uid"`
	Generation int64  `json:"generation"`
}

// LogAppended tells readers on the same machine that a log has grown. It only saves them waiting.
type LogAppended struct {
	UID string
	Log LogName
}

// ProxyState is how a proxy stands to the newest published configuration.
type ProxyState string

// The states of a proxy.
const (
	Current  ProxyState = "current"  // has accepted everything that is published
	Behind   ProxyState = "behind"   // something was sent, or is held back, and is not yet accepted
	Rejected ProxyState = "rejected" // refused something that is published
)

// RelayStatus is what one relay knows of one mesh: an object at StatusPath, written anew when it changes and as a
// heartbeat every StatusHeartbeat. One older than three heartbeats is of a relay that is gone.
type RelayStatus struct {
	Relay      string        `json:"relay"`
	MeshUID    string        `json:"meshUid"`
	At         time.Time     `json:"at"`
	Generation int64         `json:"generation"` // of the config log as this relay has read it
	Proxies    []ProxyStatus `json:"proxies"`    // connected ones, sorted by Resource, Instance
}

// StatusHeartbeat is how often a relay rewrites an unchanged status.
const StatusHeartbeat = 30 * time.Second

// ProxyStatus is one connected Envoy.
type ProxyStatus struct {
	Resource       string         `json:"resource"`         // virtualNode/cart
	Instance       string         `json:"instance"`         // ECS task ARN, instance id, or the peer's address
	Interception   string         `json:"interception"`     // transparent or explicit
	ConnectedSince time.Time      `json:"connectedSince"`   //
	Generation     int64          `json:"generation"`       // the newest generation that it accepted all of
	State          ProxyState     `json:"state"`            //
	Waiting        []string       `json:"waiting"`          // why it is behind: "listener lds_… waits for cluster cds_…"
	Unmapped       []string       `json:"unmapped"`         // explicit only: what its bootstrap gives no address for: "service/cart:8080"
	Rejected       []RejectedPart `json:"rejected"`         //
	AckedAt        time.Time      `json:"ackedAt,omitzero"` // when it accepted Generation
}

// RejectedPart is a resource that Envoy refused, with Envoy's own message.
type RejectedPart struct {
	Type       string    `json:"type"` // cluster, listener, route, endpoint, secret
	Name       string    `json:"name"`
	Generation int64     `json:"generation"`
	Message    string    `json:"message"`
	At         time.Time `json:"at"`
}
